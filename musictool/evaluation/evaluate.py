"""Measure what a model writes, or the music in files, beside the validation pieces of a corpus.

`evaluate` and `evaluate_files` are the functions behind `musictool evaluate`. The model writes pieces as `musictool
sample` would, all in one batch, from its own primers. The validation pieces, which the model was not trained on, are
cut to as many bars, so that features that grow with a piece's length can be compared.

Limit: the numbers say whether music is like that of the corpus, and not whether it is good; in listening tests the two
have come apart.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from musictool.corpus.corpus import Corpus
from musictool.corpus.training_corpus import corpus_of
from musictool.errors import BadCorpus, BadOption, NoMusic
from musictool.evaluation.evaluation import Evaluation
from musictool.evaluation.reconstruction import Reconstruction
from musictool.evaluation.reference import Measures, Reference
from musictool.metrics.told_apart import ToldApart, told_apart
from musictool.music.score import Score
from musictool.reading import read_named

if TYPE_CHECKING:
    from musictool.evaluation.likelihood import Likelihood
    from musictool.models.model import Model

NUM, MAX_BARS = 100, 16
MAX_NUM = 10_000  # pieces; more are no surer, and their measures are all in memory
_AT_ONCE = 256  # pieces written together
_MARGIN = 1.25  # rows are written for so many times the bars, as some pieces are slow
_PIECES_FOR_LENGTH = 20  # validation pieces that the rows per bar are counted in

Announce = Callable[[str], object]  # called with the name of each step as it begins


def evaluate(
    model: Model | str | Path | None = None,
    corpus: str | Path | None = None,
    *,
    num: int = NUM,
    bars: int | None = None,
    temperature: float = 1.0,
    seed: int = 1,
    announce: Announce = lambda step: None,
) -> Evaluation:
    """Let a model write pieces, and measure them.

    Args:
        model: opened, or its name or path; without one, the model trained last.
        corpus: name or path; without one, that which the model was trained on.
        num: pieces that it writes, 2 to MAX_NUM, and the most validation pieces beside them.
        bars: of each piece; None for the median of the human pieces, at most MAX_BARS. Without it MAX_BARS are written,
            so that eight can be heard (musictool/metrics/told_apart.py), and cut for all other measures.
        temperature: of the sampler (musictool/sampling/sampler.py); the rest of it is the default.
        seed: fixes what is written, and which validation pieces are taken if there are more.
        announce: called with the name of each step as it begins.

    Raises:
        BadModel, BadCorpus, UnknownName: for what is missing, damaged or of another version.
        BadCorpus: if the corpus has no validation piece.
        NoMusic: if not one of the samples has a note.
    """
    from musictool.models.model import Model

    _check(num, bars)
    opened = model if isinstance(model, Model) else Model.open(model)
    reference = Reference(_training_corpus(opened) if corpus is None else Corpus.open(corpus), num, seed)
    written_bars, bars = bars or MAX_BARS, bars or min(MAX_BARS, _median_bars(reference.scores))
    announce(f"writing {num} pieces of {written_bars} bars")
    written = written_by(opened, reference.scores[:_PIECES_FOR_LENGTH], num, written_bars, temperature, seed)
    scores = [score.until(score.bar_line_ticks(bars)) for score in written]
    if not any(len(score.notes) for score in scores):
        raise NoMusic(f"not one of {num} pieces by {opened.name} has a note; train it longer")
    announce("scoring them by their likelihood")
    likelihoods = _likelihoods(opened, reference, scores, is_training_corpus=corpus is None)
    announce("measuring")
    facts = _facts(opened, reference) | {"bars": bars, "temperature": temperature, "seed": seed}
    samples = Measures.of([f"sample {number}" for number in range(1, num + 1)], scores, reference.copies)
    title = f"{opened.name} beside {reference.corpus.name}"
    evaluation = compare_with(reference, title, facts, samples, opened, likelihoods)
    announce("telling the samples from human pieces")
    return replace(
        evaluation,
        told_apart=_told_apart(opened, reference, written, written_bars, seed),
        reconstruction=Reconstruction.of(opened, reference.scores),
    )


def evaluate_files(
    files: Iterable[Path | str],
    against: str | Path,
    *,
    num: int = NUM,
    seed: int = 1,
    announce: Announce = lambda step: None,
) -> Evaluation:
    """Measure the pieces of some files, whole, beside validation pieces cut to their median number of bars.

    Args:
        files: music files of any kind that can be read.
        against: the corpus's name or path.
        num: validation pieces at most.
        seed: which, if there are more.
        announce: called with the name of each step as it begins.

    Raises:
        BadFile: for a file that cannot be read, or has no note.
        BadCorpus, UnknownName: for a corpus that is missing, damaged, or has no validation piece.
    """
    if num < 1:
        raise BadOption(f"--num {num} is not at least 1")
    paths, corpus = [Path(file) for file in files], Corpus.open(against)
    announce(f"reading {len(paths)} files")
    names: list[str] = []
    scores: list[Score] = []
    for path in paths:
        pieces = read_named(path).scores
        names += [path.name if number == 1 else f"{path.name}#{number}" for number in range(1, len(pieces) + 1)]
        scores += pieces
    reference = Reference(corpus, num, seed)
    announce("measuring")
    bars = _median_bars(scores)
    facts = {"files": [str(path) for path in paths], "corpus": corpus.name, "bars": bars, "seed": seed}
    title = f"{names[0] if len(names) == 1 else f'{len(names)} pieces'} beside {corpus.name}"
    evaluation = compare_with(reference, title, facts, Measures.of(names, scores, reference.copies))
    announce("telling the samples from human pieces")
    return replace(evaluation, told_apart={"samples": told_apart(scores, reference.validation_scores(None), seed)})


def _check(num: int, bars: int | None) -> None:
    if not 2 <= num <= MAX_NUM:
        raise BadOption(f"--num {num} is not from 2 to {MAX_NUM}")
    if bars is not None and bars < 1:
        raise BadOption(f"--bars {bars} is not at least 1")


def _facts(model: Model, reference: Reference) -> dict[str, Any]:
    """What is compared with what, JSON-able."""
    return {
        "model": model.name,
        "arch": model.info["arch"]["name"],
        "encoding": model.encoding.name,
        "corpus": reference.corpus.name,
    }


def _told_apart(
    model: Model, reference: Reference, written: Sequence[Score], bars: int, seed: int
) -> dict[str, ToldApart]:
    """How surely a model's pieces are told apart from human ones, and human ones encoded and decoded from the same."""
    human = reference.validation_scores(bars, model.transposed)
    encoded = reference.validation_scores(bars, partial(_as_encoded, model))
    return {
        "samples": told_apart(written, human, seed),
        "encoded": told_apart(encoded, human, seed, paired=True, halves=False),  # chance is the samples'
    }


def _median_bars(scores: Sequence[Score]) -> int:
    return max(1, int(np.median([score.bars for score in scores])))


def compare_with(
    reference: Reference,
    title: str,
    facts: dict[str, Any],
    samples: Measures,
    model: Model | None = None,
    likelihoods: dict[str, Likelihood] | None = None,
) -> Evaluation:
    """The evaluation of samples, beside as many bars of the reference's pieces.

    Args:
        facts: about the samples, JSON-able, with "bars".
        model: that wrote them, whose encoding the human pieces are put through; None for files.
    """
    bars = facts["bars"]
    if model is None:
        human, encoded, training = reference.validation_measures(bars), None, reference.training_measures(bars)
    else:
        human = reference.validation_measures(bars, model.transposed)
        as_encoded = partial(_as_encoded, model)
        encoded = reference.validation_measures(bars, as_encoded)
        training = reference.training_measures(bars, as_encoded)
    sources = tuple(map(reference.copies.source, samples.scores, samples.copied))
    facts |= {"samples": len(samples), "human": len(human)}
    p95 = reference.copies.p95
    return Evaluation(title, facts, samples, human, encoded, training, sources, p95, likelihoods or {})


def _as_encoded(model: Model, score: Score) -> Score:
    """A piece in the key that the model is given it in, encoded and decoded."""

    music = model.encoding.decode(model.encoding.encode(model.transposed(score)))
    return replace(
        music,
        tempos=music.tempos if len(music.tempos) else score.tempos,
        metres=music.metres if len(music.metres) else score.metres,
    )


def _training_corpus(model: Model) -> Corpus:
    """The corpus of a model. Raises BadCorpus if it is gone or has changed."""
    try:
        return corpus_of(model.info, model.name)
    except BadCorpus as error:
        raise BadCorpus(f"{error}; evaluate compares with any other: --corpus NAME") from None


def written_by(model: Model, human: Sequence[Score], num: int, bars: int, temperature: float, seed: int) -> list[Score]:
    """`num` samples, each cut to `bars`; `human` are pieces that the rows per bar are counted in."""
    from musictool.generation.batches import batches
    from musictool.generation.request import Request
    from musictool.generation.sample import Generation
    from musictool.sampling.sampler import Sampler

    rows = sum(len(model.encoding.encode(score)) for score in human)
    rows_per_bar = rows / max(1, sum(score.bars for score in human))
    margin = _MARGIN if model.spec.kind == "tokens" else 1.0
    length = max(1, math.ceil(rows_per_bar * bars * margin)) * model.spec.steps
    request = Request(length=length, num=num, sampler=Sampler(temperature=temperature), seed=seed)
    pieces = (piece for batch in batches(model, request, _AT_ONCE) for piece in Generation(model, batch).pieces())
    return [piece.until(piece.bar_line_ticks(bars)) for piece in pieces]


def _likelihoods(
    model: Model, reference: Reference, samples: Sequence[Score], is_training_corpus: bool
) -> dict[str, Likelihood]:
    """Of the validation pieces, the samples and the baselines; empty if the arch has no likelihood."""
    from musictool.evaluation.likelihood import baseline_likelihoods, of_model

    accuracy = model.info["metrics"].get("val_accuracy") if is_training_corpus else None
    human = of_model(model, reference.scores, accuracy)
    if human is None:
        return {}
    written = of_model(model, [score for score in samples if len(score.notes)])
    likelihoods = {"human": human} | ({"samples": written} if written else {})
    return likelihoods | baseline_likelihoods(model, reference.corpus, human, is_training_corpus, reference.validation)
