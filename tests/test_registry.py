from __future__ import annotations

import subprocess
import sys

import pytest

from musictool.encodings.note_chord import NoteChord
from musictool.errors import UnknownName
from musictool.registry import COMMANDS, ENCODINGS, READERS, WRITERS, Registry


def test_a_file_is_an_entry_and_an_underscore_hides_it():
    assert "note-chord" in ENCODINGS.names()
    assert ENCODINGS.get("note-chord") is NoteChord
    for registry in (ENCODINGS, READERS, WRITERS, COMMANDS):
        assert list(registry.names()) == sorted(registry.names())
        assert not [name for name in registry.names() if name.startswith(("-", "_"))]


@pytest.mark.parametrize("name", ["note-cord", "note_chord", "_base", "-base", "__init__", "", "../score"])
def test_what_is_no_entry_is_unknown(name):
    with pytest.raises(UnknownName, match=r"unknown encoding.*Known: .*note-chord"):
        ENCODINGS.get(name)


def test_a_slip_of_the_finger_gets_a_suggestion():
    with pytest.raises(UnknownName, match="Did you mean 'note-chord'"):
        ENCODINGS.module("note-cord")


def test_only_a_folder_can_be_a_registry():
    for package in ("musictool.music.score", "musictool.nowhere"):
        with pytest.raises(ValueError, match=f"{package} is not a package"):
            Registry(package, "thing").names()


def test_names_are_read_without_importing_the_entries():
    code = (
        "import sys; from musictool.registry import ENCODINGS as E; E.names(); print('note_chord' in str(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"
