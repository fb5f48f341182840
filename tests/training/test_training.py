from __future__ import annotations

import csv
import errno
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from musictool import home
from musictool.corpus.corpus import Corpus
from musictool.dataset.windows import Windows
from musictool.errors import BadCorpus, BadModel, BadOption, Busy, KindMismatch, OutOfMemory, UnknownName
from musictool.models import model
from musictool.models.info import read_info
from musictool.models.model import Model
from musictool.preparation.prepare import prepare
from musictool.training.reporter import Reporter
from musictool.training.results import FolderResults
from musictool.training.run import Diverged, Run, Stopped
from musictool.training.state import read_state
from musictool.training.train import train
from tests.rival import at_work
from tests.training.test_event_log import curves

pytestmark = pytest.mark.usefixtures("without_music")

SMALL: dict[str, Any] = {
    "epochs": 4,
    "warmup": 0,
    "decay": "none",
    "seed": 1,
    "settings": ("width=16", "embedding=16", "layers=1"),
    "window": 16,
    "batch_size": 4,
}
TINY = SMALL | {"arch": "cnn"}  # without a loop over time, which takes TensorFlow long to compile
TIMES = ("seconds", "rows_per_second")


@pytest.fixture
def corpus(tiny_home: Path, at_new_home: Path) -> Corpus:
    shutil.copytree(tiny_home / "corpora", at_new_home / "corpora")
    return Corpus.open("tunes")


@pytest.fixture
def runs(monkeypatch: pytest.MonkeyPatch) -> list[Run]:
    """Every Run that is made, in order."""
    made: list[Run] = []
    init = Run.__init__

    def record(self: Run, *args: Any, **kwargs: Any) -> None:
        init(self, *args, **kwargs)
        made.append(self)

    monkeypatch.setattr(Run, "__init__", record)
    return made


def history(folder: Path) -> list[dict[str, str]]:
    """history.csv without what depends on the machine."""
    with open(folder / "history.csv", encoding="utf-8") as file:
        return [{key: value for key, value in row.items() if key not in TIMES} for row in csv.DictReader(file)]


class StopAt(Reporter):
    """Presses Ctrl-C once, after some steps of an epoch."""

    def __init__(self, epoch: int, step: int):
        self.at, self.now = (epoch, step), (0, 0)

    def epoch_begins(self, epoch: int, step: int, steps: int) -> None:
        self.epoch = epoch

    def progress(self, step: int, loss: float, rows_per_second: float) -> None:
        if (self.epoch, step) >= self.at and not self.now[0]:
            self.now = (self.epoch, step)
            os.kill(os.getpid(), signal.SIGINT)


def test_a_model_folder_explains_itself(at_tiny_home: Path):
    folder = at_tiny_home / "saved_models" / "tunes-lstm"
    names = {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}
    assert names == {
        "model.json",
        "vocabulary.json",
        "network.weights.h5",
        "primers.h5",
        "history.csv",
        "samples/epoch-001.mid",
        "samples/epoch-002.mid",
        "checkpoints/last.h5",
        ".lock",
    }
    info = read_info(folder)
    assert info["arch"]["options"]["width"] == 16
    assert info["training"]["finished"] == "epochs"
    assert info["provenance"]["seed"] == 1
    assert set(info["metrics"]["baselines"]) == {"unigram", "bigram", "repeat"}
    assert [row["epoch"] for row in history(folder)] == ["1", "2"]


def test_the_same_seed_trains_the_same_model(corpus: Corpus):
    first = train("tunes", name="first", **TINY | {"epochs": 2})
    again = train("tunes", name="again", **TINY | {"epochs": 2})
    other = train("tunes", name="other", **TINY | {"epochs": 2, "seed": 2})
    assert history(first.model.folder) == history(again.model.folder)
    assert first.model.checksum == again.model.checksum
    assert history(first.model.folder) != history(other.model.folder)


def test_a_run_stopped_by_ctrl_c_in_the_middle_of_an_epoch_ends_like_one_that_was_not(corpus: Corpus):
    whole = train("tunes", name="whole", **TINY)
    with pytest.raises(Stopped, match="epoch 2"):
        train("tunes", name="stopped", reporter=StopAt(2, 1), **TINY)
    folder = home.models_folder() / "stopped"
    assert len(history(folder)) == 1
    assert read_info(folder)["training"]["finished"] is None
    resumed = train(name="stopped", resume=True)
    assert history(folder) == history(whole.model.folder)
    assert resumed.model.checksum == whole.model.checksum


def test_the_same_command_goes_on_with_an_unfinished_run_by_itself(corpus: Corpus):
    with pytest.raises(Stopped):
        train("tunes", reporter=StopAt(2, 1), **TINY)
    trained = train("tunes", **TINY)
    assert trained.model.name == "tunes-cnn"
    assert [row["epoch"] for row in history(trained.model.folder)] == ["1", "2", "3", "4"]


@pytest.mark.slow
def test_the_same_command_goes_on_with_a_run_that_had_to_be_numbered(corpus: Corpus):
    train("tunes", **TINY | {"epochs": 1})
    with pytest.raises(Stopped):
        train("tunes", reporter=StopAt(2, 1), **TINY)
    assert train("tunes", **TINY).model.name == "tunes-cnn-2"
    assert home.names(home.models_folder(), "model.json") == ["tunes-cnn", "tunes-cnn-2"]


def test_a_finished_run_is_left_alone_and_the_next_gets_a_name_of_its_own(corpus: Corpus):
    first = train("tunes", **TINY | {"epochs": 1})
    second = train("tunes", **TINY | {"epochs": 1})
    assert (first.model.name, second.model.name) == ("tunes-cnn", "tunes-cnn-2")


@pytest.mark.slow
def test_a_finished_run_can_be_given_more_epochs(corpus: Corpus):
    train("tunes", **TINY | {"epochs": 2})
    longer = train(resume=True, epochs=4)
    straight = train("tunes", name="straight", **TINY)
    assert history(longer.model.folder) == history(straight.model.folder)


def test_patience_ends_a_run_that_gets_no_better_and_the_best_weights_are_kept(corpus: Corpus):
    trained = train("tunes", **SMALL | {"epochs": 60, "patience": 2, "learning_rate": 0.05})
    assert trained.reason == "patience"
    losses = [float(row["val_loss"]) for row in history(trained.model.folder)]
    best = losses.index(min(losses))
    assert len(losses) == best + 3
    assert trained.model.info["metrics"]["best_epoch"] == best + 1
    assert trained.loss == min(losses)


def test_the_time_limit_ends_a_run_within_an_epoch_and_leaves_a_model(corpus: Corpus):
    trained = train("tunes", **TINY | {"epochs": 10_000, "patience": 0, "max_minutes": 0.02})
    assert trained.reason == "time"
    assert (trained.model.folder / "network.weights.h5").exists()


def test_it_beats_the_baselines_on_music_that_can_be_learnt(corpus: Corpus):
    trained = train(
        "tunes",
        **SMALL | {"epochs": 40, "batch_size": 2, "settings": ("width=64", "dropout=0.5"), "learning_rate": 0.003},
    )
    assert trained.unbeaten == []


@pytest.mark.slow
def test_it_says_which_baselines_it_did_not_beat(corpus: Corpus):
    trained = train("tunes", **TINY | {"epochs": 1, "learning_rate": 1e-9})
    assert trained.unbeaten == ["unigram", "bigram", "repeat"]


@pytest.mark.parametrize(
    "given, error, words",
    [
        ({"arch": "lsmt"}, UnknownName, "Did you mean 'lstm'"),
        ({"size": "smal"}, UnknownName, "Did you mean 'small'"),
        ({"settings": ("widht=3",)}, UnknownName, "Did you mean 'width'"),
        ({"settings": ("width=none",)}, BadOption, "width"),
        ({"encoding": "note-cord"}, UnknownName, "Did you mean 'note-chord'"),
        ({"encoding_settings": ("rests=kep",)}, BadOption, "keep, cap, drop"),
        ({"epochs": 0}, BadOption, "--epochs: 0 is not a whole number of at least 1"),
        ({"batch_size": 0}, BadOption, "--batch-size: 0"),
        ({"learning_rate": 0.0}, BadOption, "--learning-rate: 0.0 is not a number above 0 and of at most 10"),
        ({"warmup": -1}, BadOption, "--warmup: -1"),
        ({"clip_norm": -0.5}, BadOption, "--clip-norm: -0.5"),
        ({"seed": 2**32}, BadOption, "--seed: 4294967296 is not a whole number from 0 to 4294967295"),
        ({"decay": "cosin"}, UnknownName, "Did you mean 'cosine'"),
        ({"transpose": (1, 3)}, BadOption, "--transpose: .* is not like -3..3"),
        ({"precision": "float31"}, UnknownName, "float32"),
        ({"stretch": (0.95, 1.05)}, BadOption, "performance can be stretched"),
        ({"encoding": "piano-roll"}, KindMismatch, "frames, for .*roll-lstm.*, and not for lstm; .*note-chord"),
        ({"name": "../evil"}, BadOption, "--name"),
        ({"epoch": 3}, UnknownName, "unknown training option 'epoch'. Did you mean 'epochs'"),
        ({"max_minutes": float("inf")}, BadOption, "--max-minutes: inf"),
        ({"stretch": (3.0,)}, BadOption, "--stretch: 3.0 is not a number from 0.5 to 2"),
        ({"controls": ("densty",)}, UnknownName, "unknown control 'densty'. Did you mean 'density'"),
        ({"init_from": ""}, BadOption, "--init-from: '' is not the name of a model"),
    ],
)
def test_an_option_that_is_not_possible_is_one_clear_error_and_leaves_nothing(
    at_tiny_home: Path, given: dict[str, Any], error: type[Exception], words: str
):
    before = sorted(path for path in at_tiny_home.rglob("*"))
    with pytest.raises(error, match=words):
        train("tunes", **given)
    assert sorted(path for path in at_tiny_home.rglob("*")) == before  # nor has anything been encoded in vain


def test_an_existing_name_is_never_overwritten(at_tiny_home: Path):
    with pytest.raises(BadOption, match=r"finished; take another --name, .*--resume --epochs with more than 2"):
        train("tunes", name="tunes-lstm", epochs=1)


def test_an_unfinished_run_of_other_settings_is_not_overwritten_either(corpus: Corpus):
    with pytest.raises(Stopped):
        train("tunes", name="mine", reporter=StopAt(1, 1), **TINY)
    with pytest.raises(BadOption, match="go on with it by --resume, or take another --name"):
        train("tunes", name="mine", **TINY | {"window": 8})


@pytest.mark.slow
def test_a_stopped_run_goes_on_in_the_middle_of_its_warm_up_and_its_cosine(corpus: Corpus):
    options = TINY | {"warmup": 5, "decay": "cosine", "clip_norm": 0.5, "tensorboard": True}
    whole = train("tunes", name="whole", **options)
    for stop in ((1, 2), (3, 1)):
        with pytest.raises(Stopped):
            train("tunes", name="stopped", reporter=StopAt(*stop), **options)
    resumed = train(name="stopped", resume=True)
    assert history(resumed.model.folder) == history(whole.model.folder)
    assert resumed.model.checksum == whole.model.checksum
    rates = [float(row["learning_rate"]) for row in history(whole.model.folder)]
    assert rates == sorted(rates, reverse=True)
    assert rates[-1] < 0.1 * rates[0]
    points = curves(resumed.model.folder / "logs")
    assert [value for _, tag, value in points if tag == "network/learning_rate"] == pytest.approx(rates)
    assert [step for step, tag, _ in points if tag == "network/val_loss"] == [1, 2, 3, 4]


def test_what_was_learnt_of_an_epoch_when_time_was_up_is_kept_if_it_is_better(
    corpus: Corpus, monkeypatch: pytest.MonkeyPatch
):
    whole = train("tunes", name="whole", **TINY | {"epochs": 3})
    before = train("tunes", name="short", **TINY | {"epochs": 1}).model.checksum
    with monkeypatch.context() as late:  # time is up after the first step of the second epoch, which is better
        late.setattr(Run, "_is_to_end_now", lambda run: True)
        late.setattr(Run, "_reason_to_end", lambda run: "")
        resumed = train(name="short", resume=True, epochs=3, max_minutes=1e-9)
    assert resumed.reason == "time"
    assert 1 < resumed.model.info["metrics"]["best_epoch"] < 2
    assert resumed.model.checksum != before
    assert train(name="short", resume=True, max_minutes=0.0).model.checksum == whole.model.checksum


@pytest.mark.slow
def test_with_a_time_limit_the_cosine_ends_with_it(corpus: Corpus):
    timed = TINY | {"epochs": 10_000, "patience": 0, "max_minutes": 0.2, "decay": "cosine", "learning_rate": 0.003}
    trained = train("tunes", **timed)
    assert trained.reason == "time"
    rates = [float(row["learning_rate"]) for row in history(trained.model.folder)]
    assert rates == sorted(rates, reverse=True)
    assert rates[-1] < 0.7 * 0.003


@pytest.mark.slow
def test_gradients_are_clipped_as_given_or_not_at_all(corpus: Corpus, runs: list[Run]):
    for clip_norm, used in ((0.0, None), (0.25, 0.25)):
        train("tunes", **TINY | {"epochs": 1, "clip_norm": clip_norm})
        (optimizer,) = runs[-1].optimizers
        assert optimizer.global_clipnorm == used  # type: ignore[attr-defined]


def test_resuming_cannot_change_what_the_run_is(at_tiny_home: Path):
    with pytest.raises(BadOption, match="batch size"):
        train(name="tunes-lstm", resume=True, batch_size=3)


def test_nothing_to_resume_and_nothing_to_learn_are_said(at_new_home: Path):
    with pytest.raises(BadModel, match="nothing to resume"):
        train(resume=True)
    with pytest.raises(BadCorpus, match="musictool prepare"):
        train()


def test_a_corpus_that_has_changed_is_not_learnt_on_by_an_old_run(corpus: Corpus, tmp_path: Path, tunes: Path):
    train("tunes", **TINY | {"epochs": 1})
    smaller = tmp_path / "fewer"
    smaller.mkdir()
    for path in sorted(tunes.iterdir())[:6]:
        (smaller / path.name).write_bytes(path.read_bytes())
    prepare(str(smaller), name="tunes", workers=1, fresh=True)
    with pytest.raises(BadCorpus, match="changed"):
        train(resume=True, epochs=2)


def test_a_run_whose_loss_is_no_number_says_so(corpus: Corpus, runs: list[Run]):
    class Poison(Reporter):
        """Spoils the weights after the first epoch."""

        def epoch_ends(self, row: dict[str, Any], is_best: bool) -> None:
            for weight in runs[-1].stage.network.trainable_variables:
                weight.assign(weight * float("nan"))

    with pytest.raises(Diverged, match="--learning-rate"):
        train("tunes", reporter=Poison(), **TINY | {"epochs": 3})


def test_mixed_precision_is_in_effect_while_training_and_gone_afterwards(corpus: Corpus, runs: list[Run]):
    trained = train("tunes", **TINY | {"precision": "mixed_bfloat16", "epochs": 1})
    assert runs[-1].stage.network.project.compute_dtype == "bfloat16"
    assert trained.model.arch.network.project.compute_dtype == "float32"  # type: ignore[attr-defined]


def test_a_batch_that_no_memory_holds_is_refused_before_the_run_begins(corpus: Corpus):
    with pytest.raises(BadOption, match=r"--window 16 takes .* of 1,000,000,000,000 windows at once, and 1\.1 GB"):
        train("tunes", **TINY | {"batch_size": 10**12})


def test_a_run_that_needs_more_memory_than_there_is_says_so(corpus: Corpus, monkeypatch: pytest.MonkeyPatch):
    def full(*_: Any, **__: Any) -> None:
        raise MemoryError

    monkeypatch.setattr(Windows, "batch", full)
    with pytest.raises(OutOfMemory, match=r"more memory than there is; .* smaller --batch-size"):
        train("tunes", **TINY)


def test_a_window_longer_than_any_piece_is_cut_and_written_down_as_it_is_used(
    corpus: Corpus, caplog: pytest.LogCaptureFixture
):
    trained = train("tunes", **TINY | {"window": 100_000, "epochs": 1})
    training = trained.model.info["training"]
    assert training["options"]["window"] == 100_000
    assert training["settings"]["window"] < 1000
    assert "windows are cut to" in caplog.text


@pytest.mark.slow
def test_two_runs_never_share_a_folder(corpus: Corpus):
    class Rival(Reporter):
        def epoch_ends(self, row: dict[str, Any], is_best: bool) -> None:
            program = "import musictool; musictool.train('tunes', name='rival', resume=True)"
            self.done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)

    rival = Rival()
    train("tunes", name="rival", reporter=rival, **TINY | {"epochs": 1})
    assert "another train is working" in rival.done.stderr


def test_a_run_that_another_process_trains_is_not_touched_and_a_killed_one_does_not_lock_it(
    tiny_home: Path, at_new_home: Path
):
    shutil.copytree(tiny_home, at_new_home, dirs_exist_ok=True)
    folder = home.models_folder() / "tunes-lstm"
    before = {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    with at_work(folder), pytest.raises(Busy, match=r"another train is working on .*, or use another --name"):
        train(resume=True, epochs=3)
    assert {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()} == before
    assert train(resume=True, epochs=3).reason == "epochs"


def test_two_new_runs_never_share_a_folder_either(corpus: Corpus):
    folder = home.models_folder() / "mine"
    with at_work(folder), pytest.raises(Busy, match="another train is working on"):
        train("tunes", name="mine", **TINY)
    assert [path.name for path in folder.iterdir()] == [".lock"]


def test_a_model_that_another_process_has_made_in_the_meantime_is_not_overwritten(
    tiny_home: Path, corpus: Corpus, monkeypatch: pytest.MonkeyPatch
):
    folder = home.models_folder() / "tunes-lstm"

    def slow(encoded: Any) -> dict[str, float]:
        shutil.copytree(tiny_home / "saved_models" / "tunes-lstm", folder)
        return {}

    monkeypatch.setattr("musictool.training.train.baselines", slow)
    with pytest.raises(BadOption, match="finished; take another --name"):
        train("tunes", **SMALL | {"window": 8})
    assert Model.open("tunes-lstm").arch.options.width == 16


def test_a_damaged_arch_stops_a_resumed_run_in_one_line(tiny_home: Path, at_new_home: Path):
    shutil.copytree(tiny_home, at_new_home, dirs_exist_ok=True)
    path = home.models_folder() / "tunes-lstm" / "model.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"arch": {"name": "lstm"}}))
    with pytest.raises(BadModel, match=r"model\.json is damaged: arch\.options is missing"):
        train(resume=True, epochs=3)


def test_what_a_kill_between_the_checkpoint_and_the_history_left_out_is_made_up_for(corpus: Corpus):
    train("tunes", **TINY | {"epochs": 2})
    folder = home.models_folder() / "tunes-cnn"
    before = history(folder)
    (folder / "history.csv").unlink()
    (folder / "samples" / "epoch-002.mid").unlink()
    train(resume=True)
    assert history(folder) == before
    assert (folder / "samples" / "epoch-002.mid").exists()


@pytest.mark.parametrize("moment", ["before the weights", "after the weights"])
def test_a_kill_while_weights_are_saved_leaves_a_model_that_opens(
    corpus: Corpus, monkeypatch: pytest.MonkeyPatch, moment: str
):
    class Killed(BaseException):
        pass

    real, saves = model.write_json, []

    def write_json(path: Path, values: dict[str, Any]) -> None:
        if "weights_to_come" in values:
            saves.append("before")
        elif values.get("weights"):
            saves.append("after")
        if len(saves) == (5 if moment == "before the weights" else 4):
            raise Killed
        real(path, values)

    with monkeypatch.context() as patch:
        patch.setattr(model, "write_json", write_json)
        with pytest.raises(Killed):
            train("tunes", **TINY | {"learning_rate": 1e-3})
    assert Model.open("tunes-cnn").arch is not None
    assert train("tunes", **TINY | {"learning_rate": 1e-3}).reason == "epochs"


@pytest.mark.slow
def test_without_its_checkpoint_a_trained_run_is_not_begun_again_over_its_weights(corpus: Corpus):
    trained = train("tunes", **TINY | {"epochs": 1})
    (trained.model.folder / "checkpoints" / "last.h5").unlink()
    with pytest.raises(BadModel, match="weights are kept"):
        train(resume=True, epochs=2)


@pytest.mark.slow
def test_a_run_whose_first_checkpoint_found_no_room_begins_again_and_says_so(
    corpus: Corpus, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
):
    def full(results: FolderResults, *_: Any) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(results.folder / "checkpoints" / "last.h5"))

    with monkeypatch.context() as patch:
        patch.setattr(FolderResults, "save", full)
        with pytest.raises(OSError, match=r"No space left on device.*last\.h5"):
            train("tunes", **TINY)
    folder = home.models_folder() / "tunes-cnn"
    assert (folder / "network.weights.h5").exists()
    train("tunes", **TINY)
    assert "tunes-cnn was stopped before its first checkpoint was written; it begins again" in caplog.text
    assert history(folder)[0]["epoch"] == "1"
    assert Model.open("tunes-cnn").info["training"]["finished"]


def test_a_time_limit_of_no_time_still_leaves_a_model_and_resuming_ends_like_a_run_without(corpus: Corpus):
    whole = train("tunes", name="whole", **TINY)
    short = train("tunes", name="short", **TINY | {"max_minutes": 1e-9})
    assert short.reason == "time"
    assert short.model.arch is not None
    assert short.model.info["metrics"]["best_epoch"] is None
    longer = train(name="short", resume=True, max_minutes=0.0)
    assert history(longer.model.folder) == history(whole.model.folder)
    assert longer.model.checksum == whole.model.checksum


@pytest.mark.slow
def test_kill_9_loses_at_most_one_epoch_and_resuming_ends_with_the_same_history(corpus: Corpus, at_new_home: Path):
    whole = train("tunes", name="whole", **TINY | {"epochs": 8})
    command = [sys.executable, "-m", "musictool", "train", "tunes", "--arch", "cnn", "--name", "killed"]
    command += [
        "--seed",
        "1",
        "--epochs",
        "8",
        "--window",
        "16",
        "--batch-size",
        "2",
        "--warmup",
        "0",
        "--decay",
        "none",
    ]
    command += [part for setting in TINY["settings"] for part in ("--set", setting)]
    folder = home.models_folder() / "killed"
    for _ in range(4):
        before = read_state(folder / "checkpoints" / "last.h5")["epoch"] if folder.exists() else 0
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        while process.poll() is None and _epochs_done(folder) <= before:
            time.sleep(0.01)
        process.kill()
        process.wait()
        assert _epochs_done(folder) >= before
    assert train("tunes", name="killed", **TINY | {"epochs": 8}).model.checksum == whole.model.checksum
    assert history(folder) == history(whole.model.folder)


def _epochs_done(folder: Path) -> int:
    try:
        return int(read_state(folder / "checkpoints" / "last.h5")["epoch"])
    except BadModel:
        return 0


def test_the_saved_model_opens_again_by_name_by_path_and_as_the_last_one(at_tiny_home: Path):
    folder = at_tiny_home / "saved_models" / "tunes-lstm"
    assert Model.open("tunes-lstm").folder == Model.open(folder).folder == Model.open().folder
