from __future__ import annotations

import math

from musictool.evaluation.reconstruction import Reconstruction

RESULT = Reconstruction(
    {"piano": (0.5, 0.25, 1 / 3), "drums": (math.nan, math.nan, math.nan)},
    {"piano": (1.0, 0.5, 2 / 3), "drums": (math.nan, 0.0, 0.0)},
    {"piano": 3, "drums": 0},
    4,
)


def test_each_number_that_is_defined_has_a_line():
    assert RESULT.lines() == [
        ("precision:piano", "0.500"),
        ("precision:piano, copying the segment before", "1.000"),
        ("recall:piano", "0.250"),
        ("recall:piano, copying the segment before", "0.500"),
        ("recall:drums, copying the segment before", "0.000"),
        ("f1:piano", "0.333"),
        ("f1:piano, copying the segment before", "0.667"),
        ("f1:drums, copying the segment before", "0.000"),
        ("active:piano", "3 of 4"),
        ("active:drums", "0 of 4"),
    ]


def test_in_json_nan_is_null():
    values = RESULT.to_json()
    assert values["decoded"]["drums"] == {"precision": None, "recall": None, "f1": None}
    assert values["copied"]["piano"] == {"precision": 1.0, "recall": 0.5, "f1": 2 / 3}
    assert (values["active"]["piano"], values["latent"]) == (3, 4)
