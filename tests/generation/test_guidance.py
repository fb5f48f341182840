"""What is asked for, as the conditions that a model was trained with and as tokens that are banned."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

from musictool.dataset.conditions import Conditions
from musictool.encodings.note_duration import NoteDuration
from musictool.generation.guidance import guidance_of
from musictool.generation.request import Constraints


def model(*controls: str) -> Any:
    return SimpleNamespace(conditions=Conditions(controls), encoding=NoteDuration(), name="band")


def test_a_model_with_the_controls_is_conditioned_on_key_and_instruments():
    asked = Constraints(key="A minor", instruments="piano, bass, drums")
    guidance = guidance_of(model("key", "instruments"), asked)
    assert guidance.conditions is not None
    assert guidance.conditions.nonzero()[0].tolist() == [12 + 9, 24 + 0, 24 + 2, 24 + 4]
    assert guidance.banned is not None  # and nobody else plays, no other note


def test_a_key_is_moved_with_the_music():
    guidance = guidance_of(model("key"), Constraints(key="Bb major"), transposition=2)
    assert guidance.conditions is not None
    assert guidance.conditions.nonzero()[0].tolist() == [0]


def test_a_model_without_them_is_bound_by_what_is_banned_alone():
    guidance = guidance_of(model(), Constraints(key="A minor", instruments="piano"))
    assert guidance.conditions is None
    assert guidance.banned is not None
