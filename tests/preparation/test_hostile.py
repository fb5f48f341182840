"""Files made to do harm, all in one folder with one sound song: each must cost itself only, and say why."""

from __future__ import annotations

import io
import struct
import subprocess
import sys
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from musictool import home, reading
from musictool.errors import BadFile
from musictool.preparation import prepare as preparation
from tests.readers.smf import DATA, END, header, smf, track
from tests.readers.test_lpd import PIANO, SOUND, VALUES, npy, write

MIB = 1 << 20
SONG = smf("00 90 3c 40  60 80 3c 00")
NOTE = "<note><pitch><step>C</step><octave>4</octave></pitch><duration>1</duration></note>"
LAUGHS = "".join(f'<!ENTITY l{i} "{f"&l{i - 1};" * 10}">' for i in range(1, 11))


def xml(entities: str = "", title: str = "", body: str = NOTE) -> bytes:
    return (
        f'<?xml version="1.0"?><!DOCTYPE score-partwise [{entities}]><score-partwise version="3.1">'
        f"<work><work-title>{title}</work-title></work>"
        '<part-list><score-part id="P1"><part-name>a</part-name></score-part></part-list><part id="P1">'
        f'<measure number="1"><attributes><divisions>1</divisions></attributes>{body}</measure></part></score-partwise>'
    ).encode()


def zeros(mebibytes: int) -> bytes:
    """So many mebibytes of zeros, deflated: a thousandth of them; fast, as all but the first are one block repeated."""
    pack = zlib.compressobj(9, zlib.DEFLATED, -15)
    blocks = [pack.compress(bytes(MIB)) + pack.flush(zlib.Z_FULL_FLUSH) for _ in range(2)]
    return blocks[0] + blocks[1] * (mebibytes - 1) + pack.flush(zlib.Z_FINISH)


def archive(name: str, stream: bytes, size: int, method: int = zipfile.ZIP_DEFLATED) -> bytes:
    """A zip archive of one member, which says of itself that it has `size` zeros."""
    about = struct.pack(
        "<HHHHIIIH", 0, method, 0, 0x21, zlib.crc32(bytes(min(size, MIB))), len(stream), size, len(name)
    )
    local = b"PK\3\4\x14\0" + about + b"\0\0" + name.encode()
    directory = b"PK\1\2\x14\0\x14\0" + about + bytes(14) + bytes(2) + name.encode()
    end = struct.pack("<4sHHHHIIH", b"PK\5\6", 0, 0, 1, 1, len(directory), len(local) + len(stream), 0)
    return local + stream + directory + end


def made(content: Callable[[], bytes]) -> Callable[[Path], object]:
    """A large file, which is made where it is needed: every process of tests has this module in memory."""
    return lambda path: path.write_bytes(content())


def zipped(members: dict[str, bytes]) -> Callable[[Path], None]:
    def make(path: Path) -> None:
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as file:
            for name, content in members.items():
                file.writestr(name, content)

    return make


def roll(arrays: dict[str, np.ndarray], about: object = PIANO, **more: bytes) -> Callable[[Path], None]:
    def make(path: Path) -> None:
        write(path, arrays, about)
        with zipfile.ZipFile(path, "a") as file:
            for name, content in more.items():
                file.writestr(f"{name}.npy", content)

    return make


NO_VALUES = {name: array for name, array in SOUND.items() if name != VALUES}
RUNNING, REPEATED = bytes.fromhex("00 90 3c 40 01 3c 00"), bytes.fromhex("01 3c 40 01 3c 00")
CONTAINER = b'<container><rootfiles><rootfile full-path="../../song.xml"/></rootfiles></container>'

# name: (bytes or what makes the file, reason)
HOSTILE: dict[str, tuple[bytes | Callable[[Path], object], str]] = {
    "empty.mid": (b"", "empty"),
    "notes.mid": (made(lambda: header() + track(RUNNING + REPEATED * 550_000 + END)), "too many notes"),
    "huge.mid": (made(lambda: header() + track(RUNNING + REPEATED * 1_400_000 + END)), "too large"),
    "late.mid": (smf("c1 f5 c0 00 90 3c 40  60 80 3c 00"), "too long"),
    "cut.mid": (SONG[:23], "truncated"),
    "zip.mid": (made(lambda: archive("a", zeros(4000), 4000 * MIB)), "not MIDI"),
    "silent.kar": (smf("00 ff 05 02 4c 61"), "no notes"),
    "bomb.npz": (made(lambda: archive("tempo.npy", zeros(4000), 4000 * MIB)), "too large"),
    "liar.npz": (made(lambda: archive("tempo.npy", zeros(4000), 1000)), "unreadable"),
    "boaster.npz": (archive("tempo.npy", zeros(1), 50 * MIB), "unreadable"),
    "bzip2.npz": (archive("tempo.npy", b"BZh9", 1000, zipfile.ZIP_BZIP2), "unreadable"),
    "cut.npz": (archive("tempo.npy", zeros(1), MIB)[:600], "truncated"),
    "no-zip.npz": (b"no archive", "not a piano-roll"),
    "weights.npz": (zipped({"kernel.npy": npy("(5,)")}), "not a piano-roll"),
    "shape.npz": (roll(NO_VALUES, **{VALUES: npy("(9999999999999999,)")}), "not a piano-roll"),
    "pickle.npz": (roll({**SOUND, VALUES: np.array([{}] * 5, object)}), "not a piano-roll"),
    "disorder.npz": (roll({**SOUND, "pianoroll_0_csc_indices": np.array([9, 5, 1, 0, -1])}), "not a piano-roll"),
    "resolution.npz": (roll(SOUND, {**PIANO, "resolution": 0}), "not a piano-roll"),
    "notes.npz": (
        lambda path: write(
            path,
            {
                "pianoroll_0_csc_data": np.full(600_000, 9, np.uint8),
                "pianoroll_0_csc_indices": np.arange(600_000) * 2,
                "pianoroll_0_csc_indptr": np.minimum(np.arange(129), 1) * 600_000,
                "pianoroll_0_csc_shape": np.array([1_200_000, 128]),
            },
            PIANO,
        ),
        "too many notes",
    ),
    "late.npz": (
        roll(
            {
                **SOUND,
                "pianoroll_0_csc_indices": SOUND["pianoroll_0_csc_indices"] + 2_000_000,
                "pianoroll_0_csc_shape": np.array([2**40, 128]),
            }
        ),
        "too long",
    ),
    "bomb.mxl": (made(lambda: archive("song.xml", zeros(4000), 4000 * MIB)), "too large"),
    "liar.mxl": (made(lambda: archive("song.xml", zeros(4000), 1000)), "unreadable"),
    "cut.mxl": (archive("song.xml", zeros(1), MIB)[:600], "truncated"),
    "laughs.mxl": (zipped({"song.xml": xml('<!ENTITY l0 "ha">' + LAUGHS, "&l10;")}), "unreadable"),
    "laughs.xml": (xml('<!ENTITY l0 "ha">' + LAUGHS, "&l10;"), "unreadable"),
    "outside.xml": (xml('<!ENTITY l0 SYSTEM "file:///etc/hostname">', "&l0;"), "unreadable"),
    "long.xml": (xml(body=NOTE.replace("<duration>1", "<duration>99999999999999")), "too long"),
    "deep.xml": (xml(body="<a>" * 100_000 + "</a>" * 100_000), "no notes"),
    "cut.musicxml": (xml()[:-60], "unreadable"),
    "huge.abc": (made(lambda: b"X:1\nL:1/8\nK:C\n" + b"cdefgab " * 1_250_000), "too large"),
    "length.abc": (b"X:1\nL:1/8\nK:C\nc99999999999999999999\n", "too long"),
    "brackets.abc": (b"X:1\nL:1/8\nK:C\n" + b"[" * 50_000, "no notes"),
    "garbage.xml": (bytes(range(256)) * 100, "not MusicXML"),
    "noise.krn": (bytes(range(256)) * 101, "not Humdrum"),
}

SOUND_FILES: dict[str, bytes | Callable[[Path], object]] = {
    "song.mid": SONG,
    "tempo.mid": smf("00 ff 51 03 00 00 00  00 90 3c 41  60 80 3c 00"),  # of zero: as if it were not there
    "gap.mid": smf("00 90 3c 40  60 80 3c 00  c1 f5 c0 00 90 3c 40  60 80 3c 00"),  # cut before it
    "garbage.krn": b"**kern\t**kern\n*\t*\n4c\n4d\t4e\t4f\n*^\n*-",
    "words.kar": smf("00 ff 05 02 4c 61  00 90 3e 40  60 80 3e 00"),
    "roll.npz": roll({**SOUND, "tempo": np.full(9, np.nan)}),
    "climbing.npz": roll({**SOUND, "../../../climbed": np.zeros(3)}),
    "climbing.mxl": zipped({"META-INF/container.xml": CONTAINER, "../../song.xml": xml(body=NOTE * 2)}),
}


def put(folder: Path, name: str, content: bytes | Callable[[Path], object]) -> Path:
    path = folder / name
    if callable(content):
        content(path)
    else:
        path.write_bytes(content)
    return path


@pytest.mark.parametrize("name", HOSTILE)
def test_each_gives_its_reason(tmp_path: Path, name: str):
    content, reason = HOSTILE[name]
    path = put(tmp_path, name, content)
    with pytest.raises(BadFile) as error:
        reading.read(path)
    assert error.value.reason == reason, error.value


def test_a_folder_full_of_them_becomes_a_corpus_of_what_is_sound(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv(home.HOME_VARIABLE, str(tmp_path / "home"))
    folder = tmp_path / "a" / "b" / "songs"
    folder.mkdir(parents=True)
    for name, content in {**SOUND_FILES, **{name: content for name, (content, _) in HOSTILE.items()}}.items():
        put(folder, name, content)
    prepared = preparation.prepare(folder, workers=1, encode=False)
    files = {file["path"]: file for file in prepared.corpus.files}
    assert sorted(prepared.corpus.ids) == sorted(SOUND_FILES)
    assert {name: files[name]["detail"].partition(":")[0] for name in HOSTILE} == {
        name: reason for name, (_, reason) in HOSTILE.items()
    }
    outside = [path for path in tmp_path.rglob("*") if path.is_file() and not path.is_relative_to(tmp_path / "home")]
    assert {path.parent for path in outside} == {folder}


on_linux = pytest.mark.skipif(
    not Path("/proc/self/status").is_file(), reason="the peak of the memory is not known here"
)

_PEAK = (
    "import sys; from pathlib import Path; from musictool.errors import BadFile\n"
    "from musictool import reading\n"
    "try:\n    reading.read(Path(sys.argv[1]))\n"
    "except BadFile as error:\n    print(error.reason)\n"
    "print(next(line.split()[1] for line in open('/proc/self/status') if line.startswith('VmHWM')))"
)


@on_linux
@pytest.mark.parametrize(
    "name", ["bomb.npz", "liar.npz", "boaster.npz", "shape.npz", "notes.npz", "bomb.mxl", "liar.mxl"]
)
def test_bombs_are_refused_in_little_memory(tmp_path: Path, name: str):
    content, reason = HOSTILE[name]
    path = put(tmp_path, name, content)
    out = subprocess.run([sys.executable, "-c", _PEAK, str(path)], capture_output=True, text=True, check=True).stdout
    words, kilobytes = out.split()[:-1], int(out.split()[-1])
    assert " ".join(words) == reason
    assert kilobytes < 300 * 1024


@on_linux
@pytest.mark.slow
@pytest.mark.parametrize(
    "name, unit, reason",
    [
        ("running status", "01 3c 40 01 3c 00", "too many notes"),
        ("program changes", "00 c0 05", ""),
        ("pedal", "01 b0 40 7f 01 b0 40 00", ""),
        ("tempos", "01 ff 51 03 07 a1 20", ""),
        ("metres", "01 ff 58 04 03 02 18 08", ""),
        ("sysex that is none", "00 f0 02 f7 00 00", ""),
    ],
)
def test_the_largest_midi_files_are_answered_in_time(tmp_path: Path, name: str, unit: str, reason: str):
    events = bytes.fromhex(unit)
    count = (reading.MAX_BYTES - 100) // len(events)
    path = put(tmp_path, "a.mid", header() + track(RUNNING + events * count + END))
    out = subprocess.run(
        [sys.executable, "-c", _PEAK, str(path)], capture_output=True, text=True, check=True, timeout=60
    ).stdout.split()
    assert " ".join(out[:-1]) == reason
    assert int(out[-1]) < 600 * 1024


@pytest.mark.skipif(not (DATA / "bad-midi").is_dir(), reason="no malformed files beside the checkout")
def test_malformed_files_of_other_projects_do_not_stop_a_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv(home.HOME_VARIABLE, str(tmp_path / "home"))
    prepared = preparation.prepare(DATA / "bad-midi", name="bad", workers=1, encode=False)
    skipped = [file for file in prepared.corpus.files if file["status"] == "skipped"]
    assert len(prepared.corpus) > 100
    assert skipped
    assert all(file["reason"] and file["reason"] not in ("reader crashed", "timed out") for file in skipped)


def test_the_bombs_here_are_real():
    """The archives are such as zipfile reads, and give as many zeros as were asked for."""
    inflate = zlib.decompressobj(-15)
    assert inflate.decompress(zeros(3)) == bytes(3 * MIB)
    assert inflate.eof
    assert len(zeros(4000)) < reading.MAX_BYTES
    with zipfile.ZipFile(io.BytesIO(archive("a", zeros(1), MIB))) as file:
        assert file.read("a") == bytes(MIB)
