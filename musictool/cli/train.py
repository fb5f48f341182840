"""musictool train: learn a corpus."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from typing import Any

import click

from musictool.backend.machines import Machines, Placement, machines
from musictool.cli import _output
from musictool.cli._flags import flags
from musictool.cli._progress import ScreenReporter
from musictool.errors import Stopped
from musictool.options import build, pop_given
from musictool.training.options import TrainOptions, begin, parse, suited_to


@click.command(epilog="\b\nExample:\n    musictool train --arch lstm --epochs 20")
@click.argument("corpus", required=False)
@flags(TrainOptions)
@flags(Placement)
@click.option("--name", help="The model's name.  [default: CORPUS-ARCH]")
@click.option(
    "--resume/--no-resume", default=None, help="Go on with a stopped run.  [default: if it had the same options]"
)
def command(corpus: str | None, name: str | None, resume: bool | None, **given: Any) -> None:
    """Train a model on CORPUS (default: the one prepared last) and save it under saved_models/.

    After each epoch the best weights, a row of history.csv and a sample are on disk. Ctrl-C stops at once and loses
    nothing; the same command, or --resume, goes on.

    What can be --set: musictool list archs. What --recipe can name: musictool list recipes.
    """
    placement, given = pop_given(Placement, given), pop_given(TrainOptions, given)
    others = machines(build(Placement, placement))
    options = parse(given)
    if others is None or others.index == 0:
        if resume:
            _check_resumed(name)
        else:
            _check(corpus, options)
    _train(others, corpus=corpus, name=name, resume=resume, **given, **placement)


def _check(corpus: str | None, given: Mapping[str, Any]) -> None:
    """What is wrong with the options of a new run is said before TensorFlow is loaded, which takes seconds."""
    from musictool.corpus.corpus import Corpus
    from musictool.dataset.conditions import of_corpus

    options = begin(given)
    selected = Corpus.open(corpus).select(options.where)
    options = suited_to(options, selected, given)
    options.check_encoding()
    options.check_arch()
    if options.init_from is None:  # else its labels count as well
        of_corpus(selected, options.controls, options.label)


def _check_resumed(name: str | None) -> None:
    """The same of a run that is to be gone on with: that there is one, and that it does not ship with musictool."""
    from musictool.training.folders import existing

    existing(name)


def _train(others: Machines | None, **given: Any) -> None:
    _output.load_backend()
    if others is not None:
        _output.say(f"worker {others.index} waits until all {len(others.addresses)} are there; Ctrl-C ends it ...")
    from musictool.training.train import train

    progress = ScreenReporter()
    try:
        trained = train(reporter=progress, **given)
    except Stopped as stopped:
        progress.close()
        _output.say(f"{stopped}\nGo on with: musictool train --resume --name {shlex.quote(progress.name)}")
        raise click.exceptions.Exit(130) from None
    except KeyboardInterrupt:  # the second Ctrl-C, or one before there is anything to save
        if progress.name:
            name = shlex.quote(progress.name)
            click.echo(f"go on from what was saved with: musictool train --resume --name {name}", err=True)
        raise
    finally:
        progress.close()
    _report(trained)


def _report(trained: Any) -> None:
    if not trained.is_chief:
        _output.say(f"done; the first of the workers has the model {trained.model.name}")
        return
    epoch = trained.model.info["metrics"].get("best_epoch")
    best = f"; the best was epoch {epoch}" if epoch else "; not one epoch is done"
    if epoch and epoch % 1:
        best = f"; best are the weights after {epoch} epochs"
    reasons = {
        "epochs": f"all epochs done{best}",
        "patience": f"no better epoch for a while{best}",
        "time": f"time is up{best}",
        "counted": "all is counted",
    }
    _output.say(reasons[trained.reason])
    if trained.eval_metrics:
        _output.say("on the corpus, in the best epoch:")
        _output.table([(name, f"{value:.3f}") for name, value in trained.eval_metrics.items()], indent="  ")
    elif not trained.baselines and trained.loss is not None:  # of an arch that no baseline can be compared with
        _output.say(f"validation loss: {trained.loss:.3f}")
    elif not trained.baselines:
        _output.say("The corpus has no piece to validate on, so nothing says whether it learnt or copied.")
    else:
        _output.say(f"validation loss, nats per {trained.model.spec.unit} (lower is better):")
        rows = [(trained.model.name, trained.loss), *trained.baselines.items()]
        _output.table([(name, f"{nats:.3f}") for name, nats in rows], indent="  ")
        advice = _advice(trained.unbeaten, trained.reason)
        _output.say(advice if trained.unbeaten else "The model beats all of them.")
    next_command = f"musictool sample {shlex.quote(trained.model.name)} --out song.mid"
    _output.say(f"model: {trained.model.folder}\nnext:  {next_command}")


def _advice(unbeaten: list[str], reason: str) -> str:
    """What may help a model that did not beat some baselines, by the reason why its run has ended."""
    ways = {
        "counted": "more pieces or other options of the arch",
        "time": "more pieces, more --max-minutes or a smaller model",
    }.get(reason, "more pieces, more epochs or a smaller model")
    return f"The model did NOT beat: {', '.join(unbeaten)}. It has learnt little; {ways} may help."
