"""Hidden Markov models against sums over all paths, and what they learn."""

from __future__ import annotations

import shutil
from itertools import pairwise, product
from pathlib import Path
from typing import ClassVar

import numpy as np
import pytest

from musictool.archs import _hidden_markov
from musictool.archs._hidden_markov import HiddenMarkov, fitted, unigram
from musictool.archs.hmm import Hmm, Tables
from musictool.encoding import FIRST_TOKEN, START, Spec
from musictool.engine.current import within
from musictool.generation.scoring import score_files
from musictool.models.model import Model
from musictool.training.reporter import Reporter
from musictool.training.train import train
from tests.test_laws_archs import always, corpus_of

K, V = 3, FIRST_TOKEN + 4
PIECE = FIRST_TOKEN + np.array([0, 3, 1, 1, 2, 0])


def model(seed: int = 0) -> HiddenMarkov:
    rng = np.random.default_rng(seed)
    initial, transition, emission = (rng.dirichlet(np.ones(n), k) for k, n in ((1, K), (K, K), (K, V - FIRST_TOKEN)))
    return HiddenMarkov(initial[0], transition, np.pad(emission, ((0, 0), (FIRST_TOKEN, 0))))


def of_paths(markov: HiddenMarkov, piece: np.ndarray) -> dict[tuple[int, ...], float]:
    """The probability of each path of states together with the piece."""
    chances = {}
    for path in product(range(K), repeat=len(piece)):
        chance = markov.initial[path[0]] * np.prod([markov.transition[a, b] for a, b in pairwise(path)])
        chances[path] = chance * np.prod(markov.emission[list(path), piece])
    return chances


def written(markov: HiddenMarkov, length: int, seed: int) -> np.ndarray:
    """A piece that the model writes."""
    rng, state, piece = np.random.default_rng(seed), None, []
    for _ in range(length):
        state = rng.choice(K, p=markov.initial if state is None else markov.transition[state])
        piece.append(rng.choice(V, p=markov.emission[state]))
    return np.array(piece)


def arch_of(markov: HiddenMarkov, spec: Spec | None = None) -> Hmm:
    with within("numpy"):
        arch = Hmm(spec or Spec("tokens", (), V), Hmm.Options(states=K))
        arch.network.model = markov
    return arch


def test_a_piece_is_as_likely_as_all_paths_together_and_its_path_is_the_likeliest():
    arch = arch_of(model())
    chances = of_paths(model(), PIECE)
    assert arch.surprisal(PIECE).sum() == pytest.approx(-np.log(sum(chances.values())), rel=1e-9)
    assert tuple(arch.likeliest_states(PIECE)) == max(chances, key=chances.__getitem__)
    assert arch.likeliest_states(PIECE[:0]).shape == (0,)


def test_a_round_counts_what_all_paths_say_is_to_be_expected():
    pieces, markov = [PIECE, PIECE[::-1][:3], PIECE[:1]], model()
    tokens = np.bincount(np.concatenate(pieces), minlength=V)
    initial, transition = (np.full(shape, 1 / K) for shape in (K, (K, K)))
    emission, nats = np.tile(unigram(tokens), (K, 1)), 0.0
    for piece in pieces:
        chances = of_paths(markov, piece)
        nats -= np.log(sum(chances.values()))
        for path, chance in chances.items():
            share = chance / sum(chances.values())
            initial[path[0]] += share
            np.add.at(transition, (path[:-1], path[1:]), share)
            np.add.at(emission, (path, piece), share)
    refitted, per_token = markov.refitted(pieces, tokens)
    assert per_token == pytest.approx(nats / 10)
    np.testing.assert_allclose(refitted.initial, initial / initial.sum())
    np.testing.assert_allclose(refitted.transition, transition / transition.sum(axis=1, keepdims=True))
    np.testing.assert_allclose(refitted.emission, emission / emission.sum(axis=1, keepdims=True))


@pytest.mark.parametrize("at_once", [1, 1 << 22])
def test_no_round_makes_the_training_pieces_less_likely(at_once: int, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(_hidden_markov, "ADDED", 1e-9)
    monkeypatch.setattr(_hidden_markov, "AT_ONCE", at_once)  # piece by piece, or all together
    losses: list[float] = []
    pieces = [written(model(), 10 + i, i) for i in range(20)]
    fitted(pieces, V, K, 30, 0, lambda rounds, nats: losses.append(nats) or True)
    assert len(losses) == 30
    assert (np.diff(losses) < 1e-6).all()
    assert losses[-1] < losses[0] - 0.03


def test_it_learns_what_wrote_the_pieces():
    sharp = HiddenMarkov(np.eye(K)[0], np.roll(np.eye(K), 1, axis=1) * 0.85 + 0.05, model(4).emission)
    pieces, others = ([written(sharp, 100, seed) for seed in range(a, a + 30)] for a in (0, 100))
    learnt, truth = arch_of(fitted(pieces, V, K, 100, 0, always)), arch_of(sharp)
    told = [np.mean([arch.surprisal(piece).mean() for piece in others]) for arch in (learnt, truth)]
    alone = unigram(np.bincount(np.concatenate(pieces), minlength=V))
    assert told[1] < told[0] < told[1] + 0.02 < np.mean([-np.log(alone[piece]).mean() for piece in others])


def test_it_ends_when_it_is_told_to():
    arch, done = arch_of(model()), []
    with within("numpy"):
        (stage,) = arch.stages
        stage.fit_counts(
            corpus_of(np.tile(PIECE, (9, 1)), arch.spec), lambda rounds, nats: done.append(rounds) or rounds < 4
        )
    assert done == [1, 2, 3, 4]
    assert stage.rounds == 40


def test_start_begins_a_piece_again_and_padding_says_nothing():
    markov = model()
    beliefs = markov.beliefs(np.array([[3, 0, START]]))[0]
    np.testing.assert_allclose(beliefs[1], beliefs[0] @ markov.transition)
    np.testing.assert_allclose(beliefs[2], markov.initial)


@pytest.mark.parametrize("damage", ["negative", "sum", "shape", "nan"])
def test_tables_that_are_no_probabilities_are_refused(damage: str):
    with within("numpy"):
        tables, store = Tables(V, K), {}
        tables.save_own_variables(store)
        tables.load_own_variables(store)
        bad = store["transition"].copy()
        bad[0, :2] = {"negative": (-1, 2), "sum": (0.9, 0.9), "shape": (0, 0), "nan": (np.nan, 0)}[damage]
        store["transition"] = bad[:2] if damage == "shape" else bad
        with pytest.raises(ValueError, match="transition is no table of probabilities"):
            tables.load_own_variables(store)


def test_it_is_trained_round_by_round_and_a_score_has_the_states_of_the_piece(
    tiny_home: Path, at_new_home: Path, tunes: Path
):
    class Rounds(Reporter):
        losses: ClassVar[list[float]] = []

        def progress(self, step: int, loss: float, rows_per_second: float) -> None:
            assert step == len(self.losses) + 1
            self.losses.append(loss)

    shutil.copytree(tiny_home / "corpora", at_new_home / "corpora")
    settings = ("states=4", "rounds=5")
    train("tunes", arch="hmm", name="hidden", settings=settings, reporter=Rounds(), seed=1)
    assert len(Rounds.losses) == 5
    (scored,) = score_files(Model.open("hidden"), [tunes / "tune-00.mid"])
    states = scored.to_json()["states"]
    assert len(states) == len(scored.surprisal)
    assert set(states) <= set(range(4))
    (other,) = score_files(Model.open(str(tiny_home / "saved_models" / "tunes-lstm")), [tunes / "tune-00.mid"])
    assert "states" not in other.to_json()
