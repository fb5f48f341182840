from __future__ import annotations

import shutil
from pathlib import Path

import h5py
import numpy as np
import pytest

from musictool.drawing.plot import Thing, Wishes
from musictool.encodings.performance import Performance
from musictool.errors import BadModel, BadOption, UnknownName
from musictool.plots._flat import flattened
from musictool.plots._symbols import BEGINS, ENDS, NEITHER, Symbols, symbols_of
from musictool.plots.embeddings import draw, spread


@pytest.fixture
def tiny_model(tiny_home: Path) -> Thing:
    return Thing("model", tiny_home / "saved_models" / "tunes-lstm")


def performance_symbols(counts: dict[int, int]) -> Symbols:
    encoding = Performance()
    ids = np.arange(3, encoding.spec.size)
    met = np.array([counts.get(index, 0) for index in ids.tolist()])
    return Symbols(encoding, ids, np.zeros((len(ids), 2)), encoding.onset_pitches()[ids], encoding.ends()[ids], met)


def test_vectors_are_what_the_network_reads(tiny_model: Thing):
    from musictool.models.model import Model

    network = Model.open(tiny_model.path).arch.network
    expected = np.asarray(network.symbols.vectors())[3:]
    np.testing.assert_allclose(symbols_of(tiny_model).vectors, expected, rtol=1e-5, atol=1e-6)


def test_symbols_know_their_pitch_what_they_do_and_their_name():
    symbols = performance_symbols({})
    rows = [60, 128 + 60, 256, 356]  # press and release C4, wait 10 ms, velocity 2
    assert symbols.kinds[rows].tolist() == [BEGINS, ENDS, NEITHER, NEITHER]
    assert symbols.pitch[rows[:2]].tolist() == [60, 60]
    assert np.isnan(symbols.pitch[rows[2:]]).all()
    assert [symbols.name(row) for row in rows] == ["C4", "C4 off", "symbol 259", "symbol 359"]


def test_a_label_means_a_notes_press_and_its_release():
    assert performance_symbols({}).find("Bb3") == [58, 128 + 58]
    with pytest.raises(UnknownName, match="unknown symbol or note 'H4'"):
        performance_symbols({}).find("H4")


def test_the_commonest_are_those_that_were_met_most():
    symbols = performance_symbols({3 + 60: 5, 3 + 64: 9, 3 + 128 + 60: 7, 259: 100})
    assert symbols.commonest() == [64, 128 + 60, 60]


def test_a_word_of_the_vocabulary_is_a_label_too(tiny_model: Thing):
    symbols = symbols_of(tiny_model)
    index = int(np.argmax(symbols.counts))
    assert symbols.find(symbols.text(index)) == [index]


def test_names_are_given_to_points_that_lie_apart():
    points = np.array([[0, 0], [0.01, 0], [1, 1], [0.5, 0.01]])
    assert spread(points, [1, 0, 2, 3]) == [1, 2, 3]


@pytest.mark.parametrize("method", ["tsne", "pca"])
def test_two_clouds_stay_two_clouds_and_the_same_each_time(method: str):
    rng = np.random.default_rng(1)
    vectors = np.concatenate([rng.normal(0, 0.1, (12, 6)), rng.normal(5, 0.1, (12, 6))])
    points = flattened(vectors, method, seed=3)
    np.testing.assert_array_equal(points, flattened(vectors, method, seed=3))
    here, there = points[:12], points[12:]
    widths = max(np.ptp(here, axis=0).max(), np.ptp(there, axis=0).max())
    assert np.linalg.norm(here.mean(axis=0) - there.mean(axis=0)) > widths


def test_a_few_vectors_or_of_one_number_are_drawn_too():
    assert flattened(np.eye(2), "tsne", 0).shape == (2, 2)
    assert flattened(np.arange(3.0)[:, None], "pca", 0).shape == (3, 2)
    with pytest.raises(BadOption, match="tsne or pca"):
        flattened(np.eye(2), "umap", 0)


def test_the_chosen_are_named_and_a_page_knows_every_point(tiny_model: Thing):
    symbols = symbols_of(tiny_model)
    word = symbols.name(int(np.argmax(symbols.counts)))
    drawn = draw([tiny_model], Wishes(label=(word,), method="pca"))
    assert [text.get_text() for text in drawn.figure.axes[0].texts] == [word]
    named = sorted(name for names in drawn.tips.values() for name in names)
    assert set(named) == {symbols.name(index) for index in range(len(symbols))}


def copied(model: Thing, home: Path) -> Thing:
    shutil.copytree(model.path, home / "copy")
    return Thing("model", home / "copy")


def test_a_network_without_symbols_is_refused_in_one_line(tiny_model: Thing, tmp_path: Path):
    model = copied(tiny_model, tmp_path)
    with h5py.File(model.path / "network.weights.h5", "w") as file:
        file["layers/other/vars/0"] = np.zeros(3)
    with pytest.raises(BadModel, match="copy: the arch lstm has no symbol vectors"):
        symbols_of(model)
    (model.path / "network.weights.h5").unlink()
    with pytest.raises(BadModel, match="has no symbol vectors"):
        symbols_of(model)


def test_vectors_of_another_vocabulary_or_elsewhere_are_refused(tiny_model: Thing, tmp_path: Path):
    model = copied(tiny_model, tmp_path)
    path = model.path / "network.weights.h5"
    with h5py.File(path, "w") as file:
        file["layers/symbols/vars/0"] = np.zeros((4, 2))
        file["layers/symbols/vars/2"] = np.zeros((len(symbols_of(tiny_model).encoding.spec.features[0]), 2))
        file["layers/symbols/vars"].attrs["name"] = "symbols"
    with pytest.raises(BadModel, match=r"network\.weights\.h5 cannot be read"):
        symbols_of(model)
    with h5py.File(path, "w") as file:
        file.create_group("layers/symbols/vars").attrs["name"] = "symbols"
        file["layers/symbols/vars/0"] = h5py.ExternalLink("other.h5", "/x")
    with pytest.raises(BadModel, match="is a link"):
        symbols_of(model)


def test_only_one_model_is_drawn(tiny_model: Thing):
    with pytest.raises(BadOption, match="one model, not of 2"):
        draw([tiny_model, tiny_model], Wishes())


def test_of_frames_the_keys_are_drawn(tmp_path: Path):
    from musictool.archs.roll_lstm import RollLstm
    from musictool.encodings.piano_roll import PianoRoll
    from musictool.models import model

    encoding = PianoRoll()
    arch = RollLstm.sized(encoding.spec, "small", ("width=4", "embedding=6", "layers=1"))
    tables = {table: {} for table in ("conditions", "corpus", "training", "metrics", "provenance", "weights")}
    described = {"encoding": encoding.to_json(), "arch": {"name": "roll-lstm"}, "spec": encoding.spec.to_json()}
    info = {"format": 2, **tables, **described, "music": {"bpm": 120, "metre": [4, 4]}}
    folder = tmp_path / "roll"
    model.create(folder, info, encoding, [np.eye(88, dtype=np.uint8)[60 - 21][None]])
    (stage,) = arch.stages
    model.save_weights(folder, stage, {})
    symbols = symbols_of(Thing("model", folder))
    np.testing.assert_array_equal(symbols.vectors, np.asarray(stage.network.keys.kernel))
    assert symbols.commonest() == [60 - 21]
    assert symbols.name(60 - 21) == "C4"
    assert {*symbols.kinds} == {BEGINS}
    assert len(draw([Thing("model", folder)], Wishes(method="pca")).figure.axes) == 2  # one panel and its colours
