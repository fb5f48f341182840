"""A band for a melody.

`accompany` is the function behind `musictool accompany`. A model that fills in (coconet) writes the other voices to the
melody, as `infill` does with --voices 4. A model of segments reads the melody as the piano's part, two bars at a time,
and writes guitar, bass, strings and drums to it. In the result the melody stands as it was, note for note. Limit: each
instrument of a model of segments depends on two bars of the melody and on what it played in the two before, not on the
others.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np

from musictool.arch import AccompanimentArch, InfillArch
from musictool.errors import BadModel, BadOption, NoMusic, UnknownName
from musictool.generation.infill import Infill, newest_able, take_one
from musictool.generation.infill_request import InfillRequest
from musictool.generation.latents import USUAL_SEGMENTS, require_segments, segments_of_style
from musictool.generation.request import Accompaniment
from musictool.home import models_folder
from musictool.models.model import Model
from musictool.music.instruments import PIANO, note_instruments
from musictool.music.score import METRE, TEMPO, Score, sort_notes
from musictool.music.voices import VOICES
from musictool.reading import read_named
from musictool.registry import ARCHS
from musictool.sampling.guidance import Guidance
from musictool.sampling.sampler import Sampler

PLAIN = Accompaniment()


def can_accompany(arch: str) -> bool:
    """Whether the arch of this name plays to a melody."""
    return arch in ARCHS.names() and issubclass(ARCHS.get(arch), AccompanimentArch | InfillArch)


def model_for_accompaniment(name: str | None) -> Model:
    """The model called `name`; without one, the user's newest that plays to a melody, else one that ships and does.

    Raises:
        BadModel: if there is none.
        UnknownName: if nothing is called so.
    """
    path = newest_able(can_accompany) if name is None else name
    if path is None:
        raise BadModel(
            f"no model under {models_folder()} plays to a melody; train one: musictool train --encoding segments "
            "--arch vae"
        )
    return Model.open(path)


def accompany(model: Model, melody: Path, how: Accompaniment = PLAIN) -> Score:
    """The melody of a file with a band, or with three more voices.

    Raises:
        BadOption: if the model writes all instruments at once, or for an option that is not for it.
        BadFile, NoMusic: if the file cannot be read, or no melody is in it.
        UnknownName: for a track that it does not have.
    """
    if issubclass(model.arch_class, InfillArch):
        return _harmonised(model, melody, how)
    if not can_accompany(model.info["arch"]["name"]):
        raise BadOption(
            f"{model.name} is a {model.info['arch']['name']} and plays to nobody; "
            f"{take_one(can_accompany)}: musictool train --encoding segments --arch vae"
        )
    tune = melody_of(read_named(melody).scores[0], how.track, melody)
    piano = replace(tune, tracks=tuple(replace(track, program=0) for track in tune.tracks))
    part = require_segments(model, piano, f"the melody of {melody}")[..., PIANO]  # (T, S, P)
    guidance = Guidance(style=segments_of_style(model, how.style), alpha=how.style.share)
    arch = model.player(model.engine_for(USUAL_SEGMENTS))
    assert isinstance(arch, AccompanimentArch)
    rows = arch.accompaniment(part, np.zeros(model.spec.shape, np.uint8), how.sampler, how.seed, guidance)
    rows[..., PIANO] = 0
    band = model.encoding.decode(rows).transpose(-model.semitones_for(piano))
    band = replace(
        band, metres=tune.metres if len(tune.metres) else np.array([(0, *model.info["music"]["metre"])], METRE)
    )
    return _together(model, tune, model.with_velocities(band, how.velocity, how.seed))


def _harmonised(model: Model, melody: Path, how: Accompaniment) -> Score:
    """The melody with the voices of a model that fills in."""
    threshold = how.sampler.threshold != Sampler().threshold
    for name, is_given in {"--style": how.style, "--noise-sd": how.sampler.noise_sd, "--threshold": threshold}.items():
        if is_given:
            raise BadOption(f"{name} is for models of segments, and {model.name} writes voices")
    tune = melody_of(read_named(melody).scores[0], how.track, melody)
    request = InfillRequest(voices=VOICES, temperature=how.sampler.temperature, seed=how.seed)
    return Infill(model, tune, request, melody.name).scores()[0]


def melody_of(score: Score, track: str | None, name: Path) -> Score:
    """The piece with nothing but its melody. Raises NoMusic, UnknownName; see Accompaniment.track."""
    if track is not None:
        is_melody = score.notes["track"] == _track(score, track)
    else:
        is_melody = note_instruments(score) == PIANO
        is_melody = is_melody if is_melody.any() else ~score.is_drum
    if not is_melody.any() or score.is_drum[is_melody].any():
        raise NoMusic(
            f"{name} has no melody: no note of {'the piano or another' if track is None else track} but drums"
        )
    return replace(score, notes=score.notes[is_melody]).drop_empty_tracks()


def _track(score: Score, name: str) -> int:
    """The index of the track of this name, or of this number, counted from 1."""
    names = [track.name for track in score.tracks]
    if name in names:
        return names.index(name)
    if name.isdecimal() and 1 <= int(name) <= len(names):
        return int(name) - 1
    raise UnknownName.of("track", name, [*filter(None, names), *map(str, range(1, len(names) + 1))])


def _together(model: Model, tune: Score, band: Score) -> Score:
    """Both in one piece, the melody's tracks first, in the melody's tempo or the corpus's, and the band's metre."""
    notes = band.notes.copy()
    notes["track"] += len(tune.tracks)
    corpus = model.info["music"]
    music = replace(
        tune,
        notes=sort_notes(np.concatenate([tune.notes, notes])),
        tracks=(*tune.tracks, *band.tracks),
        tempos=tune.tempos if len(tune.tempos) else np.array([(0, corpus["bpm"])], TEMPO),
        metres=band.metres,
    )
    return music.drop_empty_tracks()
