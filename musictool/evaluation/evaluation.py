"""The result of an evaluation as one table, samples beside human pieces, and as JSON. Without TensorFlow.

A line of the table is a name and a cell for each side: the samples; the human pieces; and, for a model, the human
pieces encoded and decoded, the nearest that it could come. The names are public: they are keys of the JSON.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from musictool.evaluation.copies import CopySource
from musictool.evaluation.reconstruction import Reconstruction
from musictool.evaluation.reference import Measures
from musictool.metrics.copying import WINDOW
from musictool.metrics.distributions import Agreement, compare_distances
from musictool.metrics.told_apart import BARS, MIN_PIECES, ToldApart

if TYPE_CHECKING:
    from musictool.evaluation.likelihood import Likelihood

SIDES = ("samples", "human", "encoded")


@dataclass(frozen=True)
class Line:
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
    lines: tuple[Line, ...]


@dataclass(frozen=True)
class Evaluation:
    """Everything that was measured.

    Attributes:
        title: what was measured.
        facts: about it, JSON-able.
        samples: the measures of the samples, or of the files.
        human: those of the corpus's validation pieces, cut to the samples' length.
        encoded: of the same, encoded and decoded by the model's encoding; None without a model.
        training: of as many training pieces, encoded likewise, which show how human sets differ; without copies.
        sources: where the longest run of each sample comes from; None for no copy.
        p95_run: sixteenths, the 95th percentile of the longest copied runs of human pieces.
        likelihoods: of the validation pieces ("human"), of the samples and of each baseline, by name; empty without a
            model, or if it has no likelihood.
        reconstruction: of the human pieces from their latents; None without a model, or if it has no latents.
        told_apart: the samples from human pieces ("samples"), and the human pieces encoded and decoded from the same
            as they were ("encoded"), which is not there without a model.
    """

    title: str
    facts: Mapping[str, Any]
    samples: Measures
    human: Measures
    encoded: Measures | None
    training: Measures
    sources: tuple[CopySource | None, ...]
    p95_run: int
    likelihoods: Mapping[str, Likelihood]
    reconstruction: Reconstruction | None = None
    told_apart: Mapping[str, ToldApart] = field(default_factory=dict)

    @cached_property
    def groups(self) -> list[Group]:
        """The table, group by group."""
        groups = [
            self._told_apart(),
            self._likelihood(),
            self._reconstruction(),
            self._musical(),
            self._band(),
            self._distances(),
            self._copying(),
            self._collapse(),
        ]
        return [group for group in groups if group.lines]

    def table(self) -> list[tuple[str, ...]]:
        """The heading and the lines, as text; a line with only a name begins a group."""
        width = 1 + len(self.sides)
        rows: list[tuple[str, ...]] = [("", *self.sides)]
        for group in self.groups:
            lines = ((f"  {line.name}", line.samples, line.human, line.encoded)[:width] for line in group.lines)
            rows += [("",) * width, (group.name, *("",) * (width - 1)), *lines]
        return rows

    @cached_property
    def sides(self) -> dict[str, Measures]:
        """The measures of each column, by its heading."""
        sides = {"samples": self.samples, "human": self.human}
        return sides if self.encoded is None else {**sides, "encoded": self.encoded}

    @property
    def reference(self) -> Measures:
        """What the samples are compared with: the human pieces, encoded and decoded if there is a model."""
        return self.human if self.encoded is None else self.encoded

    def copies(self) -> list[tuple[str, CopySource]]:
        """(name, source) of each sample whose longest run is beyond `p95_run`, the longest first."""
        named = zip(self.samples.names, self.sources, strict=True)
        copies = [(name, source) for name, source in named if source is not None and source.steps > self.p95_run]
        return sorted(copies, key=lambda copy: -copy[1].steps)

    def remarks(self) -> list[str]:
        """Why cells are empty that a reader expects a number in, a sentence each."""
        remarks = []
        if len(self.samples) == 1:
            remarks.append("One piece has no spread (±), no distances to others of its kind, and no variety.")
        if (apart := self.told_apart.get("samples")) and (
            missing := [bars for bars in BARS if bars not in apart.samples]
        ):
            lengths = " or ".join(map(str, missing))
            remarks.append(
                f"To be told apart by {lengths} bars, {MIN_PIECES} pieces of either side must have as many whole ones."
            )
        if self.encoded is None:
            remarks.append("Likelihood needs a model: musictool score gives it for files.")
        return remarks

    def giveaways(self) -> list[str]:
        """What gave the samples away most, a sentence each."""
        return [fact.text for fact in self.told_apart["samples"].facts] if self.told_apart else []

    def _told_apart(self) -> Group:
        description = (
            "How surely a classifier that hears one bar, two, four or eight tells the pieces from human ones, none of "
            "which it has learnt from: 0.5 is by guessing, 1 always (area under the ROC curve, 95% interval). Under "
            "human, it tells halves of the human pieces apart, which is what chance gives, with its range."
        )
        halves = self.told_apart["samples"].halves if self.told_apart else {}
        columns = [
            {bars: str(auc) for bars, auc in self.told_apart[side].samples.items()} if side in self.told_apart else {}
            for side in ("samples", "encoded")
        ]
        columns.insert(1, {bars: "{:.3f} ({:.2f} to {:.2f})".format(*values) for bars, values in halves.items()})
        lines = [
            Line(f"{bars} bar{'s' * (bars > 1)}", *(column.get(bars, "") for column in columns))
            for bars in BARS
            if any(bars in column for column in columns)
        ]
        return Group("told apart", description, tuple(lines))

    def _likelihood(self) -> Group:
        description = "Nats are the negative log-likelihood: less is likelier. Baselines are simple counts."
        likelihoods = dict(self.likelihoods)
        samples, human = likelihoods.pop("samples", None), likelihoods.pop("human", None)
        unit = human.spec.unit if human else "row"
        lines = [
            Line(name.format(unit), *(_number(None if side is None else value(side)) for side in (samples, human)))
            for name, value in _LIKELIHOOD.items()
        ]
        for name, baseline in likelihoods.items():
            lines.append(Line(f"{name}, nats per {unit}", human=_number(baseline.nats)))
        return Group("likelihood", description, tuple(line for line in lines if line.samples or line.human))

    def _reconstruction(self) -> Group:
        description = (
            "The notes of human pieces that are decoded from their latents with the right pitch and onset, and how "
            "many numbers of each latent differ from segment to segment (variance over 0.01). More is better."
        )
        cells = [] if self.reconstruction is None else self.reconstruction.lines()
        return Group("reconstruction", description, tuple(Line(name, human=cell) for name, cell in cells))

    def _musical(self) -> Group:
        description = "As muspy defines them: mean ± standard deviation of the pieces. Near the human pieces is good."
        return Group("musical features", description, _lines([side.musical for side in self.sides.values()]))

    def _band(self) -> Group:
        """Of the instruments that play in any piece, if there are two."""
        description = "MuseGAN's numbers of each instrument, bar by bar. Near the human pieces is good."
        sides = [side.band for side in self.sides.values()]
        playing = {
            name.split(":")[1]
            for name in self.samples.band
            if name.startswith("empty_bars:") and any((side[name] < 1).any() for side in sides)
        }
        kept = [name for name in self.samples.band if set(name.split(":")[1].split("-")) <= playing]
        return Group(
            "band", description, _lines([{n: side[n] for n in kept} for side in sides] if len(playing) > 1 else [])
        )

    def _distances(self) -> Group:
        encoded = " in the model's encoding" if self.encoded else ""
        description = (
            f"How the distances among the samples agree with those from samples to human pieces{encoded} (Yang and "
            "Lerch, 2018): overlap 1 and divergence 0 is wholly. Under human, as many training pieces are the samples."
        )
        lines = [Line(name, *map(_agreement, both)) for name, both in self.agreements.items()]
        return Group("distances: overlap, divergence", description, tuple(lines))

    @cached_property
    def agreements(self) -> dict[str, tuple[Agreement | None, Agreement | None]]:
        """For each feature: the samples' with the human pieces, and the training pieces' with them."""
        agreements = {}
        for name, values in self.reference.distribution.items():
            samples, training = (side.distribution.get(name, values[:0]) for side in (self.samples, self.training))
            agreements[name] = compare_distances(samples, values), compare_distances(training, values)
        return agreements

    def _copying(self) -> Group:
        description = (
            f"What is in the training pieces, in any transposition: the share of windows of {WINDOW} sixteenths, "
            f"and the longest run, in sixteenths; 95 of 100 human pieces stay within {self.p95_run}. People quote, "
            "too; more than they do is copying."
        )
        lines = [
            self._line("copied_share", lambda side: _spread(side.copied_share)),
            self._line("longest_copied", lambda side: _spread(side.longest_copied)),
            self._line("longest_copied, maximum", lambda side: _maximum(side.longest_copied)),
            self._line("longer than 95% of human runs", lambda side: _share(_mean(side.longest_copied > self.p95_run))),
        ]
        return Group("copying", description, tuple(lines))

    def _collapse(self) -> Group:
        description = (
            "variety is the mean distance of two pieces, 0 to 1. near_duplicates and loops are shares of the pieces: "
            "of those that are nearly the same as another one, and of those whose end repeats over and over."
        )
        lines = [
            self._line("variety", lambda side: _number(side.variety if len(side) > 1 else None)),
            self._line("near_duplicates", lambda side: _share(side.near_duplicates if len(side) > 1 else math.nan)),
            self._line("loops", lambda side: _share(_mean(side.loops))),
        ]
        return Group("collapse", description, tuple(lines))

    def _line(self, name: str, cell: Callable[[Measures], str]) -> Line:
        return Line(name, *map(cell, self.sides.values()))

    def to_json(self) -> dict[str, Any]:
        """JSON-able; nan is null."""
        agreements = {
            name: {"samples": _parts(samples), "training": _parts(training)}
            for name, (samples, training) in self.agreements.items()
        }
        copying = {
            name: {"share": side.copied_share, "longest": side.longest_copied} for name, side in self.sides.items()
        }
        collapse = {
            name: {
                "variety": side.variety,
                "near_duplicates": side.near_duplicates,
                "loops": _known(_mean(side.loops)),
            }
            for name, side in self.sides.items()
        }
        return {
            **self.facts,
            "told_apart": {side: apart.to_json() for side, apart in self.told_apart.items()},
            "likelihood": {name: likelihood.to_json() for name, likelihood in self.likelihoods.items()},
            "reconstruction": None if self.reconstruction is None else self.reconstruction.to_json(),
            "features": _spreads({name: side.musical for name, side in self.sides.items()}),
            "band": _spreads({name: side.band for name, side in self.sides.items()}),
            "distances": agreements,
            "copying": {"usual_run": self.p95_run, **_spreads(copying)},
            "collapse": collapse,
            "pieces": {name: list(self._pieces(side)) for name, side in self.sides.items()},
        }

    def _pieces(self, side: Measures) -> Iterator[dict[str, Any]]:
        """An object for each piece."""
        for i, name in enumerate(side.names):
            features = {feature: _known(values[i]) for feature, values in (side.musical | side.band).items()}
            copied = {"share": _known(side.copied_share[i]), "longest": int(side.longest_copied[i])}
            source = self.sources[i] if side is self.samples else None
            if source is not None:
                copied |= vars(source)
            yield {"piece": name, "notes": len(side.scores[i].notes), **features, "copied": copied}


_NONE = np.full(1, np.nan)
_LIKELIHOOD = {
    "nats per {}": lambda of: of.nats,
    "nats per note": lambda of: of.amount.per_note(of.nats),
    "nats per second": lambda of: of.amount.per_second(of.nats),
    "perplexity": lambda of: of.perplexity,
    "accuracy": lambda of: of.accuracy,
}


def _lines(sides: Sequence[Mapping[str, np.ndarray]]) -> tuple[Line, ...]:
    """A line for each number that any piece has."""
    lines = []
    for name in sides[0] if sides else ():
        columns = [side.get(name, _NONE) for side in sides]
        if not all(np.isnan(values).all() for values in columns):
            lines.append(Line(name, *map(_spread, columns)))
    return tuple(lines)


def _spreads(sides: Mapping[str, Mapping[str, np.ndarray]]) -> dict[str, Any]:
    """name -> side -> mean, standard deviation and how many pieces have the number."""
    names = dict.fromkeys(name for side in sides.values() for name in side)
    return {
        name: {side: _moments(values[name]) if name in values else None for side, values in sides.items()}
        for name in names
    }


def _moments(values: np.ndarray) -> dict[str, Any]:
    known = values[~np.isnan(values)]
    if not len(known):
        return {"mean": None, "deviation": None, "pieces": 0}
    return {"mean": float(known.mean()), "deviation": float(known.std()), "pieces": len(known)}


def _known(value: float) -> float | None:
    return None if math.isnan(value) else float(value)


def _spread(values: np.ndarray) -> str:
    """mean ± standard deviation; of one piece its number alone."""
    moments = _moments(values)
    if moments["pieces"] == 1:
        return f"{moments['mean']:.3f}"
    return f"{moments['mean']:.3f} ± {moments['deviation']:.3f}" if moments["pieces"] else ""


def _number(value: float | None) -> str:
    return "" if value is None or math.isnan(value) else f"{value:,.3f}"


def _share(value: float) -> str:
    return "" if math.isnan(value) else f"{value:.1%}"


def _mean(values: np.ndarray) -> float:
    return float(values.mean()) if len(values) else math.nan


def _parts(agreement: Agreement | None) -> dict[str, float] | None:
    return None if agreement is None else vars(agreement)


def _maximum(values: np.ndarray) -> str:
    return f"{values.max():.0f}" if len(values) else ""


def _agreement(agreement: Agreement | None) -> str:
    return "" if agreement is None else f"{agreement.overlap:.3f}, {agreement.divergence:.3f}"
