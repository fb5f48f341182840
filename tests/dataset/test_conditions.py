"""What a model is conditioned on: as numbers, through training, and in what it then writes."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner

from musictool.apps.describe import describe
from musictool.cli import _output
from musictool.cli._main import main
from musictool.corpus.corpus import Corpus
from musictool.dataset.conditions import Conditions, density_shares, labels_of, of_corpus
from musictool.errors import BadOption, UnknownName
from musictool.models.model import Model
from musictool.music.chords import NONE
from musictool.music.score import Score
from musictool.preparation.prepare import prepare
from musictool.sampling.guidance import Guidance
from musictool.sampling.sampler import Sampler
from musictool.training.options import parse
from musictool.training.train import train
from musictool.writing import write
from tests.training.test_training import SMALL as TINY
from tests.training.test_training import StopAt, Stopped, history

PENTATONIC = (0, 2, 4, 7, 9)
SPEEDS = (1, 2, 4, 8)  # notes a second
OCTAVES = {"low": 36, "high": 72}


def music(rng: np.random.Generator, folder: str, key: int, speed: int, notes: int = 80) -> Score:
    """Random notes of the pentatonic scale of a key, all equally long; `low` or `high`."""
    pitches = OCTAVES[folder] + rng.integers(0, 2, notes) * 12 + (rng.choice(PENTATONIC, notes) + key) % 12
    quarters = 2 / speed  # at 120 quarter notes a minute
    return Score.from_notes([(int(pitch), i * quarters, quarters) for i, pitch in enumerate(pitches)])


@pytest.fixture(scope="module")
def answering(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Model]:
    """A model that learned music of two registers, twelve keys and four speeds."""
    source, rng = tmp_path_factory.mktemp("source"), np.random.default_rng(0)
    for folder in OCTAVES:
        for number in range(48):
            path = source / folder / f"{number}.mid"
            path.parent.mkdir(exist_ok=True)
            write(music(rng, folder, number % 12, SPEEDS[number // 12]), path)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MUSICTOOL_HOME", str(tmp_path_factory.mktemp("home")))
        prepare(str(source), name="answers", workers=1)
        options: dict[str, Any] = {"settings": ("width=48", "embedding=32", "layers=1", "dropout=0"), "seed": 1}
        options |= {"window": 32, "batch_size": 32, "learning_rate": 0.02, "decay": "none", "warmup": 0}
        options |= {"controls": ("density", "histogram"), "label": "folder", "transpose": (-1, 1), "patience": 0}
        yield train("answers", arch="gru", epochs=25, **options).model


def written(model: Model, num: int, **conditions: Any) -> list[Score]:
    """Pieces of 64 tokens under these conditions."""
    start = np.broadcast_to(model.spec.start, (num, 1))
    guidance = Guidance(conditions=model.conditions.vector(**conditions))
    rows = next(model.arch.continuation(start, Sampler(), 7, guidance))
    return [model.encoding.decode(piece) for piece in rows]


def pitch_classes(scores: list[Score]) -> np.ndarray:
    """float (12,): the share of each pitch class in the notes."""
    pitches = np.concatenate([score.notes["pitch"] for score in scores])
    return np.bincount(pitches % 12, minlength=12) / len(pitches)


@pytest.mark.slow
def test_what_is_written_is_as_dense_as_its_condition(answering: Model):
    got = [np.mean([len(s.notes) / s.seconds for s in written(answering, 8, density=speed)]) for speed in SPEEDS]
    assert np.corrcoef(np.log(SPEEDS), np.log(got))[0, 1] > 0.95
    np.testing.assert_allclose(got, SPEEDS, rtol=0.4)


@pytest.mark.slow
def test_what_is_written_has_the_pitch_classes_of_its_condition(answering: Model):
    wanted = [np.isin(np.arange(12), (np.array(PENTATONIC) + key) % 12) / 5 for key in range(12)]
    got = [pitch_classes(written(answering, 8, histogram=histogram.tolist())) for histogram in wanted]
    assert np.corrcoef(np.ravel(wanted), np.ravel(got))[0, 1] > 0.8


@pytest.mark.slow
def test_what_is_written_is_of_the_label_of_its_condition(answering: Model):
    low, high = (
        np.concatenate([score.notes["pitch"] for score in written(answering, 8, label=label)]) for label in OCTAVES
    )
    assert (low < 66).mean() > 0.9
    assert (high > 66).mean() > 0.9


@pytest.mark.slow
def test_without_conditions_it_writes_everything(answering: Model):
    pitches = np.concatenate([score.notes["pitch"] for score in written(answering, 32)])
    assert 0.1 < (pitches > 66).mean() < 0.9
    assert len(np.unique(pitches % 12)) == 12


def test_a_density_is_shared_between_its_two_neighbours():
    assert density_shares(np.array(4.0)).tolist() == [0, 0, 0, 1, 0, 0, 0]
    np.testing.assert_allclose(density_shares(np.array(4 * 2**0.5)), [0, 0, 0, 0.5, 0.5, 0, 0], atol=1e-6)
    assert density_shares(np.array([0.0, 999.0])).tolist() == [[1, 0, 0, 0, 0, 0, 0], [0, 0, 0, 0, 0, 0, 1]]


def test_chords_are_put_into_a_vector_row_by_row():
    known = Conditions(("density", "chords", "key"))
    vectors = known.with_chords(known.vector(density=0.5, key=2), np.array([[0, 23], [NONE, 5]]))
    assert vectors.shape == (2, 2, 7 + 24 + 24)
    assert [vector.nonzero()[0].tolist() for vector in vectors.reshape(4, -1)] == [
        [0, 7, 31 + 2],
        [0, 7 + 23, 31 + 2],
        [0, 31 + 2],
        [0, 7 + 5, 31 + 2],
    ]


def test_a_vector_holds_what_is_given_and_zeros_for_the_rest():
    known = Conditions(("density", "histogram"), "genre", ("Jazz", "Pop", "jazz"))
    assert known.size == 7 + 12 + 3
    vector = known.vector(histogram=[2, 0, 0, 0, 2, 0, 0, 4, 0, 0, 0, 0], label="JAZZ")
    assert vector.tolist() == [0] * 7 + [0.25, 0, 0, 0, 0.25, 0, 0, 0.5, 0, 0, 0, 0] + [1, 0, 0]
    assert known.vector(label="jazz").nonzero()[0].tolist() == [21]
    assert not known.vector().any()
    assert Conditions().vector().shape == (0,)


@pytest.mark.parametrize(
    "conditions, error, words",
    [
        ({"density": 0.0}, BadOption, "--density 0.0 is not above 0"),
        ({"density": float("nan")}, BadOption, "--density nan"),
        ({"histogram": [1.0] * 11}, BadOption, "--pitch-histogram is 12 numbers"),
        ({"histogram": [0.0] * 12}, BadOption, "not all of them 0"),
        ({"histogram": [-1.0] + [1.0] * 11}, BadOption, "at least 0"),
        ({"label": "Jaz"}, UnknownName, "Did you mean 'Jazz'"),
    ],
)
def test_a_value_out_of_range_is_one_clear_error(conditions: Any, error: type[Exception], words: str):
    with pytest.raises(error, match=words):
        Conditions(("density", "histogram"), "genre", ("Jazz", "Pop")).vector(**conditions)


@pytest.mark.parametrize(
    "conditions, words", [({"density": 4.0}, "--controls density"), ({"label": "Jazz"}, "--label COLUMN")]
)
def test_a_condition_that_a_model_was_not_trained_on_is_refused(conditions: Any, words: str):
    with pytest.raises(BadOption, match=words):
        Conditions().vector(**conditions)


def test_conditions_survive_being_written_down():
    known = Conditions(("histogram",), "genre", ("Jazz", "Pop"))
    assert Conditions.from_json(known.to_json()) == known


def test_a_control_given_twice_counts_once():
    assert parse({"controls": ("density", "histogram", "density")})["controls"] == ("density", "histogram")


@pytest.fixture
def corpus(tmp_path: Path, at_new_home: Path) -> Corpus:
    """Twelve pieces: five each in two folders, two in none."""
    rng, source = np.random.default_rng(0), tmp_path / "source"
    for number in range(12):
        folder = ("low", "high")[number % 2]
        path = source / (folder if number < 10 else ".") / f"{number}.mid"
        path.parent.mkdir(parents=True, exist_ok=True)
        write(music(rng, folder, number % 12, 4, notes=30), path)
    return prepare(str(source), name="sorted", workers=1).corpus


@pytest.mark.usefixtures("without_music")
def test_a_piece_without_the_label_is_learnt_without_one(corpus: Corpus):
    assert sorted(labels_of(corpus, "folder")) == [""] * 2 + ["high"] * 5 + ["low"] * 5
    assert of_corpus(corpus, (), "folder") == Conditions((), "folder", ("high", "low"))
    trained = train("sorted", label="folder", arch="cnn", **TINY | {"epochs": 1})
    assert trained.model.conditions.labels == ("high", "low")


def test_conditions_reach_the_network_in_bfloat16_too(corpus: Corpus):
    trained = train("sorted", label="folder", **TINY | {"epochs": 1, "precision": "mixed_bfloat16"})
    assert (trained.model.folder / "samples" / "epoch-001.mid").exists()  # by the network that is being trained


def test_labels_that_a_model_knows_stand_before_those_of_another_corpus(corpus: Corpus):
    assert of_corpus(corpus, (), "folder", ("middle", "low")).labels == ("middle", "low", "high")


def test_a_corpus_without_labels_teaches_none_and_is_learnt_by_a_model_that_has_some(corpus: Corpus, tmp_path: Path):
    flat = prepare(str(tmp_path / "source" / "low"), name="flat", workers=1).corpus
    with pytest.raises(BadOption, match="flat has 0 different values"):
        of_corpus(flat, (), "folder")
    for column in ("folder", "genre"):
        assert of_corpus(flat, (), column, ("middle", "low")).labels == ("middle", "low")
        assert labels_of(flat, column) == [""] * 5


@pytest.mark.slow
def test_a_run_that_was_stopped_goes_on_with_its_conditions(corpus: Corpus):
    options = TINY | {"controls": ("histogram", "density"), "label": "folder", "epochs": 2, "decay": "cosine"}
    whole = train("sorted", name="whole", **options)
    with pytest.raises(Stopped):
        train("sorted", name="stopped", reporter=StopAt(1, 2), **options)
    resumed = train(name="stopped", resume=True)
    assert history(resumed.model.folder) == history(whole.model.folder)
    assert resumed.model.checksum == whole.model.checksum
    assert resumed.model.conditions == Conditions(("histogram", "density"), "folder", ("high", "low"))
    assert describe("stopped")["conditions"]["labels"] == ["high", "low"]
    with pytest.raises(BadOption, match="begun with controls"):
        train(name="stopped", resume=True, controls=("density",))


@pytest.mark.parametrize(
    "arguments, words",
    [
        (["--label", "genr"], "unknown column of --label 'genr'"),
        (["--label", "folder", "--where", "label=low"], "has 1 different values, not 2 to"),
        (["--where", "key=C"], "column of --where"),
        (["--where", "label=middle"], "no piece has label=middle"),
        (["--controls", "densty"], "Did you mean 'density'"),
        (["--controls", "density", "--encoding", "segments"], "for archs that learn tokens or frames"),
        (["--init-from", "nothing"], "nothing"),
    ],
)
def test_what_cannot_be_learned_is_an_error_before_tensorflow_is_loaded(
    corpus: Corpus, monkeypatch: pytest.MonkeyPatch, arguments: list[str], words: str
):
    def load() -> None:
        raise AssertionError("TensorFlow is loaded")

    monkeypatch.setattr(_output, "load_backend", load)
    result = CliRunner().invoke(main, ["train", "sorted", *arguments])
    assert result.exit_code in (1, 2), result.output
    assert words in result.output
    assert result.output.count("\n") <= 2
    assert "saved_models" not in os.listdir(os.environ["MUSICTOOL_HOME"])
