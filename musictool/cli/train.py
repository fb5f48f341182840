"""musictool train: learn a corpus."""

from __future__ import annotations

import shlex
import time
from typing import Any

import click

from musictool.cli import _output
from musictool.errors import Stopped
from musictool.registry import ARCHS, ENCODINGS
from musictool.reporter import Reporter


class Transpose(click.ParamType):
    """-3..3, 0 for none, or to-c."""

    name = "LOW..HIGH"

    def convert(self, value: Any, parameter: click.Parameter | None, context: click.Context | None) -> Any:
        if isinstance(value, tuple) or value == "to-c":
            return value
        low, dots, high = value.partition("..")
        try:
            return (int(low), int(high)) if dots else (min(int(low), 0), max(int(low), 0))
        except ValueError:
            self.fail(f"'{value}' is not like -3..3 (or 0 for none, or to-c)", parameter, context)


class Factors(click.ParamType):
    """0.95,1.05"""

    name = "FACTORS"

    def convert(self, value: Any, parameter: click.Parameter | None, context: click.Context | None) -> Any:
        try:
            return value if isinstance(value, tuple) else tuple(float(factor) for factor in value.split(","))
        except ValueError:
            self.fail(f"'{value}' is not like 0.95,1.05", parameter, context)


@click.command(epilog="\b\nExample:\n    musictool train --arch lstm --epochs 20")
@click.argument("corpus", required=False)
@click.option("--arch", metavar="NAME", help=f"Model family: {', '.join(ARCHS.names())}.  [default: lstm]")
@click.option("--size", metavar="SIZE", help="small, medium or large.  [default: small]")
@click.option("--set", "settings", multiple=True, metavar="KEY=VALUE", help="An option of the arch; may be repeated.")
@click.option("--encoding", metavar="NAME", help=f"{', '.join(ENCODINGS.names())}.  [default: note-chord]")
@click.option(
    "--encoding-set", "encoding_settings", multiple=True, metavar="KEY=VALUE", help="An option of the encoding."
)
@click.option("--epochs", type=int, help="Passes over the corpus, at most.  [default: 50]")
@click.option("--max-minutes", type=float, help="Stop after this long.  [default: no limit]")
@click.option("--patience", type=int, help="Stop after so many epochs without a better one; 0: never.  [default: 10]")
@click.option("--batch-size", type=int, help="Windows in a step.  [default: the arch's]")
@click.option("--learning-rate", type=float, help="Of Adam.  [default: the arch's]")
@click.option("--window", type=int, help="Symbols in a window.  [default: the arch's]")
@click.option(
    "--where", multiple=True, metavar="COLUMN=VALUE", help="Only these pieces, such as genre=Jazz; may be repeated."
)
@click.option(
    "--transpose",
    type=Transpose(),
    help="Semitones to shift training windows by, or to-c: every piece to C major or A minor.  [default: -3..3]",
)
@click.option(
    "--stretch",
    type=Factors(),
    help="Factors to play training windows longer or shorter by, such as 0.95,1.05, for encodings in seconds.",
)
@click.option("--precision", help="auto, float32, mixed_float16 or mixed_bfloat16.  [default: auto]")
@click.option("--name", help="The model's name.  [default: CORPUS-ARCH]")
@click.option(
    "--resume/--no-resume", default=None, help="Go on with a stopped run.  [default: if it had the same settings]"
)
@click.option("--seed", type=int, help="Fixes everything that is random.  [default: drawn and written down]")
def command(**wishes: Any) -> None:
    """Train a model on CORPUS (default: the one prepared last) and save it under saved_models/.

    After each epoch the best weights, a line of history.csv and a sample to listen to are on disk. Ctrl-C stops at once
    and loses nothing; the same command, or --resume, goes on.

    What can be --set: musictool list archs.
    """
    wanted: dict[str, Any] = {key: None if value == () else value for key, value in wishes.items()}
    _check(wanted)
    _output.load_tensorflow()
    from musictool.training import train

    listener = Progress()
    try:
        trained = train(listener=listener, **wanted)
    except Stopped as stopped:
        listener.close()
        _output.say(f"{stopped}\nGo on with: musictool train --resume --name {shlex.quote(listener.name)}")
        raise click.exceptions.Exit(130) from None
    except KeyboardInterrupt:  # the second Ctrl-C, or one before there is anything to save
        if listener.name:
            click.echo(f"go on from what was saved with: musictool train --resume --name {listener.name}", err=True)
        raise
    finally:
        listener.close()
    _report(trained)


def _check(wanted: dict[str, Any]) -> None:
    """What is wrong with the wishes is said before TensorFlow is loaded, which takes seconds."""
    from musictool.wishes import DEFAULTS, check_encoding, checked

    wishes = checked({key: value for key, value in wanted.items() if key not in ("corpus", "name", "resume")})
    if not wanted["resume"]:
        check_encoding({**DEFAULTS, **wishes})


def _report(trained: Any) -> None:
    info = trained.model.info
    why = {"epochs": "all epochs done", "patience": "no better epoch for a while", "time": "time is up"}
    _output.say(f"{why[trained.reason]}; the best was epoch {info['metrics'].get('best_epoch')}")
    if not trained.baselines:
        _output.say("The corpus has no piece to validate on, so nothing says whether it learnt or copied.")
    else:
        _output.say("validation loss, nats a symbol (lower is better):")
        rows = [(trained.model.name, trained.loss), *trained.baselines.items()]
        _output.table([(name, f"{nats:.3f}") for name, nats in rows], indent="  ")
        if trained.unbeaten:
            _output.say(
                f"The model did NOT beat: {', '.join(trained.unbeaten)}. It has learnt little; more pieces, "
                "more epochs or a smaller model may help."
            )
        else:
            _output.say("The model beats all of them.")
    _output.say(
        f"model: {trained.model.folder}\nnext:  musictool sample {shlex.quote(trained.model.name)} --out song.mid"
    )


class Progress(Reporter):
    """A progress bar for each epoch, and a line when it is done."""

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
        encoded, metrics = run.windows.encoded, info["metrics"]
        summary = encoded.summary
        _output.say(
            f"corpus {corpus.name}: {summary['train_rows']:,} symbols to learn from, "
            f"{summary['validation_rows']:,} to validate on, vocabulary {encoded.spec.size:,}"
        )
        _output.say(
            f"{info['arch']['name']} with {metrics['parameters']:,} parameters on {info['provenance']['device']}, "
            f"{run.settings.precision}, seed {run.settings.seed}"
        )
        if metrics["baselines"]:
            words = ", ".join(f"{name} {nats:.3f}" for name, nats in metrics["baselines"].items())
            _output.say(f"to beat on the validation pieces, nats a symbol: {words}")
        if run.state_on_disk:
            _output.say(f"going on with {run.folder.name} after epoch {run.state_on_disk['epoch']}")

    def epoch_begins(self, epoch: int, step: int, steps: int) -> None:
        self.began = time.monotonic()
        self.bar = _output.bar(steps, f"epoch {epoch}/{self.epochs}", "steps", initial=step)

    def progress(self, step: int, loss: float, rows_per_second: float) -> None:
        self.bar.update(step - self.bar.n)
        self.bar.set_postfix_str(f"loss {loss:.3f}, {rows_per_second:,.0f} symbols/s")

    def epoch_ends(self, row: Any) -> None:
        self.close()
        left = (self.epochs - row["epoch"]) * (time.monotonic() - self.began)
        limit = self.run.deadline - time.monotonic()
        best = " *" if self.run.state.waited == 0 else ""
        validation = "" if row["val_loss"] is None else f"  validation {row['val_loss']:.3f}{best}"
        _output.say(
            f"epoch {row['epoch']}/{self.epochs}  loss {row['loss']:.3f}{validation}  "
            f"{row['rows_per_second']:,} symbols/s  at most {_duration(min(left, limit))} to go"
        )

    def close(self) -> None:
        if self.bar is not None:
            self.bar.close()
        self.bar = None


def _duration(seconds: float) -> str:
    minutes, seconds = divmod(max(0, round(seconds)), 60)
    return f"{minutes} min {seconds} s" if minutes else f"{seconds} s"
