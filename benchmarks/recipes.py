"""Train a recipe for real, and keep what docs/recipes.md shows of it: a curve, figures, music.

    python benchmarks/recipes.py skuli-lstm --corpus piano --minutes 10 --out results/skuli-lstm
    python benchmarks/recipes.py musicautobot --corpus band --set layers=4 --set width=128 --batch-size 8 --out ...

The corpus must have been prepared. Into --out go history.csv (a row an epoch), curve.csv (the training loss every few
seconds, since an epoch of a large recipe may be longer than the whole run), result.json, song.mid and song.png. The
docs are made of them by docs/recipe_results.py.
"""

from __future__ import annotations

import argparse
import csv
import json
import os
import shutil
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

BARS = 16  # of the song that are drawn
LENGTH = {"tokens": 400, "frames": 256, "segments": 512}  # tokens or time steps of the song


def main() -> None:
    """Train, write, draw."""
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("recipe")
    arguments.add_argument("--corpus", required=True)
    arguments.add_argument("--minutes", type=float, default=10)
    arguments.add_argument("--seed", type=int, default=1)
    arguments.add_argument("--set", action="append", default=[], dest="settings", help="before what the recipe says")
    arguments.add_argument("--batch-size", type=int)
    arguments.add_argument("--out", type=Path, required=True)
    given = arguments.parse_args()
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    given.out.mkdir(parents=True, exist_ok=True)

    from musictool.training.reporter import Reporter, RunFacts
    from musictool.training.train import train

    class Curve(Reporter):
        """Keeps (seconds, steps, mean loss since the last line, epoch)."""

        def __init__(self) -> None:
            self.rows: list[tuple[float, int, float, int]] = []
            self.steps, self.epoch, self.before, self.began = 0, 0, (0, 0.0), time.monotonic()

        def run_begins(self, facts: RunFacts) -> None:
            self.began = time.monotonic()
            print(facts, flush=True)

        def epoch_begins(self, epoch: int, step: int, steps: int) -> None:
            self.epoch, self.before = epoch, (0, 0.0)

        def progress(self, step: int, loss: float, rows_per_second: float) -> None:
            done, sum_before = self.before
            if step > done:
                self.steps += step - done
                mean = (loss * step - sum_before) / (step - done)
                self.rows.append((round(time.monotonic() - self.began, 1), self.steps, round(mean, 4), self.epoch))
                self.before = (step, loss * step)

        def epoch_ends(self, row: dict[str, Any], is_best: bool) -> None:
            print(row, flush=True)

    curve = Curve()
    name = f"recipe-{given.out.name}"
    trained = train(
        given.corpus,
        name=name,
        resume=False,
        reporter=curve,
        recipe=given.recipe,
        settings=tuple(given.settings),
        batch_size=given.batch_size,
        max_minutes=given.minutes,
        seed=given.seed,
    )
    with open(given.out / "curve.csv", "w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(("seconds", "steps", "loss", "epoch"))
        writer.writerows(curve.rows)
    history = trained.model.folder / "history.csv"
    if history.exists():
        shutil.copy(history, given.out / "history.csv")
    result = described(trained, given, curve.rows)
    (given.out / "result.json").write_text(json.dumps(result, indent=1), encoding="utf-8")
    print(json.dumps(result, indent=1), flush=True)
    result["song"] = draw(trained.model, given)
    (given.out / "result.json").write_text(json.dumps(result, indent=1), encoding="utf-8")


def described(trained: Any, given: Any, rows: list[tuple[float, int, float, int]]) -> dict[str, Any]:
    """What docs/recipes.md says of the run."""
    info = trained.model.info
    return {
        "recipe": given.recipe,
        "changed": [*given.settings, *([f"--batch-size {given.batch_size}"] if given.batch_size else [])],
        "corpus": given.corpus,
        "minutes": given.minutes,
        "seed": given.seed,
        "ended": trained.reason,
        "val_loss": trained.loss,
        "val_accuracy": info["metrics"].get("val_accuracy"),
        "best_epoch": info["metrics"].get("best_epoch"),
        "baselines": trained.baselines,
        "parameters": info["metrics"]["parameters"],
        "unit": getattr(trained.model.spec, "unit", "token"),
        "steps": rows[-1][1] if rows else 0,
        "seconds": rows[-1][0] if rows else 0,
        "settings": info["training"]["settings"],
        "arch": info["arch"],
        "encoding": info["encoding"],
        "provenance": {key: info["provenance"].get(key) for key in ("keras", "tensorflow", "device")},
    }


def draw(model: Any, given: Any) -> dict[str, Any]:
    """song.mid, and its beginning as a picture; returns what is in it."""
    from musictool.generation.request import Request
    from musictool.generation.sample import sample
    from musictool.sampling.sampler import Sampler
    from musictool.training import recipe
    from musictool.writing import write

    defaults = recipe.get(given.recipe).sample
    sampler = Sampler(**{key: defaults[key] for key in ("temperature", "top_k", "top_p") if key in defaults})
    (score,) = sample(model, Request(length=LENGTH[model.spec.kind], sampler=sampler, seed=given.seed))
    write(score, given.out / "song.mid")
    onsets = score.bar_onsets_ticks()
    end = int(onsets[BARS]) if len(onsets) > BARS else score.end_ticks
    write(replace(score.until(end), title=f"{given.recipe}, {given.minutes:g} minutes"), given.out / "song.png")
    return {"notes": len(score.notes), "bars": score.bars, "seconds": round(score.seconds, 1)}


if __name__ == "__main__":
    main()
