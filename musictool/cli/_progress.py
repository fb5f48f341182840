"""How a training run is told on the command line: what commands that train share."""

from __future__ import annotations

import time
from typing import Any

from musictool.cli import _output
from musictool.training.reporter import Reporter


class ScreenReporter(Reporter):
    """A progress bar for each epoch, and a line when it is done.

    How long it will take is told for the stage that is trained, from how long its last epoch took; how long another
    stage will take nobody knows before it begins, and patience may end one sooner.
    """

    name = ""
    bar: Any = None

    def encoding(self, done: int, total: int) -> None:
        if self.bar is None:
            self.bar = _output.bar(total, "encoding", "pieces")
        self.bar.update(done - self.bar.n)
        if done == total:
            self.close()

    def run_begins(self, run: Any, info: Any, corpus: Any) -> None:
        self.name, self.epochs, self.run = run.folder.name, run.settings.epochs, run
        self.of = "" if run.settings.is_endless else f"/{self.epochs}"
        encoded, metrics = run.windows.encoded, info["metrics"]
        self.unit, size, summary = encoded.spec.unit, encoded.spec.size, encoded.summary
        _output.say(
            f"corpus {corpus.name}: {summary['train_rows']:,} {self.unit}s to learn from, "
            f"{summary['validation_rows']:,} to validate on, "
            + (f"vocabulary {size:,}" if encoded.spec.kind == "tokens" else f"{size:,} numbers each")
        )
        _output.say(
            f"{info['arch']['name']} with {metrics['parameters']:,} parameters on {info['provenance']['device']}, "
            f"{run.settings.precision}, seed {run.settings.seed}"
        )
        if metrics["baselines"]:
            words = ", ".join(f"{name} {nats:.3f}" for name, nats in metrics["baselines"].items())
            _output.say(f"to beat on the validation pieces, nats a {self.unit}: {words}")
        if run.state_on_disk:
            _output.say(f"going on with {run.folder.name} after epoch {run.state_on_disk['epoch']}")

    def epoch_begins(self, epoch: int, step: int, steps: int) -> None:
        self.began = time.monotonic()
        stage = self.run.stage
        what = "counting" if stage.counting else f"epoch {epoch}{self.of}"
        if epoch == 1 and not step and len(self.run.arch.stages) > 1:
            _output.say(f"training {stage.name}:")
        self.bar = _output.bar(steps, what, "steps", initial=step)

    def progress(self, step: int, loss: float, rows_per_second: float) -> None:
        self.bar.update(step - self.bar.n)
        self.bar.set_postfix_str(f"loss {loss:.3f}, {rows_per_second:,.0f} {self.unit}s/s")

    def epoch_ends(self, row: Any) -> None:
        self.close()
        epoch_seconds = max(row["seconds"], time.monotonic() - self.began)  # of a resumed one, a part was before
        left = min((self.epochs - row["epoch"]) * epoch_seconds, self.run.deadline - time.monotonic())
        best = " *" if self.run.state.waited == 0 else ""
        stage = self.run.stage
        judged, aim = (
            row[f"val_{stage.selection_metrics[0]}"],
            "validation" if not stage.evaluate else stage.selection_metrics[0],
        )
        validation = "" if judged is None else f"  {aim} {judged:.3f}{best}"
        if stage.counting:
            _output.say(f"counted in {row['seconds']:.1f} s{validation}")
            return
        within = f" in {stage.name}" if len(self.run.arch.stages) > 1 else ""
        losses = stage.metrics[:1] if not stage.groups else stage.metrics
        _output.say(
            f"epoch {row['epoch']}{self.of}  {'  '.join(f'{name} {row[name]:.3f}' for name in losses)}{validation}  "
            f"{row['rows_per_second']:,} {self.unit}s/s  about {_duration(left)} to go{within}"
        )

    def close(self) -> None:
        if self.bar is not None:
            self.bar.close()
        self.bar = None


def _duration(seconds: float) -> str:
    minutes, seconds = divmod(max(0, round(seconds)), 60)
    return f"{minutes} min {seconds} s" if minutes else f"{seconds} s"
