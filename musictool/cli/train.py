"""musictool train: learn a corpus."""

from __future__ import annotations

import shlex
from typing import Any

import click

from musictool.cli import _output
from musictool.cli._progress import Progress
from musictool.errors import BadOption, Stopped
from musictool.registry import ARCHS, ENCODINGS


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


class Names(click.ParamType):
    """density,histogram"""

    name = "NAMES"

    def convert(self, value: Any, parameter: click.Parameter | None, context: click.Context | None) -> Any:
        return value if isinstance(value, tuple) else tuple(name.strip() for name in value.split(",") if name.strip())


@click.command(epilog="\b\nExample:\n    musictool train --arch lstm --epochs 20")
@click.argument("corpus", required=False)
@click.option("--arch", metavar="NAME", help=f"Model family: {', '.join(ARCHS.names())}.  [default: lstm]")
@click.option("--recipe", metavar="NAME", help="Settings of a published system; what is said beside it goes before it.")
@click.option("--size", metavar="SIZE", help="small, medium or large.  [default: small]")
@click.option("--set", "settings", multiple=True, metavar="KEY=VALUE", help="An option of the arch; may be repeated.")
@click.option("--encoding", metavar="NAME", help=f"{', '.join(ENCODINGS.names())}.  [default: the arch's]")
@click.option(
    "--encoding-set", "encoding_settings", multiple=True, metavar="KEY=VALUE", help="An option of the encoding."
)
@click.option("--epochs", type=int, help="Passes over the corpus, at most.  [default: 50]")
@click.option("--max-minutes", type=float, help="Stop after this long.  [default: no limit]")
@click.option("--patience", type=int, help="Stop after so many epochs without a better one; 0: never.  [default: 10]")
@click.option("--batch-size", type=int, help="Windows in a step.  [default: the arch's]")
@click.option("--learning-rate", type=float, help="Of Adam.  [default: the arch's]")
@click.option("--warmup", type=int, help="Steps in which the learning rate rises to that.  [default: the arch's]")
@click.option("--decay", metavar="HOW", help="What it does then: none or cosine, down to 5 %.  [default: the arch's]")
@click.option("--clip-norm", type=float, help="Shorten longer gradients to this; 0: never.  [default: the arch's]")
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
@click.option(
    "--controls",
    type=Names(),
    help="What sample can ask the model for: density, histogram or both, with a comma between.",
)
@click.option("--label", metavar="COLUMN", help="The same of what is known about the files: genre, artist, folder, ...")
@click.option(
    "--init-from", metavar="MODEL", help="Fine-tune: begin as this model, with its arch, encoding and options."
)
@click.option("--strategy", metavar="NAME", help="auto, one, mirrored (GPUs) or multi-worker.  [default: auto]")
@click.option("--workers", type=Names(), metavar="HOST:PORT,...", help="All machines, the first writes; or TF_CONFIG.")
@click.option("--worker", type=int, metavar="N", help="Which of --workers this machine is, from 0.")
@click.option("--precision", help="auto, float32, mixed_float16 or mixed_bfloat16.  [default: auto]")
@click.option("--name", help="The model's name.  [default: CORPUS-ARCH]")
@click.option(
    "--resume/--no-resume", default=None, help="Go on with a stopped run.  [default: if it had the same settings]"
)
@click.option(
    "--tensorboard/--no-tensorboard", default=None, help="Write curves for TensorBoard into the model's logs/."
)
@click.option("--seed", type=int, help="Fixes everything that is random.  [default: drawn and written down]")
def command(**wishes: Any) -> None:
    """Train a model on CORPUS (default: the one prepared last) and save it under saved_models/.

    After each epoch the best weights, a line of history.csv and a sample to listen to are on disk. Ctrl-C stops at once
    and loses nothing; the same command, or --resume, goes on.

    What can be --set: musictool list archs. What --recipe can name: musictool list recipes.
    """
    wanted: dict[str, Any] = {key: None if value == () else value for key, value in wishes.items()}
    others = _check(wanted)
    _output.load_backend()
    if others is not None:
        _output.say(f"worker {others.index} waits until all {len(others.addresses)} are there; Ctrl-C ends it ...")
    from musictool.training.train import train

    listener = Progress()
    try:
        trained = train(listener=listener, **wanted)
    except Stopped as stopped:
        listener.close()
        _output.say(f"{stopped}\nGo on with: musictool train --resume --name {shlex.quote(listener.name)}")
        raise click.exceptions.Exit(130) from None
    except KeyboardInterrupt:  # the second Ctrl-C, or one before there is anything to save
        if listener.name:
            name = shlex.quote(listener.name)
            click.echo(f"go on from what was saved with: musictool train --resume --name {name}", err=True)
        raise
    finally:
        listener.close()
    _report(trained)


def _check(wanted: dict[str, Any]) -> Any:
    """What is wrong with the wishes is said before TensorFlow is loaded, which takes seconds.

    Returns:
        the musictool.backend.machines.Machines that work on the run; None for this one alone.
    """
    from musictool.backend.machines import PLACEMENT, machines
    from musictool.corpus.corpus import Corpus
    from musictool.dataset.conditions import of_corpus
    from musictool.training.options import DEFAULTS, check_conditions, check_encoding, checked, inherited

    for key in ("recipe", "init_from"):
        if wanted[key] == "":  # such as --init-from "$MODEL" where there is no such variable
            raise BadOption(f"--{key.replace('_', '-')} names nothing; leave it out, or say which")
    others = machines({key: otherwise if wanted[key] is None else wanted[key] for key, otherwise in PLACEMENT.items()})
    wishes = checked(
        {key: value for key, value in wanted.items() if key not in ("corpus", "name", "resume", *PLACEMENT)}
    )
    if not wanted["resume"] and (others is None or others.index == 0):
        wishes = {**DEFAULTS, **inherited(wishes)}
        check_encoding(wishes)
        check_conditions(wishes)
        corpus = Corpus.open(wanted["corpus"]).select(wishes["where"])
        if not wishes["init_from"]:  # its labels count as well
            of_corpus(corpus, wishes["controls"], wishes["label"])
    return others


def _report(trained: Any) -> None:
    if not trained.is_chief:
        _output.say(f"done; the first of the workers has the model {trained.model.name}")
        return
    info = trained.model.info
    best = f"; the best was epoch {info['metrics'].get('best_epoch')}"
    why = {
        "epochs": f"all epochs done{best}",
        "patience": f"no better epoch for a while{best}",
        "time": f"time is up{best}",
        "counted": "all is counted",
    }
    _output.say(why[trained.reason])
    if trained.eval_metrics:
        _output.say("on the corpus, in the best epoch:")
        _output.table([(name, f"{value:.3f}") for name, value in trained.eval_metrics.items()], indent="  ")
    elif not trained.baselines:
        _output.say("The corpus has no piece to validate on, so nothing says whether it learnt or copied.")
    else:
        _output.say(f"validation loss, nats a {trained.model.spec.unit} (lower is better):")
        rows = [(trained.model.name, trained.loss), *trained.baselines.items()]
        _output.table([(name, f"{nats:.3f}") for name, nats in rows], indent="  ")
        if trained.unbeaten:
            _output.say(_advice(trained.unbeaten, counted=trained.reason == "counted"))
        else:
            _output.say("The model beats all of them.")
    _output.say(
        f"model: {trained.model.folder}\nnext:  musictool sample {shlex.quote(trained.model.name)} --out song.mid"
    )


def _advice(unbeaten: list[str], counted: bool) -> str:
    """What may help a model that did not beat some baselines; one that has `counted` knows no epochs."""
    ways = "more pieces or a smaller --set order=N" if counted else "more pieces, more epochs or a smaller model"
    return f"The model did NOT beat: {', '.join(unbeaten)}. It has learnt little; {ways} may help."
