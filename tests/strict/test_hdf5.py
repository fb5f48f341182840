from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import h5py
import numpy as np
import pytest

from musictool.strict.hdf5 import array, check_file, new_file, open_file, opened


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "arrays.h5"


def refused(path: Path, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        check_file(path)


def test_arrays_of_the_file_itself_are_read(path: Path):
    with h5py.File(path, "w") as file:
        file["layer/vars/0"] = np.arange(5, dtype=np.float32)
        file["empty"] = np.zeros((0, 3))
    with opened(path) as file:
        assert array(file["layer"], "vars/0").tolist() == [0, 1, 2, 3, 4]
        assert array(file, "empty").shape == (0, 3)
        with pytest.raises(KeyError):
            array(file, "none")
        with pytest.raises(ValueError, match="no array"):
            array(file, "layer")


def test_links_are_refused(path: Path, tmp_path: Path):
    for link in (h5py.ExternalLink(str(tmp_path / "other.h5"), "/a"), h5py.SoftLink("/a")):
        with h5py.File(path, "w") as file:
            file["a"] = [1]
            file["group/b"] = link
        refused(path, "b is a link")


def test_storage_in_other_files_is_refused(path: Path, tmp_path: Path):
    (tmp_path / "secret").write_bytes(bytes(16))
    with h5py.File(path, "w") as file:
        file.create_dataset("a", (4,), "i4", external=[(str(tmp_path / "secret"), 0, 16)])
    refused(path, "/a lies in other files")
    with h5py.File(path, "w") as file:
        layout = h5py.VirtualLayout((4,), "i4")
        layout[:] = h5py.VirtualSource(str(tmp_path / "other.h5"), "a", (4,))
        file.create_virtual_dataset("a", layout)
    refused(path, "/a lies in other files")


def test_an_array_is_not_larger_than_its_file(path: Path):
    with h5py.File(path, "w") as file:
        file.create_dataset("a", (1 << 40,), "f4", chunks=(1024,))  # nothing is written: fill values
    refused(path, "/a is larger than what the file holds of it")
    with h5py.File(path, "w") as file:
        file.create_dataset("a", data=np.zeros(1 << 16), compression="gzip")
    refused(path, "/a is larger")
    with open_file(path, compressed=True) as file:
        assert not array(file, "a").any()


def test_an_array_under_many_names_is_counted_each_time(path: Path):
    with h5py.File(path, "w") as file:
        file["a"] = np.zeros(1 << 14)
        for name in "bc":
            file[name] = file["a"]
    refused(path, "more bytes than")


def test_a_group_within_itself_comes_to_an_end(path: Path):
    with h5py.File(path, "w") as file:
        group = file.create_group("a")
        group["b"] = group
    refused(path, "nested deeper")


def test_text_and_objects_are_no_numbers(path: Path):
    with h5py.File(path, "w") as file:
        file["a"] = "text"
    refused(path, "holds no numbers")


def test_a_link_to_a_file_and_a_file_that_is_too_large_are_refused(path: Path, tmp_path: Path):
    with h5py.File(path, "w") as file:
        file["a"] = np.zeros(1000)
    (tmp_path / "link.h5").symlink_to(path)
    refused(tmp_path / "link.h5", "it is a link")
    with pytest.raises(ValueError, match="at most 1,000 are read"):
        check_file(path, 1000)


def test_what_cannot_be_written_as_a_file_is_closed_is_an_error_and_no_crash(tmp_path: Path):
    program = """
import resource, signal, sys
import subprocess
import sys
from pathlib import Path
import numpy as np
from musictool.strict import hdf5
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
unlimited = resource.getrlimit(resource.RLIMIT_FSIZE)
resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, unlimited[1]))
elsewhere = hdf5._write_elsewhere

def with_room(descriptor):  # as a file in memory has it when the disk is full
    resource.setrlimit(resource.RLIMIT_FSIZE, unlimited)
    elsewhere(descriptor)

hdf5._write_elsewhere = with_room
try:
    with hdf5.new_file(Path(sys.argv[1])) as file:
        file["all"] = np.ones(2_000)
        file["rest"] = np.ones(1_000)
except (OSError, RuntimeError):
    print("an error")
"""
    command = [sys.executable, "-c", program, str(tmp_path / "new.h5")]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, "an error\n", "")


def test_a_new_file_holds_what_was_put_in(tmp_path: Path):
    with new_file(tmp_path / "new.h5") as file:
        file["one"] = np.arange(3)
        file.create_dataset("two", (4,), np.int8)[1:] = 7
    with opened(tmp_path / "new.h5") as file:
        assert file["one"][:].tolist() == [0, 1, 2]
        assert file["two"][:].tolist() == [0, 7, 7, 7]
