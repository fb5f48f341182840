"""What a new model holds beside its weights."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np

from musictool.encodings.piano_roll import PianoRoll
from musictool.encodings.voices import Voices
from musictool.models.contents import typical_music
from musictool.models.model import Model
from musictool.music.score import Score, Track

STRINGS = [40, 40, 41, 42]


def corpus(*programs: list[int]) -> Any:
    """A piece a list, with a note for each program."""
    scores = []
    for each in programs:
        tracks = tuple(Track(program=program) for program in each)
        scores.append(Score.from_notes([(60, 0, 1)], tracks=tracks))
    return SimpleNamespace(scores=lambda: iter(scores), keys=np.zeros(len(scores), np.int64))


def test_four_voices_are_played_as_most_pieces_of_four_tracks_are() -> None:
    assert typical_music(corpus(STRINGS, STRINGS, [0, 0, 0, 0], [56]), Voices())["programs"] == STRINGS
    assert "programs" not in typical_music(corpus(STRINGS, [0, 0, 0, 0]), Voices())
    assert "programs" not in typical_music(corpus([0, 0, 0, 0]), Voices())
    assert "programs" not in typical_music(corpus(STRINGS), PianoRoll())


def test_a_model_writes_for_the_programs_of_its_corpus() -> None:
    scale = Score.from_notes([(72, 0, 1)], tracks=Voices.tracks)
    model: Any = SimpleNamespace(encoding=Voices(), info={"music": {"programs": STRINGS}})
    assert [track.program for track in Model.with_programs(model, scale).tracks] == STRINGS
    model.info["music"].pop("programs")
    assert Model.with_programs(model, scale).tracks == Voices.tracks
