"""The leaderboard: every arch trained on the same corpus and split for the same time, one after another.

`compare` trains a model NAME-ARCH for each arch as `train` does, and ranks them by their validation loss. Finished runs
are kept: the same comparison, begun again after it was killed, resumes the run in which it stopped for the rest of its
time. If an arch fails, its row says why, and the others go on.

The time includes validation after each epoch, and the compilation before the first step. A resumed run compiles once
more, and so has a little less of it.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from musictool import home
from musictool.apps.leaderboard import Leaderboard, Ranked
from musictool.arch import archs_with_likelihood
from musictool.corpus.corpus import Corpus
from musictool.dataset.encode import DEFAULT_ENCODING
from musictool.errors import BadCorpus, BadOption, MusictoolError, Stopped, UnknownName
from musictool.metrics.baselines import baselines
from musictool.metrics.units import Amount, validation_amount
from musictool.models.info import MARKER, read_info
from musictool.options import build, values_of
from musictool.registry import ARCHS, ENCODINGS
from musictool.training.options import ENDLESS, TrainOptions, parse, stored
from musictool.training.reporter import Reporter
from musictool.training.state import checkpoint_path, read_state
from musictool.training.train import train
from musictool.training.workers import encoded_for

log = logging.getLogger(__name__)

ALL = "all"
UNTIL_TIME = {"epochs": ENDLESS, "patience": 0}  # only the time ends a run
MIN_MINUTES = 1e-3  # of a run that is resumed when its time is nearly over


def compare(
    corpus: str | Path | None = None,
    archs: Sequence[str] = (ALL,),
    *,
    max_minutes: float = 5.0,
    name: str | None = None,
    seed: int = 1,
    reporter: Reporter | None = None,
    begins: Callable[[str, int, int], object] = lambda arch, number, of: None,
    **given: Any,
) -> Leaderboard:
    """Train archs on a corpus for the same time each, and rank them.

    Args:
        corpus: name or path of a corpus; without one, the corpus prepared last.
        archs: names; "all" for all that fit the encoding.
        max_minutes: for each.
        name: of the models, followed by -ARCH; without one, CORPUS-compare.
        seed: of every run.
        reporter: is called as each run goes on, as by `train`.
        begins: called before each arch with its name, its number from 1 on and how many there are.
        given: options of `train`, for all archs: encoding, size, transpose, ...

    Raises:
        Stopped: on Ctrl-C, after saving.
        UnknownName, KindMismatch, BadOption: for options that no run could begin with, before the first run.
        BadCorpus: for a corpus without validation pieces.
        BadOption: if a model of that name belongs to another comparison.
    """
    if not max_minutes > 0:
        raise BadOption(f"--max-minutes {max_minutes} is not above 0: archs are compared in equal time")
    given = {"encoding": DEFAULT_ENCODING, **UNTIL_TIME, **parse(given), "seed": seed, "max_minutes": max_minutes}
    encoding = given["encoding"]
    names = chosen(archs, encoding)
    opened = Corpus.open(corpus)
    name = name if name is not None else f"{opened.name}-compare"
    baseline_entries, amount = _baselines(opened, build(TrainOptions, given), reporter or Reporter())
    for arch in names:
        _check_existing(f"{name}-{arch}", opened, build(TrainOptions, {**given, "arch": arch}))
    entries = []
    for number, arch in enumerate(names, 1):
        begins(arch, number, len(names))
        entries.append(_entry(opened, f"{name}-{arch}", {**given, "arch": arch}, reporter, amount))
    return Leaderboard(opened.name, encoding, max_minutes, seed, amount, _sorted([*entries, *baseline_entries]))


def chosen(archs: Sequence[str], encoding: str) -> list[str]:
    """The names of the archs to compare.

    Raises:
        UnknownName: for one that does not exist, with a suggestion.
        BadOption: for one that does not fit the encoding.
    """
    encoding_class = ENCODINGS.get(encoding)
    kind = encoding_class.kind
    fitting = archs_with_likelihood(kind, () if kind == "tokens" else encoding_class().spec.shape)
    if list(archs) == [ALL]:
        return fitting
    for name in archs:
        if name not in ARCHS.names():
            raise UnknownName.of("arch", name, (*ARCHS.names(), ALL))
        if name not in fitting:
            others = ", ".join(fitting)
            raise BadOption(f"--archs {name}: it has no likelihood of {kind} as {encoding} writes them; {others} have")
    if not archs:
        raise BadOption(f"--archs names none; {', '.join(fitting)} fit {encoding}")
    return list(dict.fromkeys(archs))


def _baselines(corpus: Corpus, options: TrainOptions, reporter: Reporter) -> tuple[list[Ranked], Amount]:
    """The entries of the baselines, and the amount of validation music."""
    corpus = corpus.select(options.where)
    encoded = encoded_for(corpus, options, reporter)
    if not len(encoded.pieces("validation")):
        raise BadCorpus(f"{corpus.name} has no validation piece to compare archs by")
    amount = validation_amount(encoded, corpus)
    return [Ranked(name, **_costs(nats, amount)) for name, nats in baselines(encoded).items()], amount


def _check_existing(name: str, corpus: Corpus, options: TrainOptions) -> None:
    """Raises BadOption if there is a model of that name with other options or another corpus."""
    folder = home.models_folder() / home.check_name(name)
    if not (folder / MARKER).exists():
        return
    info = read_info(folder)
    now, then = values_of(options), values_of(stored(info, folder))
    other = [name for name in now if then[name] != now[name]]
    if info["corpus"]["fingerprint"] != corpus.select(options.where).fingerprint:
        other.append("corpus")
    if other:
        raise BadOption(
            f"{folder} belongs to another comparison (it differs in {', '.join(other).replace('_', ' ')}); "
            "remove it, or take another --name"
        )


def _entry(corpus: Corpus, name: str, given: dict[str, Any], reporter: Reporter | None, amount: Amount) -> Ranked:
    """Train one arch, or what is left of it, and measure it."""
    folder = home.models_folder() / name
    try:
        if not _is_finished(folder):
            left = max(MIN_MINUTES, given["max_minutes"] - _minutes(folder))
            resumed = {"max_minutes": left} if (folder / MARKER).exists() else {}
            train(corpus.folder, name=name, reporter=reporter, **{**given, **resumed})
        return _measured(folder, given["arch"], amount)
    except Stopped:
        raise
    except MusictoolError as error:
        return Ranked(given["arch"], None, failure=str(error))
    except Exception as error:  # an error in one arch must not end the others
        log.warning("%s failed", given["arch"], exc_info=True)
        return Ranked(given["arch"], None, failure=f"{type(error).__name__}: {error}".splitlines()[0])


def _is_finished(folder: Path) -> bool:
    return (folder / MARKER).exists() and read_info(folder)["training"]["finished"] is not None


def _minutes(folder: Path) -> float:
    """How long the run in a model folder has been trained."""
    path = checkpoint_path(folder)
    if not path.exists():
        return 0.0
    state = read_state(path)
    return float(state["seconds"] + state["epoch_seconds"]) / 60


def _measured(folder: Path, arch: str, amount: Amount) -> Ranked:
    info = read_info(folder)
    nats = info["metrics"].get("val_loss")
    if nats is None:
        return Ranked(arch, None, failure="it has no validation loss")
    return Ranked(
        arch,
        **_costs(nats, amount),
        rows_per_second=_speed(folder) or None,  # 0 for an arch that counts
        parameters=info["metrics"]["parameters"],
        minutes=round(_minutes(folder), 3),
        model=folder.name,
    )


def _speed(folder: Path) -> int | None:
    """Rows per second in training: the median of the epochs, or of the first one so far."""
    path = checkpoint_path(folder)
    if not path.exists():
        return None
    state = read_state(path)
    if state["history"]:
        return int(np.median([row["rows_per_second"] for row in state["history"]]))
    return round(sum(state["sums"][-1:]) / max(state["epoch_seconds"], 1e-9))


def _costs(nats: float, amount: Amount) -> dict[str, Any]:
    return {"nats": nats, "per_note": amount.per_note(nats), "per_second": amount.per_second(nats)}


def _sorted(entries: list[Ranked]) -> tuple[Ranked, ...]:
    return tuple(sorted(entries, key=lambda entry: float("inf") if entry.nats is None else entry.nats))
