from __future__ import annotations

import pickle

import pytest

from musictool import errors
from musictool.errors import BadFile, MusictoolError, UnknownName


def test_an_unknown_name_offers_the_nearest_one_that_exists():
    assert str(UnknownName.of("arch", "lsmt", ["gru", "lstm", "cnn"])) == (
        "unknown arch 'lsmt'. Did you mean 'lstm'? Known: cnn, gru, lstm"
    )
    assert str(UnknownName.of("arch", "xyz", ["lstm"])) == "unknown arch 'xyz'. Known: lstm"
    assert str(UnknownName.of("arch", "x", [])) == "unknown arch 'x'. Known: none yet"


def test_a_bad_file_has_a_reason_that_can_be_counted():
    assert str(BadFile("truncated")) == "truncated"
    error = BadFile("truncated", "track 3 ends in its middle")
    assert (error.reason, str(error)) == ("truncated", "truncated: track 3 ends in its middle")


@pytest.mark.parametrize("error", [BadFile("empty", "0 bytes"), BadFile("empty"), UnknownName("unknown arch 'x'")])
def test_an_error_crosses_from_one_process_to_another(error):
    again = pickle.loads(pickle.dumps(error))
    assert type(again) is type(error)
    assert str(again) == str(error)
    assert vars(again) == vars(error)


def test_the_tree_in_the_docstring_is_the_tree():
    below = {cls.__name__ for cls in MusictoolError.__subclasses__() if cls.__module__ == errors.__name__}
    assert {line.split()[1] for line in errors.__doc__.splitlines() if "── " in line} == below
