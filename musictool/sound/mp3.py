"""Sound -> MP3 by LAME, with the tag that LAME's own program puts first and its library leaves to the caller.

libsndfile writes the same frames with the same LAME 3.100 in three times the time: its build of LAME is not optimised.

The tag (the "MP3 Info Tag", revision 0, by LAME's authors) is a frame without sound: how many frames and bytes follow,
where each hundredth of them lies, so that players find their way in a file of variable bit rate, and how many samples
of silence the encoder has put before and behind the sound, so that they leave them out.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import BinaryIO

import numpy as np

RATE = 44100  # samples per second, the only rate of what is written here
FRAME_SAMPLES = 1152
DELAY = 576  # samples of silence before the sound; decoders add 529 of their own, and know it
QUALITY = 4  # of variable bit rate, 0 the best: about 90 to 130 kbit/s of music
KILOBITS = (0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320)
TAG_HEADER = b"\xff\xfb\x90\x64"  # of a frame of MPEG-1 layer III with 128 kbit/s in joint stereo
TAG_BYTES = 144_000 * 128 // RATE  # of that frame
CRC_LANES = 512


def write(path: Path, blocks: Iterable[np.ndarray]) -> None:
    """Write blocks of sound, float32 (2, samples) each at `RATE`, full scale being 1."""
    import lameenc

    encoder = lameenc.Encoder()
    encoder.silence()
    encoder.set_in_sample_rate(RATE)
    encoder.set_channels(2)
    encoder.set_vbr(4)  # the newest of its algorithms (vbr_mtrh)
    encoder.set_vbr_quality(QUALITY)
    encoder.set_quality(3)  # of the algorithms where the bit rate leaves a choice: LAME's default
    samples = 0
    with path.open("w+b") as file:
        file.write(bytes(TAG_BYTES))
        for block in blocks:
            samples += block.shape[1]
            file.write(encoder.encode(np.rint(block.T.clip(-1, 1) * 32767).astype("<i2").tobytes()))
        file.write(encoder.flush())
        _write_tag(file, samples)


def _write_tag(file: BinaryIO, samples: int) -> None:
    """Fill the frame kept free at the start of a file of so many samples."""
    starts, crc = _frames(file)
    total = file.tell()
    hundredths = (np.array(starts)[np.arange(100) * len(starts) // 100] - TAG_BYTES) * 256 // (total - TAG_BYTES)
    padding = len(starts) * FRAME_SAMPLES - DELAY - samples
    tag = b"".join(
        [
            TAG_HEADER + bytes(32) + b"Xing",
            (0b1111).to_bytes(4, "big"),  # all four of these follow
            len(starts).to_bytes(4, "big") + total.to_bytes(4, "big"),
            bytes(hundredths.astype(np.uint8)),
            (100 - 10 * QUALITY).to_bytes(4, "big"),
            b"LAME3.100" + bytes([4, 175]),  # the algorithm of variable bit rate; a low-pass at 17.5 kHz
            bytes(8) + bytes([0x35, KILOBITS[1]]),  # no replay gain; how it listens; the lowest bit rate
            (DELAY << 12 | padding).to_bytes(3, "big"),
            bytes([0x4D, 0]) + (500 - 10 * QUALITY).to_bytes(2, "big"),  # joint stereo of 44.1 kHz; the preset
            total.to_bytes(4, "big") + crc.to_bytes(2, "big"),
        ]
    )
    tag += checksum(tag).to_bytes(2, "big")
    file.seek(0)
    file.write(tag)


def _frames(file: BinaryIO) -> tuple[list[int], int]:
    """The place of each frame behind the tag, and the checksum over all; leaves the file at its end."""
    starts, crc, at = [], 0, TAG_BYTES
    file.seek(at)
    while chunk := file.read(2**20):
        crc = checksum(chunk, crc)
    end = file.tell()
    while at < end:
        file.seek(at)
        head = file.read(4)
        starts.append(at)
        at += 144_000 * KILOBITS[head[2] >> 4] // RATE + (head[2] >> 1 & 1)
    file.seek(end)
    return starts, crc


def _crc_table() -> np.ndarray:
    """uint16 (256,): what eight steps make of a byte."""
    values = np.arange(256, dtype=np.uint16)
    for _ in range(8):
        values = np.where(values & 1, values >> 1 ^ 0xA001, values >> 1).astype(np.uint16)
    return values


def checksum(data: bytes, before: int = 0) -> int:
    """CRC-16 (polynomial 0x8005, bits mirrored) of data that follow data whose checksum is `before`.

    The data are cut into lanes that are summed side by side. A checksum is linear, so that those of the lanes add up
    once each is carried on over as many zeros as there are bytes behind it.
    """
    table = _crc_table()
    if len(data) < 2:
        return int(table[before & 255 ^ data[0]]) ^ before >> 8 if data else before
    # what was before is added to the first two bytes; zeros in front change nothing
    flat = np.frombuffer(data, np.uint8).astype(np.uint16)
    flat[:2] ^= np.array([before & 255, before >> 8], np.uint16)
    lanes = np.pad(flat, (-len(flat) % CRC_LANES, 0)).reshape(CRC_LANES, -1)
    # all lanes, and below them what becomes of each of 16 bits over as many zeros
    sums = np.concatenate([np.zeros(CRC_LANES, np.uint16), 1 << np.arange(16, dtype=np.uint16)])
    for column in np.concatenate([lanes, np.zeros((16, lanes.shape[1]), np.uint16)]).T:
        sums = table[(sums ^ column) & 255] ^ sums >> 8
    carried, total = sums[CRC_LANES:].tolist(), 0
    for lane in sums[:CRC_LANES].tolist():
        for bit in range(16):
            lane ^= carried[bit] if total >> bit & 1 else 0
        total = lane
    return total
