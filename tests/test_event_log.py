from __future__ import annotations

import struct
from pathlib import Path
from typing import Any

import pytest

from musictool.event_log import NAME, crc32c, log_history


def history(epochs: int) -> list[dict[str, Any]]:
    return [
        {"stage": "network", "epoch": epoch, "loss": 3.0 / epoch, "val_loss": None, "rows_per_second": 400 * epoch}
        for epoch in range(1, epochs + 1)
    ]


def curves(folder: Path) -> list[tuple[int, str, float]]:
    """(step, tag, value) of every value, as TensorFlow reads them; it checks the checksums."""
    import tensorflow as tf

    (path,) = folder.glob("events.out.tfevents*")
    events = [tf.compat.v1.Event.FromString(record.numpy()) for record in tf.data.TFRecordDataset(str(path))]
    assert events[0].file_version == "brain.Event:2"
    return [(event.step, value.tag, value.simple_value) for event in events for value in event.summary.value]


@pytest.mark.parametrize(
    "data, checksum", [(b"", 0), (b"123456789", 0xE3069283), (bytes(32), 0x8A9136AA), (b"\xff" * 32, 0x62A8AB43)]
)
def test_the_checksum_is_that_of_rfc_3720(data: bytes, checksum: int):
    assert crc32c(data) == checksum


def test_each_number_of_each_epoch_is_a_point_of_a_curve(tmp_path: Path):
    log_history(tmp_path, history(200))
    points = curves(tmp_path)
    assert points[:4] == [
        (1, "network/loss", 3.0),
        (1, "network/rows_per_second", 400.0),
        (2, "network/loss", 1.5),
        (2, "network/rows_per_second", 800.0),
    ]
    assert points[-1] == (200, "network/rows_per_second", 80_000.0)


def test_each_epoch_is_written_once_however_often_it_is_logged(tmp_path: Path):
    for epochs in (1, 1, 2, 5):
        log_history(tmp_path, history(epochs))
    assert [step for step, tag, _ in curves(tmp_path) if tag == "network/loss"] == [1, 2, 3, 4, 5]


@pytest.mark.parametrize("lost", [1, 30, 70])
def test_what_a_kill_left_half_written_is_written_again(tmp_path: Path, lost: int):
    log_history(tmp_path, history(3))
    whole = curves(tmp_path)
    content = (tmp_path / NAME).read_bytes()
    (tmp_path / NAME).write_bytes(content[:-lost])
    log_history(tmp_path, history(3))
    assert curves(tmp_path) == whole
    (length,) = struct.unpack_from("<Q", content)
    assert length < 100
