"""The result of an evaluation: all that was measured of the samples and of human pieces, and as JSON. The names are
public: they are keys of the JSON. Without TensorFlow.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from musictool.evaluation.copies import CopySource
from musictool.evaluation.reconstruction import Reconstruction
from musictool.evaluation.reference import Measures
from musictool.evaluation.table import Group, groups_of, mean, moments
from musictool.metrics.distributions import Agreement, compare_distances
from musictool.metrics.told_apart import BARS, MIN_PIECES, ToldApart

if TYPE_CHECKING:
    from musictool.evaluation.likelihood import Likelihood


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
        return groups_of(self)

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

    @cached_property
    def agreements(self) -> dict[str, tuple[Agreement | None, Agreement | None]]:
        """For each feature: the samples' with the human pieces, and the training pieces' with them."""
        agreements = {}
        for name, values in self.reference.distribution.items():
            samples, training = (side.distribution.get(name, values[:0]) for side in (self.samples, self.training))
            agreements[name] = compare_distances(samples, values), compare_distances(training, values)
        return agreements

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
                "loops": _known(mean(side.loops)),
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


def _spreads(sides: Mapping[str, Mapping[str, np.ndarray]]) -> dict[str, Any]:
    """name -> side -> mean, standard deviation and how many pieces have the number."""
    names = dict.fromkeys(name for side in sides.values() for name in side)
    return {
        name: {side: moments(values[name]) if name in values else None for side, values in sides.items()}
        for name in names
    }


def _known(value: float) -> float | None:
    return None if math.isnan(value) else float(value)


def _parts(agreement: Agreement | None) -> dict[str, float] | None:
    return None if agreement is None else vars(agreement)
