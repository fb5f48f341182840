from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from musictool.drawing.plot import PlotInput, PlotOptions
from musictool.encodings.segments import Segments
from musictool.errors import BadCorpus, BadModel, BadOption
from musictool.models.info import FORMAT, read_info
from musictool.models.model import Model
from musictool.plots.latent import draw
from tests.model_info import model_info

INFO = {
    "format": FORMAT,
    "stages": ["network"],
    **{table: {} for table in ("conditions", "metrics", "provenance", "weights")},
    "arch": {"name": "vae", "options": {}},
    "encoding": {"name": "segments", "options": {}},
    "spec": {"kind": "segments", "shape": [32, 128, 5], "size": 32 * 128 * 5},
    "music": {"bpm": 120, "metre": [4, 4]},
}


def latents(rows: np.ndarray) -> np.ndarray:
    """What an arch would give: here how many cells sound, their mean pitch, and their mean step."""
    result = np.zeros((len(rows), 5, 3), np.float32)
    for segment, row in enumerate(rows):
        for instrument in range(5):
            steps, pitches = np.nonzero(row[..., instrument])
            if len(steps):
                result[segment, instrument] = len(steps), pitches.mean(), steps.mean()
    return result


@pytest.fixture
def vae(at_tiny_home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> PlotInput:
    """A model folder of a vae, and a stand-in for the vae."""
    (tmp_path / "vae").mkdir()
    known = read_info(at_tiny_home / "saved_models" / "tunes-lstm")
    info = {**INFO, "corpus": known["corpus"], "training": known["training"]}
    (tmp_path / "vae" / "model.json").write_text(json.dumps(model_info(**info)))
    arch = SimpleNamespace(latents=latents)
    stand_in = SimpleNamespace(name="vae", info=info, encoding=Segments(), arch=arch, transposed=lambda score: score)
    monkeypatch.setattr(Model, "open", lambda folder: stand_in)
    return PlotInput("model", tmp_path / "vae")


def drawn_points(axes) -> list[int]:
    return [len(each.get_offsets()) for each in axes.collections]


def test_instruments_that_play_have_their_segments_and_those_of_the_style(vae: PlotInput, tunes: Path):
    drawn = draw([vae], PlotOptions(style=(tunes / "tune-01.mid", tunes / "tune-02.mid")))
    piano, guitar, *_, legend = drawn.figure.axes
    corpus, style, *middles = drawn_points(piano)
    assert style == 4  # two pieces of three bars in 4/4: two segments each
    assert corpus == 2
    assert middles == [1, 1]
    assert [text.get_text() for text in guitar.texts] == ["does not play"]
    assert drawn.tooltips["piano-style"][:3] == ["tune-01, segment 1", "tune-01, segment 2", "tune-02, segment 1"]
    assert len(legend.get_legend().get_texts()) == 4


def test_without_a_style_there_is_the_corpus_alone(vae: PlotInput, monkeypatch: pytest.MonkeyPatch):
    figure = draw([vae], PlotOptions(method="tsne", corpus="tunes")).figure
    assert [text.get_text() for text in figure.axes[-1].get_legend().get_texts()] == ["segments of tunes"]


def test_a_corpus_that_is_another_one_now_is_not_drawn_as_what_the_model_learnt(vae: PlotInput):
    Model.open(vae.path).info["corpus"]["fingerprint"] = "0" * 64
    with pytest.raises(BadCorpus, match="has changed since the run vae began"):
        draw([vae], PlotOptions())


def test_a_model_without_a_latent_space_is_refused_before_a_network_is_loaded(at_tiny_home: Path):
    with pytest.raises(BadModel, match="tunes-lstm: the arch lstm has no latent space; a vae has"):
        draw([PlotInput("model", at_tiny_home / "saved_models" / "tunes-lstm")], PlotOptions())


def test_an_arch_of_segments_without_one_is_refused_too(vae: PlotInput, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(Model, "open", lambda folder: SimpleNamespace(arch=object()))
    with pytest.raises(BadModel, match="has no latent space"):
        draw([vae], PlotOptions())


def test_a_style_is_files(vae: PlotInput):
    with pytest.raises(BadOption, match="--style tunes: it is a corpus"):
        draw([vae], PlotOptions(style=(Path("tunes"),)))
