"""From a piece to lo-fi: the function behind `musictool lofi`.

    piece -> steady tempo, swing -> electric piano -> tape: wow, bit crusher, low-pass -> ducked by the kick +
                   |                                                                                        |
                   +-> drums on its beats and bars -> low-pass ---------------------------------------------+-> -14 LUFS
                                                                                                            |
                                                      rain, vinyl or a file ---------> ducked by the kick --+

The background begins one bar before the music; all fades out at the end. Everything is streamed: memory does not grow
with the piece.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from musictool.apps.lofi.background import LEVEL, background
from musictool.apps.lofi.drums import drum_part, kick_seconds, styles
from musictool.apps.lofi.duration import continue_with_model, fit_duration
from musictool.apps.lofi.options import NONE, LofiOptions
from musictool.apps.lofi.tape import BitCrusher, Ducking, Filter, Wow, saturated
from musictool.apps.lofi.tempo import delay_by_a_bar, with_swing
from musictool.engine.current import Loads, loads_as_needed
from musictool.errors import NoMusic
from musictool.music.score import Score, Track, sort_notes
from musictool.reading import read_named
from musictool.sound.file import FORMATS, FRAMES, Spool, check_sound_room, write_mastered
from musictool.sound.loudness import RATE
from musictool.sound.soundfont import default_path, load
from musictool.sound.synthesis import TAIL_SECONDS, sections
from musictool.writers.audio import check_seconds
from musictool.writing import checked_places, write

MODEL_MINUTES = 3.0
ELECTRIC_PIANO, ELECTRIC_BASS = 4, 33
BASSES = (*range(32, 40), 43)  # programs
SAMPLE_LEVEL, DRUMS_LEVEL = -18.0, -21.0  # LUFS, before the mix is brought to -14
BACKGROUND_LEVELS = {"rain": -36.0, "vinyl": -38.0}
FILE_LEVEL = -34.0
DUCKING_DECIBELS = 5.0
FADE_OUT_SECONDS, FADE_OUT_SHARE = 8.0, 0.25


@dataclass(frozen=True)
class Arrangement:
    """A piece as it will sound.

    Attributes:
        sample, drums: Scores with the same tempos; the second may have no note.
        style: of the drums.
        seconds: to the end of the last bar.
    """

    sample: Score
    drums: Score
    style: str
    seconds: float

    @property
    def score(self) -> Score:
        """Both in one Score, for a MIDI file."""
        drums = self.drums.notes.copy()
        drums["track"] = len(self.sample.tracks)
        notes = sort_notes(np.concatenate([self.sample.notes, drums]))
        return replace(self.sample, notes=notes, tracks=(*self.sample.tracks, *self.drums.tracks))


def lofi(
    source: Path,
    out: Path | Sequence[Path],
    options: LofiOptions | None = None,
    loads: Loads = loads_as_needed,
) -> Arrangement:
    """Read a piece and write it as lo-fi to one or several files: sound, or its notes as MIDI or a picture.

    Args:
        loads: called with the engine of a model that continues the piece, before it computes.

    Raises:
        BadOption: for a suffix without a writer.
        BadFile: for a file that cannot be read or would be overwritten, a bad background or SoundFont.
        NoMusic: for a piece of drums only.
    """
    source, options = Path(source), options or LofiOptions()
    outs = checked_places(out, source, *options.sources)
    arrangement = arrange(source, options, loads)
    sounds = [path for path in outs if path.suffix.lower() in FORMATS]
    for path in outs:
        if path not in sounds:
            write(arrangement.score, path)
    if sounds:
        check_seconds(arrangement.seconds, sounds[0])
        check_sound_room(sounds[0], 3 * arrangement.seconds)  # the sample, the drums, and both
        with Spool(sounds[0].parent) as spool:
            spool.fill(mix(arrangement, options, sounds[0].parent))
            for path in sounds:
                write_mastered(spool, path)
    return arrangement


def arrange(source: Path, options: LofiOptions, loads: Loads = loads_as_needed) -> Arrangement:
    """The notes that will be played."""
    score = _pitched(read_named(source).scores[0], source)
    minutes = options.minutes
    for name in options.backgrounds:
        if name != NONE:
            next(background(name, options.seed))  # a bad file is an error before any work is done
    if options.model is not None:
        minutes = MODEL_MINUTES if minutes is None else minutes
        score = _pitched(
            continue_with_model(source, score, options.model, options.tempo, minutes, options.seed, loads), source
        )
    steady = fit_duration(score, options.tempo, minutes)
    style = options.drums or str(np.random.default_rng((options.seed, 0)).choice(styles()))
    drums = drum_part(steady, "boom-bap" if style == NONE else style, options.seed)
    if style == NONE:
        drums = replace(drums, notes=drums.notes[:0])
    sample, drums = (delay_by_a_bar(with_swing(part, options.swing)) for part in (steady, drums))
    end = delay_by_a_bar(steady).bar_line_ticks(steady.bars + 1)
    return Arrangement(_on_electric_piano(sample), drums, style, float(sample.to_seconds(np.array([end]))[0]))


def _pitched(score: Score, source: Path) -> Score:
    """The piece without its drums."""
    notes = score.notes[~score.is_drum]
    if not len(notes):
        raise NoMusic(f"{source} has no note but drums")
    return replace(score, notes=notes)


def _on_electric_piano(score: Score) -> Score:
    """The piece on an electric piano and, for bass programs, an electric bass."""
    piano, bass = Track(ELECTRIC_PIANO, name="Electric Piano"), Track(ELECTRIC_BASS, name="Electric Bass")
    is_bass = np.array([track.program in BASSES and not track.is_drum for track in score.tracks])
    notes = score.notes.copy()
    notes["track"] = is_bass[notes["track"]]
    return replace(score, notes=sort_notes(notes), tracks=(piano, bass) if is_bass.any() else (piano,))


def mix(arrangement: Arrangement, options: LofiOptions, folder: Path) -> Iterator[np.ndarray]:
    """The sound in blocks of float32 (2, frames), before it is mastered; `folder` is for temporary files."""
    font = load(Path(options.soundfont) if options.soundfont else default_path())
    frames = int((arrangement.seconds + TAIL_SECONDS) * RATE)
    with ExitStack() as stack:
        spools = []
        for part in (arrangement.sample, arrangement.drums):
            spool = stack.enter_context(Spool(folder, with_peaks=False))
            spools.append(spool.fill(sections(part, font) if len(part.notes) else ()))
        if not spools[0].meter.energies.any():
            raise NoMusic("the SoundFont has no sound for any note")
        yield from _blocks(arrangement, options, spools, frames)


def _blocks(arrangement: Arrangement, options: LofiOptions, spools: list[Spool], frames: int) -> Iterator[np.ndarray]:
    sample = _padded(spools[0], SAMPLE_LEVEL)
    drums = _padded(spools[1], DRUMS_LEVEL)
    backgrounds = [(background(name, options.seed), _level(name)) for name in options.backgrounds if name != NONE]
    degraded, drum_filter = Degraded(options.seed), Filter("low", 7500)
    ducking = Ducking(kick_seconds(arrangement.drums), DUCKING_DECIBELS)
    (first_bar,) = arrangement.sample.to_seconds(np.array([arrangement.sample.bar_line_ticks(1)])).tolist()
    for start in range(0, frames, FRAMES):
        ducked = degraded(next(sample)) + sum(next(sound) * level for sound, level in backgrounds)
        block = ducked * ducking.gain(FRAMES) + drum_filter(saturated(next(drums)))
        block = block * _fade(start, frames, first_bar)
        yield np.asarray(block[:, : frames - start], np.float32)


class Degraded:
    """The effects on the sample: high-pass, wow, saturation, bit crusher, low-pass."""

    def __init__(self, seed: int):
        self._wow = Wow(8.0, 2.0, np.random.default_rng((seed, 3)))
        self._bit_crusher = BitCrusher(hold=3, bits=10)
        self._rumble, self._low_pass = Filter("high", 60), Filter("low", 3200, order=4)

    def __call__(self, block: np.ndarray) -> np.ndarray:
        """The next block."""
        return self._low_pass(self._bit_crusher(saturated(self._wow(self._rumble(block)))))


def _level(name: str) -> np.float32:
    return np.float32(10 ** ((BACKGROUND_LEVELS.get(name, FILE_LEVEL) - LEVEL) / 20))


def _padded(spool: Spool, level: float) -> Iterator[np.ndarray]:
    """Endless blocks of float32 (2, FRAMES): the sound at `level` LUFS, then silence."""
    loudness = spool.meter.loudness
    scale = np.float32(0 if loudness == float("-inf") else 10 ** ((level - loudness) / 20))
    for block in spool.blocks():
        yield np.pad(block * scale, ((0, 0), (0, FRAMES - block.shape[1])))
    while True:
        yield np.zeros((2, FRAMES), np.float32)


def _fade(start: int, frames: int, fade_in_seconds: float) -> np.ndarray:
    """float32 (FRAMES,): the gain of the block at frame `start`: in over the first bar, out at the end."""
    at = start + np.arange(FRAMES)
    out = min(FADE_OUT_SECONDS * RATE, FADE_OUT_SHARE * frames)
    rising = np.clip(at / (fade_in_seconds * RATE), 0, 1)
    falling = np.clip((frames - at) / out, 0, 1)
    return (np.sin(rising * np.pi / 2) * np.sin(falling * np.pi / 2) ** 2).astype(np.float32)
