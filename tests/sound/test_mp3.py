from __future__ import annotations

import numpy as np
import pytest
import soundfile

from musictool.sound.mp3 import RATE, checksum, write


def slow_checksum(data: bytes, register: int = 0) -> int:
    """CRC-16 of LAME's tag, bit by bit."""
    for byte in data:
        register ^= byte
        for _ in range(8):
            register = register >> 1 ^ (0xA001 if register & 1 else 0)
    return register


@pytest.mark.parametrize("length", [0, 1, 2, 3, 511, 512, 2000])
def test_the_checksum_is_that_of_the_tag_in_one_piece_or_two(length):
    data = np.random.default_rng(length).bytes(length)
    assert checksum(data) == slow_checksum(data)
    assert checksum(data[length // 3 :], checksum(data[: length // 3])) == slow_checksum(data)


@pytest.mark.parametrize("samples", [1, 576, 1152, 50_000])
def test_a_file_holds_as_many_samples_as_were_written_where_they_were_written(tmp_path, samples):
    """Without its tag a file would begin with 1105 samples of silence and end with more."""
    hum = np.sin(np.arange(samples) / RATE * 2 * np.pi * np.array([[440.0], [330.0]])).astype(np.float32) / 2
    write(tmp_path / "a.mp3", np.array_split(hum, [samples // 3], axis=1))
    read, rate = soundfile.read(tmp_path / "a.mp3")
    assert (rate, read.shape) == (RATE, (samples, 2))
    if samples > 5000:
        assert np.abs(read.T - hum)[:, 2000:-2000].max() < 0.02


def test_the_tag_is_the_one_that_libsndfile_has_lame_write(tmp_path):
    sound = np.random.default_rng(1).normal(0, 0.1, (2, 30_000)).cumsum(axis=1).astype(np.float32)
    sound /= 2 * np.abs(sound).max()
    write(tmp_path / "a.mp3", [sound])
    soundfile.write(tmp_path / "b.mp3", sound.T, RATE)
    tags = [(tmp_path / name).read_bytes()[:188] for name in ("a.mp3", "b.mp3")]
    # all but the number of bytes, which lie where, and the sums over them
    same = [slice(0, 48), slice(52, 53), slice(152, 184)]
    assert [tags[0][part] for part in same] == [tags[1][part] for part in same]
    data = (tmp_path / "a.mp3").read_bytes()
    assert int.from_bytes(data[48:52], "big") == len(data)
    assert int.from_bytes(data[188:190], "big") == slow_checksum(data[417:])
    assert int.from_bytes(data[190:192], "big") == slow_checksum(data[:190])
