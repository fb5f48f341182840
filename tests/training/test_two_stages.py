"""An arch of two stages, as vae is: the second builds on the first, wherever the run is interrupted."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from musictool import home
from musictool.errors import BadCorpus, BadModel
from musictool.generation.request import Request
from musictool.generation.sample import sample
from musictool.models.model import Model
from musictool.music.score import Score, Track
from musictool.preparation.prepare import prepare
from musictool.reading import read
from musictool.sampling.sampler import Sampler
from musictool.training.run import Run
from musictool.training.train import train
from musictool.writing import write
from tests.backend.test_backend import TWO_CPUS, run
from tests.generation.test_latents import band, write_bands

RUN: dict[str, Any] = {
    "arch": "vae",
    "encoding": "segments",
    "epochs": 2,
    "seed": 1,
    "settings": ("latent=4", "width=16", "hidden=8", "kl_warmup=3"),
    "batch_size": 2,
    "precision": "float32",
}


class Killed(Exception):
    """In the place of a signal that nobody can catch."""


@pytest.fixture
def corpus(at_new_home: Path) -> str:
    prepare(str(write_bands(at_new_home / "music")), name="bands", workers=1)
    return "bands"


def history(name: str) -> list[dict[str, str]]:
    """history.csv without what a clock has measured."""
    with open(home.models_folder() / name / "history.csv", encoding="utf-8") as file:
        return [
            {key: value for key, value in row.items() if key not in ("seconds", "rows_per_second")}
            for row in csv.DictReader(file)
        ]


@pytest.mark.slow
def test_killed_between_the_stages_it_goes_on_as_if_nothing_had_been(corpus: str, monkeypatch: pytest.MonkeyPatch):
    train(corpus, name="whole", **RUN)
    fit = Run._fit

    def fit_first_stage(self: Run) -> str:
        if self.state.stage:
            raise Killed
        return fit(self)

    with monkeypatch.context() as patched:
        patched.setattr(Run, "_fit", fit_first_stage)
        with pytest.raises(Killed):
            train(corpus, name="killed", **RUN)
    with pytest.raises(BadModel, match=r"no predictors\.weights\.h5: its stage predictors has not been trained yet"):
        _ = Model.open("killed").arch
    assert Model.open().name == "whole"
    train(name="killed", resume=True)
    rows = history("whole")
    assert [row["stage"] for row in rows] == ["vae", "vae", "predictors", "predictors"]
    assert history("killed") == rows
    weights = [Model.open(name).info["weights"] for name in ("whole", "killed")]
    assert set(weights[0]) == {"vae.weights.h5", "predictors.weights.h5"}
    written = [sample(Model.open(name), Request(bars=4, seed=1))[0].notes for name in ("whole", "killed")]
    np.testing.assert_array_equal(*written)


@pytest.mark.slow
def test_music_is_written_while_the_last_stage_is_trained_and_not_before(corpus: str):
    trained = train(corpus, name="heard", **{**RUN, "epochs": 1})
    (path,) = (trained.model.folder / "samples").iterdir()
    assert path.name == "epoch-001.mid"
    assert len(read(path).scores[0].notes)


@pytest.mark.slow
def test_two_devices_train_both_stages(corpus: str):
    options = {**RUN, "epochs": 1}
    told = run(TWO_CPUS + f"import musictool\nprint(musictool.train('bands', name='two', **{options}).model.info)")
    assert "'strategy': 'mirrored', 'replicas': 2" in told
    model = Model.open("two")
    assert float(model.arch.vae.steps) == len(range(0, 26, 8))  # once a step, and not once on each device
    assert all(np.isfinite(float(row["loss"])) for row in history("two"))
    (score,) = sample(model, Request(bars=4, seed=1, sampler=Sampler(threshold="bernoulli")))
    assert len(score.notes)


def test_a_corpus_in_which_nothing_plays_is_refused_in_one_line(at_new_home: Path):
    write(Score.from_notes([(60, 0, 1)], (Track(120),)), at_new_home / "music" / "sea.mid")
    prepare(str(at_new_home / "music"), name="sea", workers=1)
    with pytest.raises(BadCorpus, match="segments"):
        train("sea", **RUN)


@pytest.mark.slow
def test_an_instrument_that_never_plays_stays_silent(at_new_home: Path):
    violins = tuple(Track(40 if i in (0, 3) else p, i == 4) for i, p in enumerate((0, 24, 32, 48, 0)))  # no piano
    for tonic in range(55, 63):
        write(band(tonic, 6, violins), at_new_home / "music" / f"{tonic}.mid")
    prepare(str(at_new_home / "music"), name="quartet", workers=1)
    model = train("quartet", **{**RUN, "epochs": 20}).model
    (score,) = sample(model, Request(bars=4, seed=1))
    assert 0 not in {track.program for track in score.tracks if not track.is_drum}
