"""The result of an evaluation as one table, samples beside human pieces, group by group.

A line of the table is a name and a cell for each side: the samples; the human pieces; and, for a model, the human
pieces encoded and decoded, the nearest that it could come. The names are those of the JSON (evaluation.py).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from musictool.evaluation.reference import Measures
from musictool.metrics.copying import WINDOW
from musictool.metrics.distributions import Agreement
from musictool.metrics.told_apart import BARS

if TYPE_CHECKING:
    from musictool.evaluation.evaluation import Evaluation


@dataclass(frozen=True)
class TableLine:
    """A line of the table.

    Attributes:
        name: as in the JSON, or of a likelihood in words.
        samples, human, encoded: the cells; "" for an empty one.
    """

    name: str
    samples: str = ""
    human: str = ""
    encoded: str = ""


@dataclass(frozen=True)
class Group:
    """Lines under one heading.

    Attributes:
        name: the heading.
        description: what the numbers are and how to read them, a sentence or two.
        lines: at least one.
    """

    name: str
    description: str
    lines: tuple[TableLine, ...]


def groups_of(evaluation: Evaluation) -> list[Group]:
    """The table, group by group; those without a line are left out."""
    groups = [
        _told_apart(evaluation),
        _likelihood(evaluation),
        _reconstruction(evaluation),
        _musical(evaluation),
        _band(evaluation),
        _distances(evaluation),
        _copying(evaluation),
        _collapse(evaluation),
    ]
    return [group for group in groups if group.lines]


def _told_apart(evaluation: Evaluation) -> Group:
    description = (
        "How surely a classifier that hears one bar, two, four or eight tells the pieces from human ones, none of "
        "which it has learnt from: 0.5 is by guessing, 1 always (area under the ROC curve, 95% interval). Under "
        "human, it tells halves of the human pieces apart, which is what chance gives, with its range."
    )
    halves = evaluation.told_apart["samples"].halves if evaluation.told_apart else {}
    columns = [
        {bars: str(auc) for bars, auc in evaluation.told_apart[side].samples.items()}
        if side in evaluation.told_apart
        else {}
        for side in ("samples", "encoded")
    ]
    columns.insert(1, {bars: "{:.3f} ({:.2f} to {:.2f})".format(*values) for bars, values in halves.items()})
    lines = [
        TableLine(f"{bars} bar{'s' * (bars > 1)}", *(column.get(bars, "") for column in columns))
        for bars in BARS
        if any(bars in column for column in columns)
    ]
    return Group("told apart", description, tuple(lines))


def _likelihood(evaluation: Evaluation) -> Group:
    description = "Nats are the negative log-likelihood: less is likelier. Baselines are simple counts."
    likelihoods = dict(evaluation.likelihoods)
    samples, human = likelihoods.pop("samples", None), likelihoods.pop("human", None)
    unit = human.spec.unit if human else "row"
    lines = [
        TableLine(name.format(unit), *(_number(None if side is None else value(side)) for side in (samples, human)))
        for name, value in _LIKELIHOOD.items()
    ]
    for name, baseline in likelihoods.items():
        lines.append(TableLine(f"{name}, nats per {unit}", human=_number(baseline.nats)))
    return Group("likelihood", description, tuple(line for line in lines if line.samples or line.human))


def _reconstruction(evaluation: Evaluation) -> Group:
    description = (
        "The notes of human pieces that are decoded from their latents with the right pitch and onset, and how "
        "many numbers of each latent differ from segment to segment (variance over 0.01). More is better."
    )
    cells = [] if evaluation.reconstruction is None else evaluation.reconstruction.lines()
    return Group("reconstruction", description, tuple(TableLine(name, human=cell) for name, cell in cells))


def _musical(evaluation: Evaluation) -> Group:
    description = "As muspy defines them: mean ± standard deviation of the pieces. Near the human pieces is good."
    return Group("musical features", description, _lines([side.musical for side in evaluation.sides.values()]))


def _band(evaluation: Evaluation) -> Group:
    """Of the instruments that play in any piece, if there are two."""
    description = "MuseGAN's numbers of each instrument, bar by bar. Near the human pieces is good."
    sides = [side.band for side in evaluation.sides.values()]
    playing = {
        name.split(":")[1]
        for name in evaluation.samples.band
        if name.startswith("empty_bars:") and any((side[name] < 1).any() for side in sides)
    }
    kept = [name for name in evaluation.samples.band if set(name.split(":")[1].split("-")) <= playing]
    return Group(
        "band", description, _lines([{n: side[n] for n in kept} for side in sides] if len(playing) > 1 else [])
    )


def _distances(evaluation: Evaluation) -> Group:
    encoded = " in the model's encoding" if evaluation.encoded else ""
    description = (
        f"How the distances among the samples agree with those from samples to human pieces{encoded} (Yang and "
        "Lerch, 2018): overlap 1 and divergence 0 is wholly. Under human, as many training pieces are the samples."
    )
    lines = [TableLine(name, *map(_agreement, both)) for name, both in evaluation.agreements.items()]
    return Group("distances: overlap, divergence", description, tuple(lines))


def _copying(evaluation: Evaluation) -> Group:
    description = (
        f"What is in the training pieces, in any transposition: the share of windows of {WINDOW} sixteenths, "
        f"and the longest run, in sixteenths; 95 of 100 human pieces stay within {evaluation.p95_run}. People quote, "
        "too; more than they do is copying."
    )
    lines = [
        _line(evaluation, "copied_share", lambda side: _spread(side.copied_share)),
        _line(evaluation, "longest_copied", lambda side: _spread(side.longest_copied)),
        _line(evaluation, "longest_copied, maximum", lambda side: _maximum(side.longest_copied)),
        _line(
            evaluation,
            "longer than 95% of human runs",
            lambda side: _share(mean(side.longest_copied > evaluation.p95_run)),
        ),
    ]
    return Group("copying", description, tuple(lines))


def _collapse(evaluation: Evaluation) -> Group:
    description = (
        "variety is the mean distance of two pieces, 0 to 1. near_duplicates and loops are shares of the pieces: "
        "of those that are nearly the same as another one, and of those whose end repeats over and over."
    )
    lines = [
        _line(evaluation, "variety", lambda side: _number(side.variety if len(side) > 1 else None)),
        _line(evaluation, "near_duplicates", lambda side: _share(side.near_duplicates if len(side) > 1 else math.nan)),
        _line(evaluation, "loops", lambda side: _share(mean(side.loops))),
    ]
    return Group("collapse", description, tuple(lines))


def _line(evaluation: Evaluation, name: str, cell: Callable[[Measures], str]) -> TableLine:
    return TableLine(name, *map(cell, evaluation.sides.values()))


_NONE = np.full(1, np.nan)
_LIKELIHOOD = {
    "nats per {}": lambda of: of.nats,
    "nats per note": lambda of: of.amount.per_note(of.nats),
    "nats per second": lambda of: of.amount.per_second(of.nats),
    "perplexity": lambda of: of.perplexity,
    "accuracy": lambda of: of.accuracy,
}


def _lines(sides: Sequence[Mapping[str, np.ndarray]]) -> tuple[TableLine, ...]:
    """A line for each number that any piece has."""
    lines = []
    for name in sides[0] if sides else ():
        columns = [side.get(name, _NONE) for side in sides]
        if not all(np.isnan(values).all() for values in columns):
            lines.append(TableLine(name, *map(_spread, columns)))
    return tuple(lines)


def _spread(values: np.ndarray) -> str:
    """mean ± standard deviation; of one piece its number alone."""
    spread = moments(values)
    if spread["pieces"] == 1:
        return f"{spread['mean']:.3f}"
    return f"{spread['mean']:.3f} ± {spread['deviation']:.3f}" if spread["pieces"] else ""


def _number(value: float | None) -> str:
    return "" if value is None or math.isnan(value) else f"{value:,.3f}"


def _share(value: float) -> str:
    return "" if math.isnan(value) else f"{value:.1%}"


def _maximum(values: np.ndarray) -> str:
    return f"{values.max():.0f}" if len(values) else ""


def _agreement(agreement: Agreement | None) -> str:
    return "" if agreement is None else f"{agreement.overlap:.3f}, {agreement.divergence:.3f}"


def moments(values: np.ndarray) -> dict[str, Any]:
    """Mean, standard deviation and how many pieces have the number; nan for those that have not."""
    known = values[~np.isnan(values)]
    if not len(known):
        return {"mean": None, "deviation": None, "pieces": 0}
    return {"mean": float(known.mean()), "deviation": float(known.std()), "pieces": len(known)}


def mean(values: np.ndarray) -> float:
    """nan for nothing."""
    return float(values.mean()) if len(values) else math.nan
