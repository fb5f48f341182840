"""What came of judging a model or some files: one table, samples beside human pieces. Without TensorFlow.

A line of the table is a name and a cell for each side: the samples; the human pieces; and, where a model is judged, the
human pieces as its encoding tells them, which is the nearest that it could come. The names are public: they stand in
the JSON.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from musictool.evaluation.copies import Source
from musictool.evaluation.measures import Measures
from musictool.evaluation.reconstruction import Reconstruction
from musictool.metrics.copying import WINDOW
from musictool.metrics.distributions import Agreement, compared

if TYPE_CHECKING:
    from musictool.evaluation.likelihood import Likelihood

SIDES = ("samples", "human", "encoded")


@dataclass(frozen=True)
class Line:
    """A line of the table.

    Attributes:
        name: as in the JSON, or of a likelihood in words.
        samples, human, encoded: the cells; "" where there is nothing to say.
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
        words: what the numbers are and how to read them, a sentence or two.
        lines: at least one.
    """

    name: str
    words: str
    lines: tuple[Line, ...]


@dataclass(frozen=True)
class Evaluation:
    """What came of it.

    Attributes:
        title: what was judged.
        facts: about it, JSON-able.
        samples: the measures of the samples, or of the files.
        human: those of the corpus's validation pieces, cut to the samples' length.
        encoded: of the same as the model's encoding tells them; None without a model.
        training: of as many training pieces, told in the same way, which show how human sets differ; without copies.
        sources: where the longest run of each sample stands; None for none.
        usual_run: sixteenths that 95 of 100 human pieces copy no more than in a run.
        likelihoods: of the validation pieces ("human"), of the samples and of each baseline, by name; empty without a
            model, or if it has no likelihood.
        reconstruction: what comes back of the human pieces; None without a model, or if it knows no latents.
    """

    title: str
    facts: Mapping[str, Any]
    samples: Measures
    human: Measures
    encoded: Measures | None
    training: Measures
    sources: tuple[Source | None, ...]
    usual_run: int
    likelihoods: Mapping[str, Likelihood]
    reconstruction: Reconstruction | None = None

    @cached_property
    def groups(self) -> list[Group]:
        """The table, group by group."""
        found = [
            self._likelihood(),
            self._reconstruction(),
            self._musical(),
            self._band(),
            self._distances(),
            self._copying(),
            self._collapse(),
        ]
        return [group for group in found if group.lines]

    def table(self) -> list[tuple[str, ...]]:
        """The heading and the lines, as text; a line with nothing but a name begins a group."""
        width = 1 + len(self.sides)
        rows: list[tuple[str, ...]] = [("", *self.sides)]
        for group in self.groups:
            lines = ((f"  {x.name}", x.samples, x.human, x.encoded)[:width] for x in group.lines)
            rows += [("",) * width, (group.name, *("",) * (width - 1)), *lines]
        return rows

    @cached_property
    def sides(self) -> dict[str, Measures]:
        """The measures of each column, by its heading."""
        found = {"samples": self.samples, "human": self.human}
        return found if self.encoded is None else {**found, "encoded": self.encoded}

    @property
    def reference(self) -> Measures:
        """What the samples could be like: the human pieces, as the model's encoding tells them if there is one."""
        return self.human if self.encoded is None else self.encoded

    def copies(self) -> list[tuple[str, Source]]:
        """(name of the sample, where it stands) of the samples with a run longer than is usual, the longest first."""
        named = zip(self.samples.names, self.sources, strict=True)
        found = [(name, source) for name, source in named if source is not None and source.steps > self.usual_run]
        return sorted(found, key=lambda each: -each[1].steps)

    def remarks(self) -> list[str]:
        """Why cells are empty that could be expected to hold a number, a sentence each."""
        found = []
        if len(self.samples) == 1:
            found.append("One piece has no spread (±), no distances to others of its kind, and no variety.")
        if self.encoded is None:
            found.append("Likelihood needs a model: musictool score says it of files.")
        return found

    def _likelihood(self) -> Group:
        words = "Nats are how unlikely the model found what came: less is likelier. Baselines learn next to nothing."
        found = dict(self.likelihoods)
        samples, human = found.pop("samples", None), found.pop("human", None)
        unit = human.unit if human else "row"
        lines = [
            Line(name.format(unit), *(_number(None if each is None else value(each)) for each in (samples, human)))
            for name, value in _LIKELIHOOD.items()
        ]
        for baseline, each in found.items():
            lines.append(Line(f"{baseline}, nats a {unit}", human=_number(each.nats)))
        return Group("likelihood", words, tuple(line for line in lines if line.samples or line.human))

    def _reconstruction(self) -> Group:
        words = (
            "The notes of human pieces that come back from the model's latents, right in pitch and beginning, and how "
            "many numbers of each latent differ from segment to segment (variance over 0.01). More is better."
        )
        found = [] if self.reconstruction is None else self.reconstruction.lines()
        return Group("reconstruction", words, tuple(Line(name, human=cell) for name, cell in found))

    def _musical(self) -> Group:
        words = "muspy's names and definitions: mean ± standard deviation of the pieces. Near the human pieces is good."
        return Group("musical features", words, _lines([side.musical for side in self.sides.values()]))

    def _band(self) -> Group:
        """Of the instruments that play in any piece, if there are two."""
        words = "MuseGAN's numbers of each instrument, bar by bar. Near the human pieces is good."
        sides = [side.band for side in self.sides.values()]
        playing = {
            name.split(":")[1]
            for name in self.samples.band
            if name.startswith("empty_bars:") and any((side[name] < 1).any() for side in sides)
        }
        kept = [name for name in self.samples.band if set(name.split(":")[1].split("-")) <= playing]
        return Group("band", words, _lines([{n: side[n] for n in kept} for side in sides] if len(playing) > 1 else []))

    def _distances(self) -> Group:
        told = " as the model's encoding tells them" if self.encoded else ""
        words = (
            f"How the distances among the samples agree with those from samples to human pieces{told} (Yang and Lerch, "
            "2018): overlap 1 and divergence 0 is wholly. Under human, as many training pieces stand for the samples."
        )
        lines = [Line(name, *map(_agreement, both)) for name, both in self.agreements.items()]
        return Group("distances: overlap, divergence", words, tuple(lines))

    @cached_property
    def agreements(self) -> dict[str, tuple[Agreement | None, Agreement | None]]:
        """For each feature: the samples' with the human pieces, and the training pieces' with them."""
        found = {}
        for name, values in self.reference.distribution.items():
            ours, others = (side.distribution.get(name, values[:0]) for side in (self.samples, self.training))
            found[name] = compared(ours, values), compared(others, values)
        return found

    def _copying(self) -> Group:
        words = (
            f"What stands in the training pieces, in any transposition: the share of windows of {WINDOW} sixteenths, "
            f"and the longest run, in sixteenths; 95 of 100 human pieces stay within {self.usual_run}. People quote, "
            "too; more than they do is copying."
        )
        lines = [
            self._line("copied_share", lambda side: _spread(side.copied_share)),
            self._line("longest_copied", lambda side: _spread(side.longest_copied)),
            self._line("longest_copied, most", lambda side: _most(side.longest_copied)),
            self._line("longer than is usual", lambda side: _share(_mean(side.longest_copied > self.usual_run))),
        ]
        return Group("copying", words, tuple(lines))

    def _collapse(self) -> Group:
        words = (
            "variety is the mean distance of two pieces, 0 to 1. near_duplicates and loops are shares of the pieces: "
            "of those that are nearly the same as another one, and of those whose end repeats over and over."
        )
        lines = [
            self._line("variety", lambda side: _number(side.variety if len(side) > 1 else None)),
            self._line("near_duplicates", lambda side: _share(side.near_duplicates if len(side) > 1 else math.nan)),
            self._line("loops", lambda side: _share(_mean(side.loops))),
        ]
        return Group("collapse", words, tuple(lines))

    def _line(self, name: str, cell: Callable[[Measures], str]) -> Line:
        return Line(name, *map(cell, self.sides.values()))

    def to_json(self) -> dict[str, Any]:
        """JSON-able; what is no number is null."""
        agreements = {
            name: {"samples": _parts(ours), "training": _parts(others)}
            for name, (ours, others) in self.agreements.items()
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
            "likelihood": {name: each.to_json() for name, each in self.likelihoods.items()},
            "reconstruction": None if self.reconstruction is None else self.reconstruction.to_json(),
            "features": _spreads({name: side.musical for name, side in self.sides.items()}),
            "band": _spreads({name: side.band for name, side in self.sides.items()}),
            "distances": agreements,
            "copying": {"usual_run": self.usual_run, **_spreads(copying)},
            "collapse": collapse,
            "pieces": {name: list(self._pieces(side)) for name, side in self.sides.items()},
        }

    def _pieces(self, side: Measures) -> Iterator[dict[str, Any]]:
        """A line a piece."""
        for i, name in enumerate(side.names):
            found = {feature: _known(values[i]) for feature, values in (side.musical | side.band).items()}
            copied = {"share": _known(side.copied_share[i]), "longest": int(side.longest_copied[i])}
            source = self.sources[i] if side is self.samples else None
            if source is not None:
                copied |= vars(source)
            yield {"piece": name, "notes": len(side.scores[i].notes), **found, "copied": copied}


_NONE = np.full(1, np.nan)
_LIKELIHOOD = {
    "nats a {}": lambda x: x.nats,
    "nats a note": lambda x: x.amount.per_note(x.nats),
    "nats a second": lambda x: x.amount.per_second(x.nats),
    "perplexity": lambda x: x.perplexity,
    "accuracy": lambda x: x.accuracy,
}


def _lines(sides: Sequence[Mapping[str, np.ndarray]]) -> tuple[Line, ...]:
    """A line for each number that any piece has."""
    found = []
    for name in sides[0] if sides else ():
        values = [side.get(name, _NONE) for side in sides]
        if not all(np.isnan(each).all() for each in values):
            found.append(Line(name, *map(_spread, values)))
    return tuple(found)


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
    found = _moments(values)
    if found["pieces"] == 1:
        return f"{found['mean']:.3f}"
    return f"{found['mean']:.3f} ± {found['deviation']:.3f}" if found["pieces"] else ""


def _number(value: float | None) -> str:
    return "" if value is None or math.isnan(value) else f"{value:,.3f}"


def _share(value: float) -> str:
    return "" if math.isnan(value) else f"{value:.1%}"


def _mean(values: np.ndarray) -> float:
    return float(values.mean()) if len(values) else math.nan


def _parts(found: Agreement | None) -> dict[str, float] | None:
    return None if found is None else {"overlap": found.overlap, "divergence": found.divergence}


def _most(values: np.ndarray) -> str:
    return f"{values.max():.0f}" if len(values) else ""


def _agreement(found: Agreement | None) -> str:
    return "" if found is None else f"{found.overlap:.3f}, {found.divergence:.3f}"
