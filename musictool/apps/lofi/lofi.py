"""From a piece to lo-fi: the function behind `musictool lofi`.

    piece -> steady pace, swing -> electric piano -> tape: wow, few bits, low-pass --> ducked by the kick --+
                   |                                                                                        |
                   +-> drums on its beats and bars -> low-pass ---------------------------------------------+-> -14 LUFS
                                                                                                            |
                                                      rain, vinyl or a file ---------> ducked by the kick --+

Background comes in for one bar before the music; all fades out at the end. Everything is streamed: memory does not grow
with the piece.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from musictool.apps.lofi.background import LEVEL, MADE, NOTHING, background
from musictool.apps.lofi.drums import NO_DRUMS, drum_part, kick_seconds, pattern, styles
from musictool.apps.lofi.duration import continued, lasting
from musictool.apps.lofi.tape import Ducking, Filter, Sampler, Wow, saturated
from musictool.apps.lofi.tempo import a_bar_later, swung
from musictool.errors import BadOption, NoMusic
from musictool.music.score import Score, Track, sort_notes
from musictool.reading import read_named
from musictool.sound.file import FORMATS, FRAMES, Spool, write_mastered
from musictool.sound.loudness import RATE
from musictool.sound.soundfont import default_path, load
from musictool.sound.synthesis import TAIL_SECONDS, sections
from musictool.writers.audio import check_length
from musictool.writing import checked_places, write

TEMPOS = (60.0, 100.0)
SWINGS = (0.5, 0.7)
LONGEST_MINUTES = 180.0
MODEL_MINUTES = 3.0
ELECTRIC_PIANO, ELECTRIC_BASS = 4, 33
BASSES = (*range(32, 40), 43)  # programs
SAMPLE_LEVEL, DRUMS_LEVEL = -18.0, -21.0  # LUFS, before all is brought to -14 together
BACKGROUND_LEVELS = {"rain": -36.0, "vinyl": -38.0}
FILE_LEVEL = -34.0
DUCKING_DECIBELS = 5.0
FADE_OUT_SECONDS, FADE_OUT_SHARE = 8.0, 0.25


@dataclass(frozen=True)
class Wishes:
    """How a piece shall become lo-fi.

    Attributes:
        tempo: beats a minute, 60 to 100.
        swing: the share that the first of two eighths has of both, 0.5 (even) to 0.7.
        drums: a style of drums.styles(), "none", or None for one by chance.
        backgrounds: of "rain", "vinyl" and sound files; () for silence.
        minutes: how long; None for as long as the piece is, or 3 with a model.
        model: the name of a model that goes on with the piece up to `minutes`; None: it begins again where it is short.
        soundfont: an `.sf2` file.
        seed: fixes everything that is random.
    """

    tempo: float = 80.0
    swing: float = 0.57
    drums: str | None = None
    backgrounds: tuple[str, ...] = ("rain", "vinyl")
    minutes: float | None = None
    model: str | None = None
    soundfont: Path | None = None
    seed: int = 0

    def __post_init__(self) -> None:
        for name, value, (low, high) in (
            ("tempo", self.tempo, TEMPOS),
            ("swing", self.swing, SWINGS),
            ("minutes", 1.0 if self.minutes is None else self.minutes, (0.05, LONGEST_MINUTES)),
        ):
            if not low <= value <= high:
                raise BadOption(f"--{name} {value:g} is not from {low:g} to {high:g}")
        if self.seed < 0:
            raise BadOption(f"--seed {self.seed} is below 0")
        if self.drums not in (None, NO_DRUMS):
            pattern(self.drums, 4, 4)

    @property
    def sources(self) -> tuple[Path, ...]:
        """The files that are read beside the piece."""
        backgrounds = [Path(name) for name in self.backgrounds if name not in (NOTHING, *MADE)]
        return (*backgrounds, *filter(None, [self.soundfont]))


@dataclass(frozen=True)
class Arranged:
    """A piece as it will sound.

    Attributes:
        sample, drums: Scores of one clock; the second may have no note.
        style: of the drums.
        seconds: to the end of the last bar.
    """

    sample: Score
    drums: Score
    style: str
    seconds: float

    @property
    def score(self) -> Score:
        """Both in one, as a MIDI file holds them."""
        drums = self.drums.notes.copy()
        drums["track"] = len(self.sample.tracks)
        notes = sort_notes(np.concatenate([self.sample.notes, drums]))
        return replace(self.sample, notes=notes, tracks=(*self.sample.tracks, *self.drums.tracks))


def lofi(source: Path, out: Path | Sequence[Path], wishes: Wishes = Wishes()) -> Arranged:
    """Read a piece and write it as lo-fi, in every form that is named: sound, or its notes as MIDI or a picture.

    Raises:
        BadOption: for a suffix that nothing writes.
        BadFile: for a file that cannot be read or would be written over, a bad background or SoundFont.
        NoMusic: where nothing but drums plays.
    """
    source = Path(source)
    outs = checked_places(out, source, *wishes.sources)
    arranged = arrange(source, wishes)
    sounds = [path for path in outs if path.suffix.lower() in FORMATS]
    for path in outs:
        if path not in sounds:
            write(arranged.score, path)
    if sounds:
        check_length(arranged.seconds, sounds[0])
        with Spool(sounds[0].parent) as spool:
            spool.fill(mixed(arranged, wishes, sounds[0].parent))
            for path in sounds:
                write_mastered(spool, path)
    return arranged


def arrange(source: Path, wishes: Wishes) -> Arranged:
    """What will be played."""
    score = _pitched(read_named(source).scores[0], source)
    minutes = wishes.minutes
    for name in wishes.backgrounds:
        if name != NOTHING:
            next(background(name, wishes.seed))  # before the work is done, and not after it
    if wishes.model is not None:
        minutes = MODEL_MINUTES if minutes is None else minutes
        score = _pitched(continued(source, score, wishes.model, wishes.tempo, minutes, wishes.seed), source)
    steady = lasting(score, wishes.tempo, minutes)
    style = wishes.drums or str(np.random.default_rng((wishes.seed, 0)).choice(styles()))
    drums = drum_part(steady, "boom-bap" if style == NO_DRUMS else style, wishes.seed)
    if style == NO_DRUMS:
        drums = replace(drums, notes=drums.notes[:0])
    sample, drums = (a_bar_later(swung(part, wishes.swing)) for part in (steady, drums))
    end = a_bar_later(steady).bar_line_ticks(steady.bars + 1)
    return Arranged(_softly_played(sample), drums, style, float(sample.to_seconds(np.array([end]))[0]))


def _pitched(score: Score, source: Path) -> Score:
    """Without its own drums."""
    notes = score.notes[~score.is_drum]
    if not len(notes):
        raise NoMusic(f"there is not one note that is no drum in {source}")
    return replace(score, notes=notes)


def _softly_played(score: Score) -> Score:
    """On an electric piano and, where a bass plays, an electric bass."""
    piano, bass = Track(ELECTRIC_PIANO, name="Electric Piano"), Track(ELECTRIC_BASS, name="Electric Bass")
    is_bass = np.array([track.program in BASSES and not track.is_drum for track in score.tracks])
    notes = score.notes.copy()
    notes["track"] = is_bass[notes["track"]]
    return replace(score, notes=sort_notes(notes), tracks=(piano, bass) if is_bass.any() else (piano,))


def mixed(arranged: Arranged, wishes: Wishes, folder: Path) -> Iterator[np.ndarray]:
    """The sound, float32 (2, frames) a block, before it is mastered; `folder` holds what is under way."""
    font = load(Path(wishes.soundfont) if wishes.soundfont else default_path())
    frames = int((arranged.seconds + TAIL_SECONDS) * RATE)
    with ExitStack() as stack:
        spools = []
        for part in (arranged.sample, arranged.drums):
            spool = stack.enter_context(Spool(folder, with_peaks=False))
            spools.append(spool.fill(sections(part, font) if len(part.notes) else ()))
        if not spools[0].meter.energies.any():
            raise NoMusic("the SoundFont has no sound for any note")
        yield from _blocks(arranged, wishes, spools, frames)


def _blocks(arranged: Arranged, wishes: Wishes, spools: list[Spool], frames: int) -> Iterator[np.ndarray]:
    sample = _padded(spools[0], SAMPLE_LEVEL)
    drums = _padded(spools[1], DRUMS_LEVEL)
    behind = [(background(name, wishes.seed), _level(name)) for name in wishes.backgrounds if name != NOTHING]
    worn, on_drums = Worn(wishes.seed), Filter("low", 7500)
    ducking = Ducking(kick_seconds(arranged.drums), DUCKING_DECIBELS)
    (first_bar,) = arranged.sample.to_seconds(np.array([arranged.sample.bar_line_ticks(1)])).tolist()
    for start in range(0, frames, FRAMES):
        softened = worn(next(sample)) + sum(next(sound) * level for sound, level in behind)
        block = softened * ducking.gain(FRAMES) + on_drums(saturated(next(drums)))
        block = block * _fade(start, frames, first_bar)
        yield np.asarray(block[:, : frames - start], np.float32)


class Worn:
    """All that the sample goes through."""

    def __init__(self, seed: int):
        self._wow = Wow(8.0, 2.0, np.random.default_rng((seed, 3)))
        self._sampler = Sampler(hold=3, bits=10)
        self._rumble, self._low_pass = Filter("high", 60), Filter("low", 3200, order=4)

    def __call__(self, block: np.ndarray) -> np.ndarray:
        """Play on."""
        return self._low_pass(self._sampler(saturated(self._wow(self._rumble(block)))))


def _level(name: str) -> np.float32:
    return np.float32(10 ** ((BACKGROUND_LEVELS.get(name, FILE_LEVEL) - LEVEL) / 20))


def _padded(spool: Spool, level: float) -> Iterator[np.ndarray]:
    """float32 (2, FRAMES), endlessly: the sound at `level` LUFS, then silence."""
    loudness = spool.meter.loudness
    scale = np.float32(0 if loudness == float("-inf") else 10 ** ((level - loudness) / 20))
    for block in spool.blocks():
        yield np.pad(block * scale, ((0, 0), (0, FRAMES - block.shape[1])))
    while True:
        yield np.zeros((2, FRAMES), np.float32)


def _fade(start: int, frames: int, fade_in_seconds: float) -> np.ndarray:
    """float32 (FRAMES,): the gain from a frame on."""
    at = start + np.arange(FRAMES)
    out = min(FADE_OUT_SECONDS * RATE, FADE_OUT_SHARE * frames)
    rising = np.clip(at / (fade_in_seconds * RATE), 0, 1)
    falling = np.clip((frames - at) / out, 0, 1)
    return (np.sin(rising * np.pi / 2) * np.sin(falling * np.pi / 2) ** 2).astype(np.float32)
