from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from musictool.drawing.plot import PlotInput, PlotOptions
from musictool.errors import BadModel, BadOption
from musictool.models.info import FORMAT
from musictool.plots.curves import draw
from tests.model_info import model_info

HISTORY = """stage,epoch,loss,accuracy,val_loss,val_accuracy,learning_rate,rows_per_second,seconds
network,1,3.0,0.1,2.5,0.2,0.001,100,30
network,2,2.0,0.1,1.5,0.2,0.001,100,30
network,3,1.5,0.1,1.75,0.2,0.001,100,60
"""
STAGES = """stage,epoch,loss,val_loss,critic,learning_rate,rows_per_second,seconds
vae,1,9,8,,0.1,1,5
vae,2,7,6,,0.1,1,5
latent,1,,,0.5,0.1,1,5
"""


def model(home: Path, name: str, history: str = HISTORY, encoding: str = "note-chord", **metrics: Any) -> PlotInput:
    tables = ("arch", "conditions", "corpus", "training", "provenance", "weights")
    info = {
        "format": FORMAT,
        "stages": ["network"],
        **{table: {} for table in tables},
        "encoding": {"name": encoding, "options": {}},
        "spec": {"kind": "tokens", "shape": [], "size": 9},
        "music": {"bpm": 100, "metre": [4, 4]},
        "metrics": metrics,
    }
    (home / name).mkdir()
    (home / name / "model.json").write_text(json.dumps(model_info(**info)))
    if history:
        (home / name / "history.csv").write_text(history)
    return PlotInput("model", home / name)


def words(axes: Any) -> list[str]:
    return [text.get_text() for text in axes.get_legend().get_texts()]


def lines(axes: Any) -> list[list[float]]:
    return [[float(y) for y in line.get_ydata()] for line in axes.lines]


def test_one_model_has_its_two_lines_a_ring_at_the_best_and_the_best_baseline(tmp_path: Path):
    (axes,) = draw([model(tmp_path, "one", baselines={"unigram": 4.0, "bigram": 2.75})], PlotOptions()).figure.axes
    assert lines(axes) == [[3.0, 2.0, 1.5], [2.5, 1.5, 1.75], [1.5], [2.75, 2.75]]
    assert words(axes) == ["one: 1.500"]
    assert [text.get_text() for text in axes.texts] == ["bigram: 2.750"]


def test_models_that_can_be_compared_share_a_panel_the_best_first(tmp_path: Path):
    worse = HISTORY.replace("1.5,0.2", "1.9,0.2")
    things = [model(tmp_path, "worse", worse), model(tmp_path, "better")]
    (axes,) = draw(things, PlotOptions()).figure.axes
    assert words(axes) == ["better: 1.500", "worse: 1.750"]


def test_models_of_other_encodings_have_other_panels(tmp_path: Path):
    things = [model(tmp_path, "one"), model(tmp_path, "two", encoding="performance")]
    panels = draw(things, PlotOptions()).figure.axes
    titles = [axes.get_title(loc="left") for axes in panels]
    assert titles == ["nats per token, note-chord", "nats per token, performance"]


def test_each_stage_has_a_panel_and_one_without_a_loss_shows_what_it_measured(tmp_path: Path):
    panels = draw([model(tmp_path, "vae", STAGES)], PlotOptions()).figure.axes[:2]
    assert [axes.get_title(loc="left") for axes in panels] == [
        "nats per token, note-chord, vae",
        "critic, note-chord, latent",
    ]


def test_minutes_are_those_of_training(tmp_path: Path):
    (axes,) = draw([model(tmp_path, "one")], PlotOptions(against="minutes")).figure.axes
    assert axes.lines[0].get_xdata().tolist() == [0.5, 1.0, 2.0]
    with pytest.raises(BadOption, match="--against: 'hours' is not one of epochs, minutes"):
        draw([model(tmp_path, "two")], PlotOptions(against="hours"))


def test_a_model_without_an_epoch_is_left_out_or_if_alone_refused(tmp_path: Path):
    young = model(tmp_path, "young", history="")
    drawn = draw([young, model(tmp_path, "old")], PlotOptions())
    assert drawn.remarks == ["young has no curve yet: its first epoch is not over; left out"]
    with pytest.raises(BadModel, match="young has no curve yet: its first epoch is not over"):
        draw([young], PlotOptions())


def test_a_damaged_history_is_said_to_be_one(tmp_path: Path):
    with pytest.raises(BadModel, match=r"history\.csv is damaged"):
        draw([model(tmp_path, "one", "epoch,loss\n1,2,3\n")], PlotOptions())


ADVERSARIES = """stage,epoch,critic_loss,generator_loss,val_distance,val_variety,val_corpus_variety,seconds
network,1,0.9,2,0.6,0.2,0.5,5
network,2,0.5,1,0.3,0.4,0.5,5
network,3,0.1,9,0.8,0.1,0.5,5
"""


def test_a_gan_is_shown_by_its_selection_metrics_and_its_losses(tmp_path: Path):
    panels = draw([model(tmp_path, "gan", ADVERSARIES)], PlotOptions()).figure.axes
    titles = [axes.get_title(loc="left").partition(",")[0] for axes in panels]
    assert titles == ["distance", "variety", "critic loss", "generator loss"]
    rings = [line.get_xdata().tolist() for axes in panels for line in axes.lines if line.get_marker() == "o"]
    assert rings.count([2.0]) == 4  # the epoch with the least distance, whatever the critic's loss
    assert [text.get_text() for text in panels[1].texts] == ["corpus: 0.500"]
