from __future__ import annotations

from pathlib import Path
from typing import Any

from musictool.training.event_log import EventLog


def history(epochs: int) -> list[dict[str, Any]]:
    return [
        {"stage": "network", "epoch": epoch, "loss": 3.0 / epoch, "val_loss": None, "rows_per_second": 400 * epoch}
        for epoch in range(1, epochs + 1)
    ]


def curves(folder: Path) -> list[tuple[int, str, float]]:
    """(step, tag, value) of every value."""
    import tensorflow as tf

    (path,) = folder.glob("events.out.tfevents*")
    events = [tf.compat.v1.Event.FromString(record.numpy()) for record in tf.data.TFRecordDataset(str(path))]
    return [(event.step, value.tag, value.simple_value) for event in events for value in event.summary.value]


def test_each_number_of_each_epoch_is_a_point_of_a_curve(tmp_path: Path):
    events = EventLog(tmp_path)
    events.log(history(2))
    events.close()
    assert curves(tmp_path) == [
        (1, "network/loss", 3.0),
        (1, "network/rows_per_second", 400.0),
        (2, "network/loss", 1.5),
        (2, "network/rows_per_second", 800.0),
    ]


def test_each_epoch_is_written_once_however_often_it_is_logged_and_by_whom(tmp_path: Path):
    for epochs in (1, 3):
        events = EventLog(tmp_path)
        for so_far in range(epochs + 1):
            events.log(history(so_far))
        events.close()
    assert [step for step, tag, _ in curves(tmp_path) if tag == "network/loss"] == [1, 2, 3]
