"""Judge a model by what it writes, or files by what is in them, beside the validation pieces of a corpus.

`evaluate` and `evaluate_files` are the functions behind `musictool evaluate`. The model writes pieces as `musictool
sample` would, all in one batch, and goes on from its own primers. The validation pieces, which the model has not learnt
from, are cut to as many bars, so that what grows with a piece's length can be compared.

Honest limit: the numbers say whether music is like that of the corpus, and not whether it is good; in listening tests
the two have come apart.
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
from musictool.evaluation.measures import Measures
from musictool.evaluation.reconstruction import Reconstruction
from musictool.evaluation.yardstick import Yardstick
from musictool.music.score import Score
from musictool.reading import read_named

if TYPE_CHECKING:
    from musictool.evaluation.likelihood import Likelihood
    from musictool.models.model import Model

NUM, MOST_BARS = 100, 16
_MARGIN = 1.25  # rows for so many times the bars, as some pieces go on slowly
_LOOKED_AT = 20  # validation pieces, for how many rows a bar has

Progress = Callable[[str], object]  # told what is done now


def evaluate(
    model: Model | str | Path | None = None,
    corpus: str | Path | None = None,
    *,
    num: int = NUM,
    bars: int | None = None,
    temperature: float = 1.0,
    seed: int = 1,
    progress: Progress = lambda what: None,
) -> Evaluation:
    """Let a model write, and measure it.

    Args:
        model: opened, or its name or path; without one, the model trained last.
        corpus: name or path; without one, that which the model has learnt.
        num: pieces that it writes, and at most so many validation pieces beside them.
        bars: of each; without a number, as many as half of the human pieces have, but not more than MOST_BARS.
        temperature: of the sampler (musictool/sampling/sampler.py); the rest of it is the default.
        seed: fixes what is written, and which validation pieces are taken if there are more.
        progress: told what is done now.

    Raises:
        BadModel, BadCorpus, UnknownName: for what is missing, damaged or of another version.
        BadCorpus: if the corpus has no validation piece.
        NoMusic: if not one of the samples has a note.
    """
    from musictool.models.model import Model

    if num < 2:
        raise BadOption(f"--num {num} is not at least 2")
    if bars is not None and bars < 1:
        raise BadOption(f"--bars {bars} is not at least 1")
    opened = model if isinstance(model, Model) else Model.open(model)
    human = Yardstick(_learnt_by(opened) if corpus is None else Corpus.open(corpus), num, seed)
    bars = bars or min(MOST_BARS, _median_bars(human.scores))
    progress(f"writing {num} pieces of {bars} bars")
    scores = _written(opened, human.scores[:_LOOKED_AT], num, bars, temperature, seed)
    if not any(len(score.notes) for score in scores):
        raise NoMusic(f"not one of {num} pieces by {opened.name} has a note; train it longer")
    progress("asking how likely they are")
    likelihoods = _likelihoods(opened, human, scores, own=corpus is None)
    facts = {
        "model": opened.name,
        "arch": opened.info["arch"]["name"],
        "encoding": opened.encoding.name,
        "corpus": human.corpus.name,
        "bars": bars,
        "temperature": temperature,
        "seed": seed,
    }
    progress("measuring")
    samples = Measures.of([f"sample {number}" for number in range(1, num + 1)], scores, human.copies)
    found = _held_against(human, f"{opened.name} beside {human.corpus.name}", facts, samples, opened, likelihoods)
    return replace(found, reconstruction=Reconstruction.of(opened, human.scores))


def evaluate_files(
    files: Iterable[Path | str],
    against: str | Path,
    *,
    num: int = NUM,
    seed: int = 1,
    progress: Progress = lambda what: None,
) -> Evaluation:
    """Measure the pieces of some files, whole, beside validation pieces cut to their median number of bars.

    Args:
        files: music files of any kind that can be read.
        against: the corpus's name or path.
        num: validation pieces at most.
        seed: which, if there are more.
        progress: told what is done now.

    Raises:
        BadFile: for a file that cannot be read, or has no note.
        BadCorpus, UnknownName: for a corpus that is missing, damaged, or has no validation piece.
    """
    if num < 1:
        raise BadOption(f"--num {num} is not at least 1")
    paths, corpus = [Path(file) for file in files], Corpus.open(against)
    progress(f"reading {len(paths)} files")
    names: list[str] = []
    scores: list[Score] = []
    for path in paths:
        pieces = read_named(path).scores
        names += [path.name if number == 1 else f"{path.name}#{number}" for number in range(1, len(pieces) + 1)]
        scores += pieces
    human = Yardstick(corpus, num, seed)
    progress("measuring")
    bars = _median_bars(scores)
    facts = {"files": [str(path) for path in paths], "corpus": corpus.name, "bars": bars, "seed": seed}
    title = f"{names[0] if len(names) == 1 else f'{len(names)} pieces'} beside {corpus.name}"
    return _held_against(human, title, facts, Measures.of(names, scores, human.copies))


def _median_bars(scores: Sequence[Score]) -> int:
    return max(1, int(np.median([score.bars for score in scores])))


def _held_against(
    human: Yardstick,
    title: str,
    facts: dict[str, Any],
    samples: Measures,
    model: Model | None = None,
    likelihoods: dict[str, Likelihood] | None = None,
) -> Evaluation:
    bars = facts["bars"]
    if model is None:
        of_people, encoded, others = human.validation_measures(bars), None, human.training_measures(bars)
    else:
        from musictool.generation.primers import as_heard

        of_people = human.validation_measures(bars, partial(as_heard, model))
        told = partial(_told, model)
        encoded, others = human.validation_measures(bars, told), human.training_measures(bars, told)
    sources = tuple(map(human.copies.source, samples.scores, samples.copied))
    facts |= {"samples": len(samples), "human": len(of_people)}
    usual = human.copies.usual
    return Evaluation(title, facts, samples, of_people, encoded, others, sources, usual, likelihoods or {})


def _told(model: Model, score: Score) -> Score:
    """A piece in the key in which the model hears it, as its encoding tells it."""
    from musictool.generation.primers import as_heard

    music = model.encoding.decode(model.encoding.encode(as_heard(model, score)))
    return replace(
        music,
        tempos=music.tempos if len(music.tempos) else score.tempos,
        metres=music.metres if len(music.metres) else score.metres,
    )


def _learnt_by(model: Model) -> Corpus:
    """The corpus of a model. Raises BadCorpus if it is gone or another one now."""
    try:
        return corpus_of(model.info, model.name)
    except BadCorpus as error:
        raise BadCorpus(f"{error}; or name another corpus: --corpus NAME") from None


def _written(model: Model, human: Sequence[Score], num: int, bars: int, temperature: float, seed: int) -> list[Score]:
    """The samples, each of so many bars at most."""
    from musictool.generation.sample import Generation, Request
    from musictool.sampling.sampler import Sampler

    rows = sum(len(model.encoding.encode(score)) for score in human)
    a_bar = rows / max(1, sum(score.bars for score in human))
    margin = _MARGIN if model.spec.kind == "tokens" else 1.0
    length = max(1, math.ceil(a_bar * bars * margin)) * model.spec.steps
    request = Request(length=length, num=num, sampler=Sampler(temperature=temperature), seed=seed)
    return [score.until(score.bar_line_ticks(bars)) for score in Generation(model, request).pieces()]


def _likelihoods(model: Model, human: Yardstick, samples: Sequence[Score], own: bool) -> dict[str, Likelihood]:
    """Of the validation pieces, the samples and the baselines; empty if the arch has no likelihood."""
    from musictool.evaluation.likelihood import score_pieces, to_beat, together

    heard = score_pieces(model, human.scores)
    written = score_pieces(model, [score for score in samples if len(score.notes)]) if heard else None
    if not heard or written is None:
        return {}
    accuracy = model.info["metrics"].get("val_accuracy") if own else None
    all_heard, all_written = together(model, heard, accuracy), together(model, written)
    found = {"human": all_heard} if all_heard else {}
    if all_written:
        found["samples"] = all_written
    return found | (to_beat(model, human.corpus, all_heard, own, human.validation) if all_heard else {})
