from __future__ import annotations

import numpy as np
import pytest
import soundfile

from musictool.sound.ogg import STREAM_NUMBER, checksum, renumber


def slow_checksum(page: bytes) -> int:
    """RFC 3533, bit by bit."""
    register = 0
    for byte in page:
        register ^= byte << 24
        for _ in range(8):
            register = (register << 1 ^ (0x104C11DB7 if register & 0x80000000 else 0)) & 0xFFFFFFFF
    return register


@pytest.mark.parametrize("page", [b"", b"\0", b"OggS", bytes(range(256)) * 3])
def test_the_checksum_is_that_of_the_standard(page):
    assert checksum(page) == slow_checksum(page)


def test_a_renumbered_file_holds_the_same_sound_under_the_same_number(tmp_path):
    sound = np.random.default_rng(1).normal(0, 0.1, (30_000, 2))
    soundfile.write(tmp_path / "a.ogg", sound, 44100)
    before, _ = soundfile.read(tmp_path / "a.ogg")
    renumber(tmp_path / "a.ogg")
    after, _ = soundfile.read(tmp_path / "a.ogg")
    assert np.array_equal(before, after)
    data = (tmp_path / "a.ogg").read_bytes()
    assert data.count(b"OggS" + b"\0") > 3
    assert data[14:18] == STREAM_NUMBER.to_bytes(4, "little")


def test_what_is_no_ogg_file_is_refused(tmp_path):
    (tmp_path / "a.ogg").write_bytes(b"RIFF" * 20)
    with pytest.raises(ValueError, match="Ogg"):
        renumber(tmp_path / "a.ogg")
