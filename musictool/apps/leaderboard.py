"""The result of a comparison: a row per arch and baseline, as a table or a file. Without TensorFlow."""

from __future__ import annotations

import csv
import io
import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from musictool.atomic import replacing
from musictool.errors import BadOption
from musictool.metrics.units import Amount
from musictool.registry import ENCODINGS

STRONGEST_BASELINE = "markov"  # an arch that counts n-grams; a network should beat it
SUFFIXES = (".md", ".json", ".csv")


@dataclass(frozen=True)
class Ranked:
    """A row of the leaderboard.

    Attributes:
        name: of the arch or the baseline.
        nats: validation nats per row; None for an arch that failed.
        per_note, per_second: nats per note and per second of the validation pieces.
        rows_per_second: in training; None for a baseline.
        parameters: of the networks; None for a baseline.
        minutes: of training steps, without validation; None for a baseline.
        model: its name; "" for a baseline.
        failure: why there is no model.
    """

    name: str
    nats: float | None
    per_note: float | None = None
    per_second: float | None = None
    rows_per_second: int | None = None
    parameters: int | None = None
    minutes: float | None = None
    model: str = ""
    failure: str = ""


@dataclass(frozen=True)
class Leaderboard:
    """The result of a comparison.

    Attributes:
        corpus, encoding, minutes, seed: of all runs.
        amount: of validation music.
        entries: archs and baselines, the best first, failures last.
    """

    corpus: str
    encoding: str
    minutes: float
    seed: int
    amount: Amount
    entries: tuple[Ranked, ...]

    @property
    def unbeaten_by(self) -> list[str]:
        """The trained archs that do not beat markov, or the best baseline if markov is not among them."""
        trained = [entry for entry in self.entries if entry.model and entry.nats is not None]
        others = [entry for entry in self.entries if not entry.model and entry.nats is not None]
        baselines = [entry for entry in trained if entry.name == STRONGEST_BASELINE] or others
        lowest = min((float(entry.nats or 0) for entry in baselines), default=float("inf"))
        networks = [entry for entry in trained if entry.name != STRONGEST_BASELINE]
        return [entry.name for entry in networks if entry.nats is not None and entry.nats >= lowest]

    def to_json(self) -> dict[str, Any]:
        """JSON-able."""
        return {**asdict(self), "entries": [asdict(entry) for entry in self.entries], "unbeaten_by": self.unbeaten_by}

    def table(self) -> list[tuple[str, ...]]:
        """The heading and a line per entry, as text."""
        unit = "token" if ENCODINGS.get(self.encoding).kind == "tokens" else "step"
        heading = ("", f"nats per {unit}", "nats per note", "nats per second", f"{unit}s/s", "parameters", "minutes")
        return [heading, *(_line(entry) for entry in self.entries)]

    def write(self, path: Path) -> None:
        """Write the table as Markdown, JSON or CSV, by the suffix of the path. Raises BadOption for another."""
        check_suffix(path)
        text = {".md": self._markdown, ".json": self._json, ".csv": self._csv}[path.suffix.lower()]()
        path.parent.mkdir(parents=True, exist_ok=True)
        with replacing(path) as partial:
            partial.write_text(text, encoding="utf-8")

    def _markdown(self) -> str:
        heading, *lines = self.table()
        rows = [heading, ("---",) * len(heading), *lines]
        return "".join("| " + " | ".join(row) + " |\n" for row in rows)

    def _json(self) -> str:
        return json.dumps(self.to_json(), indent=1) + "\n"

    def _csv(self) -> str:
        text, rows = io.StringIO(), [asdict(entry) for entry in self.entries]
        writer = csv.DictWriter(text, fieldnames=list(rows[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
        return text.getvalue()


def check_suffix(path: Path) -> None:
    """Raises BadOption for a path with another suffix than SUFFIXES."""
    if path.suffix.lower() not in SUFFIXES:
        raise BadOption(f"--out {path}: a table ends with one of {' '.join(SUFFIXES)}")


def _line(entry: Ranked) -> tuple[str, ...]:
    if entry.nats is None:
        return (entry.name, "failed", "", "", "", "", "")
    nats = tuple("" if value is None else f"{value:.3f}" for value in (entry.nats, entry.per_note, entry.per_second))
    counts = tuple("" if value is None else f"{value:,}" for value in (entry.rows_per_second, entry.parameters))
    return (entry.name, *nats, *counts, "" if entry.minutes is None else f"{entry.minutes:.1f}")
