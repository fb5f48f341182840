"""Fine-tuning: a model that begins as another one."""

from __future__ import annotations

import csv
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from musictool import home
from musictool.corpus.corpus import Corpus
from musictool.dataset.encode import encode_corpus
from musictool.encoding import FIRST_TOKEN
from musictool.errors import BadModel, BadOption, UnknownName
from musictool.models.model import Model, sha256
from musictool.music.score import Score
from musictool.preparation.prepare import prepare
from musictool.sampling.sampler import Sampler
from musictool.training.fine_tune import enlarged
from musictool.training.train import train
from musictool.writing import write
from tests.conftest import SCALES
from tests.training.test_training import SMALL, TINY, StopAt, Stopped, history

pytestmark = pytest.mark.usefixtures("without_music")

CHILD: dict[str, Any] = {key: TINY[key] for key in TINY if key not in ("arch", "settings")} | {"init_from": "parent"}
STRONG = {"settings": ("width=48", "embedding=32", "dropout=0"), "learning_rate": 0.01, "epochs": 12}


def low_tunes(folder: Path) -> Path:
    """The tunes of conftest.py, half an octave lower, and with a last note that they do not have."""
    folder.mkdir()
    for tune in range(12):
        shape, tonic = SCALES[tune % len(SCALES)], 49 + tune
        notes = [(tonic + step, i * 0.5, 0.5) for i, step in enumerate(shape * 3)]
        write(Score.from_notes([*notes, (tonic, 12.0, 3.0)]), folder / f"low-{tune:02d}.mid")
    return folder


@pytest.fixture(scope="module")
def prepared(tunes: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home with both corpora. Read only."""
    home = tmp_path_factory.mktemp("prepared")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MUSICTOOL_HOME", str(home))
        for name, source in (("tunes", tunes), ("low", low_tunes(home / "low"))):
            prepare(str(source), name=name, workers=1)
    return home


@pytest.fixture
def corpora(prepared: Path, at_new_home: Path) -> tuple[Corpus, Corpus]:
    shutil.copytree(prepared, at_new_home, dirs_exist_ok=True)
    return Corpus.open("tunes"), Corpus.open("low")


def first_loss(folder: Path) -> float:
    with open(folder / "history.csv", encoding="utf-8") as file:
        return float(next(csv.DictReader(file))["loss"])


CLOSED = ("vocabulary=closed",)


@pytest.mark.parametrize("encoding, options", [("note-chord", CLOSED), ("chord-roll", CLOSED), ("midi-message", ())])
def test_a_grown_vocabulary_keeps_every_id_and_knows_the_new_symbols(
    corpora: tuple[Corpus, Corpus], encoding: str, options: tuple[str, ...]
):
    first, second = (encode_corpus(corpus, encoding, options) for corpus in corpora)
    grown = encode_corpus(corpora[1], encoding, options, base=first.encoding.vocabulary())
    old, own, new = ((each.encoding.vocabulary() or {})["symbols"] for each in (first, second, grown))
    assert new[: len(old)] == old
    assert set(new) == {*old, *own}
    assert len(new) > len(old)
    for index in range(len(corpora[1])):
        score = second.encoding.decode(second.piece(index))
        assert (grown.encoding.decode(grown.piece(index)).notes == score.notes).all()
    assert grown.spec.features is not None
    assert first.spec.features is not None
    np.testing.assert_array_equal(grown.spec.features[: first.spec.size], first.spec.features)


def test_each_base_has_rows_of_its_own_in_the_cache(corpora: tuple[Corpus, Corpus]):
    base = encode_corpus(corpora[0], settings=CLOSED).encoding.vocabulary()
    folders = {encode_corpus(corpora[1], settings=CLOSED, base=each).folder for each in (None, base, base)}
    assert len(folders) == 2


def test_what_is_new_begins_as_the_mean_of_the_symbols_and_elsewhere_as_nothing():
    old = np.arange(10.0).reshape(5, 2)  # 5 symbols, of which 3 are reserved
    assert enlarged(old, (7, 2), True).tolist() == [[0, 1], [2, 3], [4, 5], [6, 7], [8, 9], [7, 8], [7, 8]]
    assert enlarged(old[:, 0], (6,), True).tolist() == [0, 2, 4, 6, 8, 7]
    assert enlarged(old, (6, 3), False)[5].tolist() == enlarged(old, (6, 3), False)[:, 2].tolist()[:3] == [0] * 3
    assert enlarged(old, (5, 2), True) is old


@pytest.mark.slow
def test_it_begins_better_than_one_that_knows_nothing_and_writes_what_its_parent_could_not(
    corpora: tuple[Corpus, Corpus],
):
    parent = train("tunes", name="parent", **SMALL | STRONG).model
    before = {path: sha256(path) for path in parent.folder.rglob("*") if path.is_file()}
    child = train("low", name="child", **CHILD | {"epochs": 12, "learning_rate": 0.01}).model
    scratch = train("low", name="scratch", **SMALL | STRONG | {"epochs": 1}).model
    assert first_loss(child.folder) < first_loss(scratch.folder) - 0.3
    assert {path: sha256(path) for path in parent.folder.rglob("*") if path.is_file()} == before
    assert child.info["arch"]["options"] == parent.info["arch"]["options"]
    assert child.info["provenance"]["init_from"] == {
        "name": "parent",
        "folder": str(parent.folder.resolve()),
        "checksum": parent.checksum,
    }
    assert child.spec.size > parent.spec.size > FIRST_TOKEN
    start = np.full((8, 1), child.spec.start)
    rows = next(Model.open("child").arch.continuation(start, Sampler(), 1))
    assert (rows >= parent.spec.size).any()
    piece = child.primers[0]
    assert (piece >= parent.spec.size).any()
    assert child.arch.surprisal(piece).mean() < np.log(child.spec.size) / 2


@pytest.mark.slow
@pytest.mark.parametrize("stop", [(1, 1), (2, 1)])
def test_a_stopped_run_goes_on_and_one_that_had_not_begun_begins_as_its_parent(
    corpora: tuple[Corpus, Corpus], stop: tuple[int, int]
):
    train("tunes", name="parent", **TINY | {"epochs": 1})
    whole = train("low", name="whole", **CHILD | {"epochs": 2})
    with pytest.raises(Stopped):
        train("low", name="stopped", reporter=StopAt(*stop), **CHILD | {"epochs": 2})
    folder = home.models_folder() / "stopped"
    if stop == (1, 1):  # as if it had been killed before it could save anything
        (folder / "checkpoints" / "last.h5").unlink()
    else:
        shutil.rmtree(home.models_folder() / "parent")  # no longer needed
    resumed = train(name="stopped", resume=True)
    assert resumed.model.checksum == whole.model.checksum
    assert history(folder) == history(whole.model.folder)


@pytest.mark.slow
def test_a_fixed_vocabulary_and_labels_of_another_corpus(corpora: tuple[Corpus, Corpus], tmp_path: Path):
    labelled = ("width=16", "embedding=16", "layers=1")
    options = {"encoding": "performance", "label": "folder", "controls": ("density",)}
    songs = sorted((tmp_path / "low").iterdir())
    for name, folders in (("one", ("a", "b")), ("two", ("a", "c"))):
        for nth, folder in enumerate(folders):
            (tmp_path / name / folder).mkdir(parents=True)
            for path in songs[nth::2]:
                shutil.copy(path, tmp_path / name / folder)
        prepare(str(tmp_path / name), name=name, workers=1)
    parent = train("one", name="parent", **SMALL | options | {"settings": labelled, "epochs": 1}).model
    child = train("two", name="child", **CHILD | {"epochs": 1}).model
    assert (parent.conditions.labels, child.conditions.labels) == (("a", "b"), ("a", "b", "c"))
    assert child.conditions.controls == ("density",)
    assert child.spec == parent.spec


@pytest.mark.parametrize(
    "given, words",
    [
        ({"arch": "gru"}, "begun with arch lstm, not gru"),
        ({"size": "large"}, "begun with size small, not large"),
        ({"settings": ("width=17",)}, "begun with settings width=16, .*not width=17"),
        ({"encoding": "performance"}, "begun with encoding note-chord"),
        ({"encoding_settings": ("rests=keep",)}, "begun with encoding settings vocabulary=closed, not rests=keep"),
        ({"controls": ("density",)}, "begun with controls none, not density"),
        ({"label": "folder"}, "begun with label none"),
    ],
)
def test_what_contradicts_the_parent_is_refused(at_tiny_home: Path, given: dict[str, Any], words: str):
    with pytest.raises(BadOption, match=words):
        train("tunes", name="child", init_from="tunes-lstm", **given)
    assert not (at_tiny_home / "saved_models" / "child").exists()


def test_what_agrees_with_the_parent_may_be_said_again_and_an_unknown_one_is_named(corpora: tuple[Corpus, Corpus]):
    train("tunes", name="parent", **TINY | {"epochs": 1})
    agreeing = {"arch": "cnn", "settings": ("width=16.0",), "encoding_settings": ("rests=CAP", "rhythm=true")}
    assert train("low", name="child", **CHILD | agreeing | {"epochs": 1}).reason == "epochs"
    with pytest.raises(UnknownName, match="Did you mean 'parent'"):
        train("low", init_from="parnt")
    with pytest.raises(BadOption, match="that model was begun with settings"):
        train("low", name="other", **CHILD | {"settings": ("widht=none",)})


def test_a_parent_that_has_learnt_nothing_or_has_changed_is_refused(corpora: tuple[Corpus, Corpus]):
    parent = train("tunes", name="parent", **TINY | {"epochs": 1}).model
    with pytest.raises(Stopped):
        train("low", name="child", reporter=StopAt(1, 1), **CHILD)
    (home.models_folder() / "child" / "checkpoints" / "last.h5").unlink()
    train(name="parent", resume=True, epochs=2)
    with pytest.raises(BadModel, match="has changed"):
        train(name="child", resume=True)
    shutil.rmtree(parent.folder)
