from __future__ import annotations

import gzip
import io
import os
import random
import stat
import struct
import tarfile
import zipfile
from pathlib import Path

import pytest

from musictool.errors import BadDownload
from musictool.fetching import archives
from musictool.fetching import unpack as unpacking
from musictool.fetching.archives import kind_of
from musictool.fetching.unpack import LINK, NO_NAME, NOT_WANTED, TAKEN, Unpacked, unpack
from tests.fetching.web import NOISE, link, tarred, zipped


def unpacked(content: bytes, tmp_path: Path, without: tuple[str, ...] = ()) -> Unpacked:
    """Unpack `content` into the folder tmp_path/inner/music."""
    archive, folder = tmp_path / "archive", tmp_path / "inner" / "music"
    folder.mkdir(parents=True)
    archive.write_bytes(content)
    return unpack(archive, folder, without, lambda what, done, total: None)


def files(tmp_path: Path) -> dict[str, bytes]:
    """All that lies below tmp_path, but for the archive itself."""
    music = tmp_path / "inner" / "music"
    paths = [path for path in tmp_path.rglob("*") if not path.is_dir() and path != tmp_path / "archive"]
    return {os.path.relpath(path, music): path.read_bytes() for path in paths}


@pytest.mark.parametrize(
    "pack", [zipped, *(lambda files, mode=mode: tarred(files, mode) for mode in ("w", "w:gz", "w:bz2", "w:xz"))]
)
def test_what_went_in_comes_out(pack, tmp_path: Path):
    music = {"a/b/one.mid": b"one", "a/two.mid": NOISE, "empty.mid": b"", "./dot.mid": b"dot", "Æther – ♯.mid": b"name"}
    done = unpacked(pack(music), tmp_path)
    assert files(tmp_path) == {name.removeprefix("./"): content for name, content in music.items()}
    assert (done.files, done.size_bytes, dict(done.left_out)) == (5, len(NOISE) + 10, {})


@pytest.mark.parametrize(
    "content, kind",
    [
        (zipped({}), "zip"),
        (tarred({}, "w"), None),
        (tarred({"a": b""}, "w"), "tar"),
        (tarred({}, "w:gz"), "tar.gz"),
        (tarred({}, "w:bz2"), "tar.bz2"),
        (tarred({}, "w:xz"), "tar.xz"),
        (b"7z\xbc\xaf\x27\x1c", None),
        (b"Rar!\x1a\x07", None),
        (b"<!DOCTYPE html>", None),
        (b"MThd", None),
        (b"", None),
    ],
    ids=range(11),  # and not the bytes, in which a time of day stands
)
def test_the_first_bytes_say_what_an_archive_is(content: bytes, kind: str | None, tmp_path: Path):
    path = tmp_path / "any.name"
    path.write_bytes(content)
    if kind:
        assert kind_of(path) == kind
    else:
        with pytest.raises(BadDownload):
            kind_of(path)


@pytest.mark.parametrize(
    "name",
    ["../out.mid", "a/../../out.mid", "/tmp/out.mid", "C:/out.mid", "C:out.mid", "..\\out.mid", "\\out.mid", "a/.."],
)
@pytest.mark.parametrize("pack", [zipped, tarred])
def test_a_path_that_leaves_the_folder_is_refused(pack, name: str, tmp_path: Path):
    with pytest.raises(BadDownload, match="outside its folder"):
        unpacked(pack({"first.mid": b"1", name: b"2"}), tmp_path)
    assert set(files(tmp_path)) <= {"first.mid"}


@pytest.mark.parametrize("kind", [tarfile.SYMTYPE, tarfile.LNKTYPE])
@pytest.mark.parametrize("target", ["../../secret", "/etc/passwd", "a/../../secret"])
def test_a_link_that_points_out_of_the_folder_is_refused(kind: bytes, target: str, tmp_path: Path):
    (tmp_path / "secret").write_bytes(b"secret")
    with pytest.raises(BadDownload, match="outside its folder"):
        unpacked(tarred({"x": link("x", target, kind), "x/out.mid": b"2"}), tmp_path)
    assert set(files(tmp_path)) <= {"../../secret"}


def test_a_zips_symbolic_link_that_points_out_of_the_folder_is_refused(tmp_path: Path):
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        info = zipfile.ZipInfo("x")
        info.external_attr = (stat.S_IFLNK | 0o777) << 16
        archive.writestr(info, "../..")
        archive.writestr("x/out.mid", b"2")
    with pytest.raises(BadDownload, match="outside its folder"):
        unpacked(buffer.getvalue(), tmp_path)
    assert files(tmp_path) == {}


def test_links_within_the_folder_become_copies(tmp_path: Path):
    music = {
        "a/one.mid": b"one",
        "b/soft.mid": link("b/soft.mid", "../a/one.mid"),
        "hard.mid": link("hard.mid", "a/one.mid", tarfile.LNKTYPE),
        "broken.mid": link("broken.mid", "nothing.mid"),
        "folder": link("folder", "a"),
    }
    done = unpacked(tarred(music), tmp_path)
    assert files(tmp_path) == {"a/one.mid": b"one", "b/soft.mid": b"one", "hard.mid": b"one"}
    assert dict(done.left_out) == {LINK: 2}
    assert not any(path.is_symlink() for path in tmp_path.rglob("*"))


@pytest.mark.parametrize("kind", [tarfile.CHRTYPE, tarfile.BLKTYPE, tarfile.FIFOTYPE])
def test_devices_and_pipes_are_refused(kind: bytes, tmp_path: Path):
    with pytest.raises(BadDownload, match="device or pipe"):
        unpacked(tarred({"null": link("null", "", kind)}), tmp_path)


def test_permissions_are_not_taken_over(tmp_path: Path):
    header = tarfile.TarInfo("run.sh")
    header.mode = 0o6777
    unpacked(tarred({"run.sh": header}), tmp_path)
    assert (tmp_path / "inner/music/run.sh").stat().st_mode & 0o7111 == 0


@pytest.mark.filterwarnings("ignore:Duplicate name:UserWarning")
@pytest.mark.parametrize("pack", [zipped, tarred])
def test_odd_names_cost_themselves_only(pack, tmp_path: Path):
    buffer = {"a.mid": b"1", "./a.mid": b"2", "a.mid/b.mid": b"3", "x" * 300 + ".mid": b"4", "dir\\c.mid": b"5"}
    done = unpacked(pack(buffer), tmp_path)
    assert files(tmp_path) == {"a.mid": b"1", "dir/c.mid": b"5"}
    assert dict(done.left_out) == {TAKEN: 2, NO_NAME: 1}


def test_what_is_not_wanted_is_left_out(tmp_path: Path):
    music = {"top/001.mid": b"1", "top/versions/001-v1.mid": b"2"}
    done = unpacked(zipped(music), tmp_path, ("*/versions/*",))
    assert files(tmp_path) == {"top/001.mid": b"1"}
    assert dict(done.left_out) == {NOT_WANTED: 1}


def packed(files: dict[str, int]) -> bytes:
    """A zip of files of so many zero bytes, which pack to a thousandth."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, size_bytes in files.items():
            archive.writestr(name, b"\0" * size_bytes)
    return buffer.getvalue()


@pytest.fixture
def low_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(unpacking, "BOMB_BYTES", 100_000)


@pytest.mark.usefixtures("low_limit")
def test_a_bomb_that_says_so_is_refused_before_a_byte_is_written(tmp_path: Path):
    with pytest.raises(BadDownload, match="out of all proportion"):
        unpacked(packed({"a.mid": 2_000_000}), tmp_path)
    assert files(tmp_path) == {}


@pytest.mark.usefixtures("low_limit")
@pytest.mark.parametrize("pack", [gzip.compress, lambda content: content])
def test_a_bomb_in_a_tar_is_counted_as_it_is_written(pack, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(unpacking, "BOMB_TIMES", 0)
    with pytest.raises(BadDownload, match="out of all proportion"):
        unpacked(pack(tarred({"a.mid": b"\0" * 60_000, "b.mid": b"\0" * 60_000}, "w")), tmp_path)
    assert sum(len(content) for content in files(tmp_path).values()) <= 100_000


@pytest.mark.usefixtures("low_limit")
def test_a_bomb_that_lies_about_its_size_writes_no_more_than_it_says(tmp_path: Path):
    content = bytearray(packed({"a.mid": 10_000_000}))
    for signature, offset in ((b"PK\x03\x04", 22), (b"PK\x01\x02", 24)):
        place = content.index(signature) + offset
        content[place : place + 4] = struct.pack("<I", 50)
    with pytest.raises(BadDownload, match="damaged"):
        unpacked(bytes(content), tmp_path)
    assert sum(len(content) for content in files(tmp_path).values()) <= 50


@pytest.mark.usefixtures("low_limit")
def test_a_bomb_of_empty_files_is_one_too(tmp_path: Path):
    """25 empty files take 100 kB on a disk, and 1,000 of them pack well."""
    with pytest.raises(BadDownload, match="out of all proportion"):
        unpacked(tarred({f"{i}.mid": b"" for i in range(1000)}, "w:xz"), tmp_path)


def test_copies_of_one_file_count_as_well(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(unpacking, "BOMB_TIMES", 0)
    monkeypatch.setattr(unpacking, "BOMB_BYTES", 3 * len(NOISE))
    twins = {f"{i}": link(f"{i}", "a", tarfile.LNKTYPE) for i in range(3)}
    with pytest.raises(BadDownload, match="out of all proportion"):
        unpacked(tarred({"a": NOISE, **twins}), tmp_path)


def test_an_extended_header_without_end_is_refused_before_it_is_read(tmp_path: Path):
    header = tarfile.TarInfo("long")
    header.type, header.size = tarfile.GNUTYPE_LONGNAME, archives.LONGEST_HEADER_BYTES + 1
    content = header.tobuf() + b"x" * 2 * archives.LONGEST_HEADER_BYTES
    with pytest.raises(BadDownload, match="header of 1,048,577 bytes"):
        unpacked(content, tmp_path)


@pytest.mark.parametrize("mode", ["w:gz", "w:bz2", "w:xz"])
@pytest.mark.parametrize("cut", [20, 5000, len(NOISE) - 5000])
def test_a_tar_that_is_cut_short_is_damaged(mode: str, cut: int, tmp_path: Path):
    with pytest.raises(BadDownload, match="damaged"):
        unpacked(tarred({"a.mid": NOISE, "b.mid": b"2"}, mode)[:cut], tmp_path)


@pytest.mark.parametrize("place", [100, 500_000, -200])
@pytest.mark.parametrize("pack", [zipped, lambda files: gzip.compress(tarred(files, "w"))])
def test_a_byte_that_was_changed_is_noticed(pack, place: int, tmp_path: Path):
    content = bytearray(pack({"a.mid": NOISE}))
    content[place] ^= 0xFF
    with pytest.raises(BadDownload, match="damaged"):
        unpacked(bytes(content), tmp_path)


def test_a_wrong_sum_at_the_very_end_of_a_packed_tar_is_noticed(tmp_path: Path):
    content = bytearray(gzip.compress(tarred({"a.mid": NOISE}, "w")))
    content[-6] ^= 0xFF
    with pytest.raises(BadDownload, match="damaged"):
        unpacked(bytes(content), tmp_path)


def test_an_encrypted_zip_is_refused(tmp_path: Path):
    content = bytearray(zipped({"a.mid": b"1"}))
    content[content.index(b"PK\x01\x02") + 8] |= 1
    with pytest.raises(BadDownload, match=r"^the archive is encrypted"):
        unpacked(bytes(content), tmp_path)


def test_an_archive_of_nothing_is_refused(tmp_path: Path):
    with pytest.raises(BadDownload, match="holds no files"):
        unpacked(zipped({"folder/": b""}), tmp_path)


def test_a_disk_that_is_too_small_for_a_zip_is_said_before_a_byte_is_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    class Usage:
        free = len(NOISE) - 1

    monkeypatch.setattr("shutil.disk_usage", lambda path: Usage)
    with pytest.raises(OSError, match="No space left"):
        unpacked(zipped({"a.mid": NOISE}), tmp_path)
    assert files(tmp_path) == {}


@pytest.mark.parametrize("mode", ["zip", "w", "w:gz", "w:bz2", "w:xz"])
def test_whatever_bytes_are_changed_an_archive_is_unpacked_or_refused(mode: str, tmp_path: Path):
    music = {"a/b/one.mid": b"one" * 50, "é" * 60 + "/two.mid": b"2" * 700, "empty.mid": b""}
    whole, rng = zipped(music) if mode == "zip" else tarred(music, mode), random.Random(1)
    outcomes = set()
    for trial in range(100):
        content = bytearray(whole)
        for _ in range(rng.choice((1, 2, 5))):
            place = rng.randrange(min(len(content), 2000))
            content[place : place + rng.choice((0, 1, 9))] = rng.randbytes(rng.choice((0, 1, 9)))
        try:
            outcomes.add(unpacked(bytes(content), tmp_path / str(trial)).files)
        except BadDownload:
            outcomes.add(0)
        assert set(os.listdir(tmp_path / str(trial))) == {"archive", "inner"}
    assert 0 in outcomes
