from __future__ import annotations

import errno
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from musictool.atomic import DiskFull, naming_when_full, replacing, temporary_path, working_alone, write_json
from musictool.errors import MusictoolError


def test_a_lock_that_is_a_link_or_a_pipe_is_refused_and_what_it_leads_to_keeps_its_contents(tmp_path: Path):
    (tmp_path / "precious").write_text("kept")
    (tmp_path / ".lock").symlink_to(tmp_path / "precious")
    with pytest.raises(MusictoolError, match=r"\.lock is a link"), working_alone(tmp_path, "train"):
        pass
    assert (tmp_path / "precious").read_text() == "kept"
    (tmp_path / ".lock").unlink()
    os.mkfifo(tmp_path / ".lock")
    with pytest.raises(MusictoolError, match=r"\.lock is no regular file"), working_alone(tmp_path, "train"):
        pass


def test_a_lock_keeps_what_stands_in_it(tmp_path: Path):
    (tmp_path / ".lock").write_text("kept")
    with working_alone(tmp_path, "train"):
        pass
    assert (tmp_path / ".lock").read_text() == "kept"


def test_a_link_in_the_place_of_what_is_written_is_never_written_through(tmp_path: Path):
    (tmp_path / "precious").write_text("kept")
    for name in ("new.json", f".new.{os.getpid()}.partial.json"):
        (tmp_path / name).symlink_to(tmp_path / "precious")
    write_json(tmp_path / "new.json", [1])
    assert (tmp_path / "precious").read_text() == "kept"
    assert not (tmp_path / "new.json").is_symlink()


@pytest.mark.parametrize(
    "error",
    [
        OSError(errno.ENOSPC, "No space left on device"),
        OSError(errno.EDQUOT, "Disk quota exceeded"),
        RuntimeError("Unable to synchronously write (errno = 28, error message = 'No space left on device')"),
    ],
)
def test_a_full_disk_names_the_file(error: Exception, tmp_path: Path):
    def write() -> None:
        with replacing(tmp_path / "new.h5") as partial:
            partial.write_text("half")
            raise error

    with pytest.raises(OSError, match=r"new\.h5") as raised:
        write()
    assert raised.value.filename == str(tmp_path / "new.h5")
    assert raised.value.errno in (errno.ENOSPC, errno.EDQUOT)
    assert re.search(r"\(over 4 bytes are wanted, [\d.,]+ [kMG]B are free\)$", str(raised.value.strerror))
    assert not [*tmp_path.iterdir()]


def test_a_full_disk_is_told_once_however_many_writers_are_within_one_another(tmp_path: Path):
    def write() -> None:
        with naming_when_full(tmp_path / "song.mid"), temporary_path(tmp_path / "song.mid") as partial:
            raise DiskFull(partial, 5_000_000)

    with pytest.raises(DiskFull) as raised:
        write()
    assert (raised.value.filename, raised.value.needed_bytes) == (str(tmp_path / "song.mid"), 5_000_000)
    assert "over 5.0 MB are wanted" in str(raised.value)
    assert not [*tmp_path.iterdir()]


def test_other_errors_stay_what_they_are(tmp_path: Path):
    with pytest.raises(ValueError, match=r"^another$"), naming_when_full(tmp_path / "new"):
        raise ValueError("another")


def test_a_full_disk_while_arrays_are_written_is_one_error_that_names_the_file(tmp_path: Path):
    program = """
import errno, resource, signal, sys
from pathlib import Path
import h5py, numpy as np
from musictool.atomic import replacing
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))
try:
    with replacing(Path(sys.argv[1])) as partial, h5py.File(partial, "w") as file:
        file["rows"] = np.ones(1_000_000)
except OSError as error:
    print(error.errno == errno.EFBIG, error.filename)
"""
    path = tmp_path / "new.h5"
    done = subprocess.run([sys.executable, "-c", program, path], capture_output=True, text=True, check=False)
    assert done.stdout.strip() == f"True {path}", done.stderr
    assert not [*tmp_path.iterdir()]
