from __future__ import annotations

import json
from typing import Any

import pytest

from musictool.backend.machines import Machines, Placement, machines
from musictool.errors import BadOption, UnknownName
from musictool.options import build

TWO = ("10.0.0.5:2222", "10.0.0.6:2222")


def config(job: str, index: int, **cluster: list[str]) -> dict[str, str]:
    return {"TF_CONFIG": json.dumps({"cluster": cluster, "task": {"type": job, "index": index}})}


def test_nothing_said_is_this_process_alone():
    assert machines(Placement(), {}) is None
    assert machines(Placement("one"), config("worker", 0, worker=[*TWO])) is None


def test_the_workers_are_those_of_the_command_line_or_of_tf_config():
    assert machines(Placement(workers=TWO, worker=1), {}) == Machines(TWO, 1)
    assert machines(Placement(), config("worker", 1, worker=[*TWO])) == Machines(TWO, 1)
    third = ("10.0.0.4:2222", *TWO)
    assert machines(Placement(), config("worker", 1, chief=["10.0.0.4:2222"], worker=[*TWO])) == Machines(third, 2)
    assert machines(Placement(), config("chief", 0, chief=["10.0.0.4:2222"], worker=[*TWO])) == Machines(third, 0)


@pytest.mark.parametrize(
    "placement, environment, words",
    [
        ({"strategy": "multi-worker"}, {}, "--workers host:port"),
        ({"worker": 1}, {}, "--workers host:port"),
        ({"workers": TWO}, {}, "--worker none"),
        ({"workers": TWO, "worker": 2}, {}, "--worker 2"),
        ({"workers": ("10.0.0.5",), "worker": 0}, {}, "'10.0.0.5' is not host:port"),
        ({"workers": ("10.0.0.5:99999", TWO[1]), "worker": 0}, {}, "'10.0.0.5:99999' is not host:port"),
        ({"workers": (TWO[0], "10.0.0.5:0"), "worker": 0}, {}, "'10.0.0.5:0' is not host:port"),
        ({"workers": (TWO[0], TWO[0]), "worker": 0}, {}, "twice"),
        ({"workers": TWO, "worker": 0, "strategy": "mirrored"}, {}, "not for mirrored"),
        ({}, {"TF_CONFIG": "nonsense"}, "TF_CONFIG is not like"),
        ({}, config("ps", 0, worker=[*TWO]), "a task of type ps"),
    ],
)
def test_what_cannot_be_meant_is_one_clear_error(placement: dict[str, Any], environment: dict[str, str], words: str):
    with pytest.raises(BadOption, match=words):
        machines(build(Placement, placement), environment)


def test_an_unknown_strategy_is_offered_the_nearest():
    with pytest.raises(UnknownName, match="Did you mean 'mirrored'"):
        Placement("mirored")
