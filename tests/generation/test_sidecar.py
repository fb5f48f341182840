from __future__ import annotations

import os
from pathlib import Path

import pytest

from musictool.errors import BadFile
from musictool.generation.sidecar import read_sidecar


def test_a_sidecar_is_a_regular_file(tmp_path: Path):
    os.mkfifo(tmp_path / "song.json")
    for path in (tmp_path / "song.json", Path("/dev/zero")):
        with pytest.raises(BadFile, match="it is no regular file"):
            read_sidecar(path)
