from __future__ import annotations

import json
import shutil
from pathlib import Path

import h5py
import numpy as np
import pytest

from musictool.drawing.plot import PlotInput, PlotOptions
from musictool.encodings.performance import Performance
from musictool.errors import BadModel, BadOption, UnknownName
from musictool.models.info import FORMAT
from musictool.plots._projection import projected
from musictool.plots._vectors import BEGINS, ENDS, NEITHER, Vectors, vectors_of
from musictool.plots.embeddings import draw, spread
from tests.model_info import model_info


@pytest.fixture
def tiny_model(tiny_home: Path) -> PlotInput:
    return PlotInput("model", tiny_home / "saved_models" / "tunes-lstm")


def performance_vectors(counts: dict[int, int]) -> Vectors:
    encoding = Performance()
    tokens = np.arange(3, encoding.spec.size)
    times = np.array([counts.get(token, 0) for token in tokens.tolist()])
    onset_pitches, ends = encoding.onset_pitches()[tokens], encoding.ends()[tokens]
    return Vectors(encoding, tokens, np.zeros((len(tokens), 2)), onset_pitches, ends, times)


def test_vectors_are_what_the_network_reads(tiny_model: PlotInput):
    from musictool.models.model import Model

    network = Model.open(tiny_model.path).arch.network
    expected = np.asarray(network.embedding.matrix())[3:]
    np.testing.assert_allclose(vectors_of(tiny_model).vectors, expected, rtol=1e-5, atol=1e-6)


def test_counts_and_texts_are_those_of_the_vocabulary(tiny_model: PlotInput):
    vectors, vocabulary = vectors_of(tiny_model), json.loads((tiny_model.path / "vocabulary.json").read_text())
    assert vectors.counts.tolist() == vocabulary["counts"]
    assert [vectors.text(index) for index in range(len(vectors))] == vocabulary["symbols"]


def test_tokens_have_their_pitch_what_they_do_and_their_name():
    vectors = performance_vectors({})
    rows = [60, 128 + 60, 256, 356]  # press and release C4, wait 10 ms, velocity 2
    assert vectors.kinds[rows].tolist() == [BEGINS, ENDS, NEITHER, NEITHER]
    assert vectors.pitch[rows[:2]].tolist() == [60, 60]
    assert np.isnan(vectors.pitch[rows[2:]]).all()
    assert [vectors.name(row) for row in rows] == ["C4", "C4 off", "token 259", "token 359"]


def test_a_label_means_a_notes_press_and_its_release():
    assert performance_vectors({}).find("Bb3") == [58, 128 + 58]
    with pytest.raises(UnknownName, match="unknown token or note 'H4'"):
        performance_vectors({}).find("H4")


def test_the_most_frequent_are_those_that_occur_most():
    vectors = performance_vectors({3 + 60: 5, 3 + 64: 9, 3 + 128 + 60: 7, 259: 100})
    assert vectors.most_frequent() == [64, 128 + 60, 60]


def test_the_text_of_a_token_is_a_label_too(tiny_model: PlotInput):
    vectors = vectors_of(tiny_model)
    index = int(np.argmax(vectors.counts))
    assert vectors.find(vectors.text(index)) == [index]


def test_names_are_given_to_points_that_lie_apart():
    points = np.array([[0, 0], [0.01, 0], [1, 1], [0.5, 0.01]])
    assert spread(points, [1, 0, 2, 3]) == [1, 2, 3]


@pytest.mark.parametrize("method", ["tsne", "pca"])
def test_two_clouds_stay_two_clouds_and_the_same_each_time(method: str):
    rng = np.random.default_rng(1)
    clouds = np.concatenate([rng.normal(0, 0.1, (12, 6)), rng.normal(5, 0.1, (12, 6))])
    points = projected(clouds, method, seed=3)
    np.testing.assert_array_equal(points, projected(clouds, method, seed=3))
    here, there = points[:12], points[12:]
    widths = max(np.ptp(here, axis=0).max(), np.ptp(there, axis=0).max())
    assert np.linalg.norm(here.mean(axis=0) - there.mean(axis=0)) > widths


def test_a_few_vectors_or_of_one_number_are_drawn_too():
    assert projected(np.eye(2), "tsne", 0).shape == (2, 2)
    assert projected(np.arange(3.0)[:, None], "pca", 0).shape == (3, 2)
    with pytest.raises(BadOption, match="tsne or pca"):
        projected(np.eye(2), "umap", 0)


def test_the_chosen_are_named_and_a_page_knows_every_point(tiny_model: PlotInput):
    vectors = vectors_of(tiny_model)
    name = vectors.name(int(np.argmax(vectors.counts)))
    drawn = draw([tiny_model], PlotOptions(label=(name,), method="pca"))
    assert [text.get_text() for text in drawn.figure.axes[0].texts] == [name]
    named = sorted(name for names in drawn.tooltips.values() for name in names)
    assert set(named) == {vectors.name(index) for index in range(len(vectors))}


def copied(model: PlotInput, home: Path) -> PlotInput:
    shutil.copytree(model.path, home / "copy")
    return PlotInput("model", home / "copy")


def test_a_network_without_an_embedding_is_refused_in_one_line(tiny_model: PlotInput, tmp_path: Path):
    model = copied(tiny_model, tmp_path)
    with h5py.File(model.path / "network.weights.h5", "w") as file:
        file["layers/other/vars/0"] = np.zeros(3)
    with pytest.raises(BadModel, match="copy: the arch lstm has no embedding"):
        vectors_of(model)
    (model.path / "network.weights.h5").unlink()
    with pytest.raises(BadModel, match="has no embedding"):
        vectors_of(model)


def test_vectors_of_another_vocabulary_or_elsewhere_are_refused(tiny_model: PlotInput, tmp_path: Path):
    model = copied(tiny_model, tmp_path)
    path = model.path / "network.weights.h5"
    with h5py.File(path, "w") as file:
        file["layers/embedding/vars/0"] = np.zeros((4, 2))
        file["layers/embedding/vars/2"] = np.zeros((len(vectors_of(tiny_model).encoding.spec.features[0]), 2))
        file["layers/embedding/vars"].attrs["name"] = "embedding"
    with pytest.raises(BadModel, match=r"network\.weights\.h5 cannot be read"):
        vectors_of(model)
    with h5py.File(path, "w") as file:
        file.create_group("layers/embedding/vars").attrs["name"] = "embedding"
        file["layers/embedding/vars/0"] = h5py.ExternalLink("other.h5", "/x")
    with pytest.raises(BadModel, match="is a link"):
        vectors_of(model)


def test_only_one_model_is_drawn(tiny_model: PlotInput):
    with pytest.raises(BadOption, match="one model, not of 2"):
        draw([tiny_model, tiny_model], PlotOptions())


def test_of_frames_the_keys_are_drawn(tmp_path: Path):
    from musictool.archs.roll_lstm import RollLstm
    from musictool.encodings.piano_roll import PianoRoll
    from musictool.models import model

    encoding = PianoRoll(PianoRoll.Options(onsets=False))
    arch = RollLstm.sized(encoding.spec, "small", ("width=4", "embedding=6", "layers=1"))
    tables = {table: {} for table in ("conditions", "corpus", "training", "metrics", "provenance", "weights")}
    described = {"encoding": encoding.to_json(), "arch": {"name": "roll-lstm"}, "spec": encoding.spec.to_json()}
    info = {"format": FORMAT, "stages": ["network"], **tables, **described, "music": {"bpm": 120, "metre": [4, 4]}}
    folder = tmp_path / "roll"
    model.create(folder, model_info(**info), encoding, [np.eye(88, dtype=np.uint8)[60 - 21][None]])
    (stage,) = arch.stages
    model.save_weights(folder, stage, {})
    vectors = vectors_of(PlotInput("model", folder))
    np.testing.assert_array_equal(vectors.vectors, np.asarray(stage.network.keys.kernel)[:88])
    assert vectors.most_frequent() == [60 - 21]
    assert vectors.name(60 - 21) == "C4"
    assert {*vectors.kinds} == {BEGINS}
    assert (
        len(draw([PlotInput("model", folder)], PlotOptions(method="pca")).figure.axes) == 2
    )  # one panel and its colours
