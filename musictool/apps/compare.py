"""The leaderboard: every arch trained on the same corpus and split for the same time, one after another.

`compare` trains a model NAME-ARCH for each arch as `train` does, and measures what each is worth on the validation
pieces. What is finished stays: a comparison that was killed and is begun again goes on with the run in which it
stopped, for what is left of its time. An arch that fails is told of in its row, and the others go on.

The time is that of training and of judging after each epoch; what an arch compiles before its first step counts, too. A
run that was taken up again may judge, and compile, for longer than one that was not.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from musictool import home
from musictool.apps.leaderboard import Entry, Leaderboard
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
LEAST_MINUTES = 1e-3  # of a run that is taken up when its time was as good as over


def compare(
    corpus: str | Path | None = None,
    archs: Sequence[str] = (ALL,),
    *,
    max_minutes: float = 5.0,
    name: str | None = None,
    seed: int = 1,
    listener: Reporter | None = None,
    begins: Callable[[str, int, int], object] = lambda arch, number, of: None,
    **given: Any,
) -> Leaderboard:
    """Train archs on a corpus for the same time each, and say what they are worth.

    Args:
        corpus: a corpus's name or path; without one, the corpus prepared last.
        archs: names; "all" for all that learn the encoding's kind.
        max_minutes: for each.
        name: what its models are called, with -ARCH behind it; without one, CORPUS-compare.
        seed: of every run.
        listener: told how each run goes, as by `train`.
        begins: called before each arch with its name, its number from 1 on and how many there are.
        given: options of `train`, for all archs: encoding, size, transpose, ...

    Raises:
        Stopped: on Ctrl-C, after saving.
        UnknownName, KindMismatch, BadOption: for what no run could be begun with; before the first.
        BadCorpus: for a corpus without validation pieces.
        BadOption: if a model of that name is of another comparison.
    """
    if not max_minutes > 0:
        raise BadOption(f"--max-minutes {max_minutes} is not above 0: with equal time archs are compared")
    given = {"encoding": DEFAULT_ENCODING, **UNTIL_TIME, **parse(given), "seed": seed, "max_minutes": max_minutes}
    encoding = given["encoding"]
    names = chosen(archs, encoding)
    opened = Corpus.open(corpus)
    name = name if name is not None else f"{opened.name}-compare"
    of_split, amount = _to_compare_with(opened, build(TrainOptions, given), listener or Reporter())
    for arch in names:
        _check_own(f"{name}-{arch}", opened, build(TrainOptions, {**given, "arch": arch}))
    entries = []
    for number, arch in enumerate(names, 1):
        begins(arch, number, len(names))
        entries.append(_entry(opened, f"{name}-{arch}", {**given, "arch": arch}, listener, amount))
    return Leaderboard(opened.name, encoding, max_minutes, seed, amount, _sorted([*entries, *of_split]))


def chosen(archs: Sequence[str], encoding: str) -> list[str]:
    """The names of the archs to compare.

    Raises:
        UnknownName: for one that does not exist, with a suggestion.
        BadOption: if one does not learn what the encoding writes.
    """
    written = ENCODINGS.get(encoding)
    kind = written.kind
    able = archs_with_likelihood(kind, () if kind == "tokens" else written().spec.shape)
    if list(archs) == [ALL]:
        return able
    for name in archs:
        if name not in ARCHS.names():
            raise UnknownName.of("arch", name, (*ARCHS.names(), ALL))
        if name not in able:
            others = ", ".join(able)
            raise BadOption(f"--archs {name}: it does not foretell {kind} as {encoding} writes them; {others} do")
    if not archs:
        raise BadOption(f"--archs names none; {', '.join(able)} foretell what {encoding} writes")
    return list(dict.fromkeys(archs))


def _to_compare_with(corpus: Corpus, options: TrainOptions, listener: Reporter) -> tuple[list[Entry], Amount]:
    """What every arch has to beat, and how much music they are judged on."""
    corpus = corpus.select(options.where)
    encoded = encoded_for(corpus, options, listener)
    if not len(encoded.pieces("validation")):
        raise BadCorpus(f"{corpus.name} has no validation piece, so nothing says which arch is better")
    amount = validation_amount(encoded, corpus)
    return [Entry(name, **_costs(nats, amount)) for name, nats in baselines(encoded).items()], amount


def _check_own(name: str, corpus: Corpus, options: TrainOptions) -> None:
    """Raises BadOption if a model of that name is there which was not made by this comparison."""
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
            f"{folder} is of another comparison (it differs in {', '.join(other).replace('_', ' ')}); "
            "remove it, or take another --name"
        )


def _entry(corpus: Corpus, name: str, given: dict[str, Any], listener: Reporter | None, amount: Amount) -> Entry:
    """Train one arch, or what is left of it, and measure it."""
    folder = home.models_folder() / name
    try:
        if not _is_finished(folder):
            left = max(LEAST_MINUTES, given["max_minutes"] - _minutes(folder))
            own = {"max_minutes": left} if (folder / MARKER).exists() else {}
            train(corpus.folder, name=name, listener=listener, **{**given, **own})
        return _measured(folder, given["arch"], amount)
    except Stopped:
        raise
    except MusictoolError as error:
        return Entry(given["arch"], None, failure=str(error))
    except Exception as error:  # a fault in one arch, or memory that it wants too much of, shall not cost the others
        log.warning("%s failed", given["arch"], exc_info=True)
        return Entry(given["arch"], None, failure=f"{type(error).__name__}: {error}".splitlines()[0])


def _is_finished(folder: Path) -> bool:
    return (folder / MARKER).exists() and read_info(folder)["training"]["finished"] is not None


def _minutes(folder: Path) -> float:
    """That the run in a model folder has been trained for."""
    path = checkpoint_path(folder)
    if not path.exists():
        return 0.0
    state = read_state(path)
    return float(state["seconds"] + state["epoch_seconds"]) / 60


def _measured(folder: Path, arch: str, amount: Amount) -> Entry:
    info = read_info(folder)
    nats = info["metrics"].get("val_loss")
    if nats is None:
        return Entry(arch, None, failure="it was not judged on the validation pieces")
    return Entry(
        arch,
        **_costs(nats, amount),
        rows_per_second=_speed(folder) or None,  # what counts learns at no speed
        parameters=info["metrics"]["parameters"],
        minutes=round(_minutes(folder), 3),
        model=folder.name,
    )


def _speed(folder: Path) -> int | None:
    """Rows a second in training: of the epochs that are done, else of the one that was begun."""
    path = checkpoint_path(folder)
    if not path.exists():
        return None
    state = read_state(path)
    if state["history"]:
        return int(np.median([row["rows_per_second"] for row in state["history"]]))
    return round(sum(state["sums"][-1:]) / max(state["epoch_seconds"], 1e-9))


def _costs(nats: float, amount: Amount) -> dict[str, Any]:
    return {"nats": nats, "per_note": amount.per_note(nats), "per_second": amount.per_second(nats)}


def _sorted(entries: list[Entry]) -> tuple[Entry, ...]:
    return tuple(sorted(entries, key=lambda entry: float("inf") if entry.nats is None else entry.nats))
