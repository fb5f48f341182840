"""A band for a melody.

`accompany` is the function behind `musictool accompany`. The melody is heard as the piano's part, two bars at a time,
and guitar, bass, strings and drums are written to it. In what comes out the melody stands as it was, note for note.
Honest limit: the others hear two bars of the melody and what they played in the two before, and not one another.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from musictool.archs._melody_harmony import MelodyHarmonyArch
from musictool.errors import BadOption, NoMusic, UnknownName
from musictool.generation.latents import segments_of
from musictool.generation.primers import semitones_moved
from musictool.generation.sample import playing
from musictool.generation.style import Style
from musictool.models.model import Model
from musictool.music.instruments import PIANO, note_instruments
from musictool.music.score import METRE, TEMPO, Score, sort_notes
from musictool.reading import read_named
from musictool.sampling.sampler import Guidance, Sampler


@dataclass(frozen=True)
class Accompaniment:
    """How a band plays to a melody.

    Attributes:
        track: of the file, the one that is the melody: its number, counted from 1, or its name; None for what the piano
            plays, or if there is no piano, for all that is no drum.
        sampler: its temperature, threshold and noise_sd.
        style: what other music the band shall be like.
        seed: fixes all draws.
    """

    track: str | None = None
    sampler: Sampler = field(default_factory=Sampler)
    style: Style = field(default_factory=Style)
    seed: int = 0


PLAIN = Accompaniment()


def accompany(model: Model, melody: Path, how: Accompaniment = PLAIN) -> Score:
    """The melody of a file, and a band to it.

    Raises:
        BadOption: if the model writes all instruments at once.
        BadFile, NoMusic: if the file cannot be read, or no melody is in it.
        UnknownName: for a track that it does not have.
    """
    if model.spec.kind != "segments" or not isinstance(model.arch, MelodyHarmonyArch):
        raise BadOption(
            f"{model.name} is a {model.info['arch']['name']} and plays to nobody; "
            "train one that does: musictool train --encoding segments --arch vae"
        )
    tune = melody_of(read_named(melody).scores[0], how.track, melody)
    piano = replace(tune, tracks=tuple(replace(track, program=0) for track in tune.tracks))
    heard = segments_of(model, piano, f"the melody of {melody}")[..., PIANO]
    guidance = Guidance(style=how.style.segments(model), alpha=how.style.share)
    rows = model.arch.accompaniment(heard, np.zeros(model.spec.shape, np.uint8), how.sampler, how.seed, guidance)
    rows[..., PIANO] = 0
    return _together(model, tune, model.encoding.decode(rows).transpose(-semitones_moved(model, piano)))


def melody_of(score: Score, track: str | None, name: Path) -> Score:
    """The piece with nothing but its melody. Raises NoMusic, UnknownName; see Accompaniment.track."""
    if track is not None:
        own = score.notes["track"] == _track(score, track)
    else:
        own = note_instruments(score) == PIANO
        own = own if own.any() else ~score.is_drum
    if not own.any() or score.is_drum[own].any():
        raise NoMusic(
            f"{name} has no melody: no note of {'the piano or another' if track is None else track} but drums"
        )
    return playing(replace(score, notes=score.notes[own]))


def _track(score: Score, said: str) -> int:
    names = [track.name for track in score.tracks]
    if said in names:
        return names.index(said)
    if said.isdecimal() and 1 <= int(said) <= len(names):
        return int(said) - 1
    raise UnknownName.of("track", said, [*filter(None, names), *map(str, range(1, len(names) + 1))])


def _together(model: Model, tune: Score, band: Score) -> Score:
    """Both in one piece, the melody's tracks first, in the melody's tempo and metre or else the corpus's."""
    notes = band.notes.copy()
    notes["track"] += len(tune.tracks)
    said = model.info["music"]
    return playing(
        replace(
            tune,
            notes=sort_notes(np.concatenate([tune.notes, notes])),
            tracks=(*tune.tracks, *band.tracks),
            tempos=tune.tempos if len(tune.tempos) else np.array([(0, said["bpm"])], TEMPO),
            metres=tune.metres if len(tune.metres) else np.array([(0, *said["metre"])], METRE),
        )
    )
