"""N-grams as an arch: what the laws do not say."""

from __future__ import annotations

import shutil
from itertools import islice
from pathlib import Path

import h5py
import numpy as np
import pytest

from musictool.archs.markov import Markov
from musictool.encoding import FIRST_TOKEN, Spec
from musictool.metrics.baselines import baselines
from musictool.models.model import Model
from musictool.sampling.guidance import Guidance
from musictool.sampling.sampler import Sampler
from musictool.training.train import train
from tests.test_laws_archs import always, corpus_of, tiny

SPEC = Spec("tokens", (), 20)


def music(pieces: int, length: int, seed: int) -> np.ndarray:
    return np.random.default_rng(seed).integers(FIRST_TOKEN, 20, (pieces, length)).astype(np.int32)


def test_of_order_one_it_is_the_bigram_that_models_have_to_beat():
    encoded = corpus_of(music(30, 20, 0), SPEC)
    encoded.is_validation[20:] = True
    arch = Markov(SPEC, Markov.Options(order=1))
    arch.stages[0].fit_counts(encoded, always)
    nats = np.concatenate([arch.surprisal(encoded.piece(index)) for index in encoded.pieces("validation")])
    assert nats.mean() == pytest.approx(baselines(encoded)["bigram"], rel=1e-9)


def test_most_rows_bounds_what_is_counted_and_leaves_at_least_one_piece():
    encoded = corpus_of(music(30, 20, 0), SPEC)
    for most, pieces in ((1, 1), (100, 5), (10_000, 30)):
        arch = Markov(SPEC, Markov.Options(most_rows=most))
        arch.stages[0].fit_counts(encoded, always)
        assert arch.network.ngrams.tokens.sum() == pieces * 20


def test_a_repetition_penalty_makes_what_was_just_written_rarer():
    arch = tiny("markov")
    primer = np.full((4, 8), 7, np.int32)
    free, penalised = (
        np.concatenate(list(islice(arch.continuation(primer, Sampler(repetition_penalty=p), 1), 2)), axis=1)
        for p in (1.0, 5.0)
    )
    kinds = [
        np.mean([len(np.unique(piece[i : i + 8])) for piece in rows for i in range(120)]) for rows in (free, penalised)
    ]
    assert kinds[1] > kinds[0]
    assert not np.array_equal(
        next(arch.continuation(primer, Sampler(repetition_penalty=5.0), 1)),
        next(arch.continuation(primer, Sampler(repetition_penalty=5.0), 1, Guidance(onset_mask=np.zeros(20, bool)))),
    )


def test_a_damaged_file_is_refused(tmp_path: Path):
    path = tmp_path / "network.weights.h5"
    tiny("markov").stages[0].network.save_weights(path)
    with h5py.File(path, "a") as file:
        del file["vars/keys_1"]
    with pytest.raises((ValueError, KeyError)):
        tiny("markov").stages[0].network.load_weights(path)


def test_it_is_trained_in_one_go_saved_opened_and_says_how_much_it_counted(tiny_home: Path, at_new_home: Path):
    shutil.copytree(tiny_home / "corpora", at_new_home / "corpora")
    trained = train("tunes", arch="markov", name="counted", seed=1)
    model = Model.open("counted")
    assert trained.loss is not None
    assert model.info["metrics"]["parameters"] == model.arch.stages[0].network.count_params()
    assert len(list((model.folder / "samples").iterdir())) == 1
