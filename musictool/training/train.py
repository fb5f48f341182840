"""From a corpus to a model: what `musictool train` does.

`train` encodes the corpus, makes the model folder or finds the run to go on with, measures the baselines, and trains
(musictool/training/run.py).
"""

from __future__ import annotations

import logging
import secrets
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from musictool import arch as archs
from musictool.arch import Arch
from musictool.atomic import working_alone, write_json
from musictool.backend import backend
from musictool.backend.machines import Placement
from musictool.backend.precision import precision_within
from musictool.backend.strategy import Strategy
from musictool.corpus.corpus import Corpus
from musictool.corpus.training_corpus import corpus_of
from musictool.dataset.conditions import Conditions, of_corpus
from musictool.dataset.dataset import Encoded
from musictool.dataset.windows import check_batch, window_length
from musictool.errors import BadModel, BadOption
from musictool.metrics.baselines import baselines
from musictool.models import model
from musictool.models.contents import parameters, primers, provenance, typical_music
from musictool.models.info import FORMAT, MARKER, as_bad_model, read_info
from musictool.options import build, pop_given, to_json
from musictool.registry import ARCHS
from musictool.training import fine_tune
from musictool.training.event_log import check_event_log
from musictool.training.folders import check_own, existing, folder_for, taken
from musictool.training.options import (
    RunSettings,
    TrainOptions,
    begin,
    parse,
    resume_settings,
    stored,
    suited_to,
)
from musictool.training.reporter import Reporter
from musictool.training.results import HISTORY
from musictool.training.state import checkpoint_path
from musictool.training.workers import Trained, build_networks, encoded_for, run_chief, run_worker

log = logging.getLogger(__name__)


def train(
    corpus: str | Path | None = None,
    *,
    name: str | None = None,
    resume: bool | None = None,
    reporter: Reporter | None = None,
    **given: Any,
) -> Trained:
    """Train a model on a corpus.

    Args:
        corpus: a corpus's name or path; without one, the corpus prepared last.
        name: the model's name; without one, CORPUS-ARCH, or CORPUS-RECIPE, with a number behind it if that is taken.
        resume: True goes on with the run `name` (or the last one) under its own settings; False begins anew; None goes
            on if there is an unfinished run under that name (without one, under any number) that was begun with the
            same settings.
        reporter: is called as the run goes on.
        given: any options of TrainOptions and its RunSettings (musictool/training/options.py); what is not given, or
            None, takes its default, or when resuming, stays. And where to compute, any of Placement
            (musictool/backend/machines.py): on several machines, each makes this same call.

    Raises:
        Stopped: on Ctrl-C, after saving.
        Busy: when another process trains that model.
        LostWorker: when another machine that works on the run is gone.
        OutOfMemory: when the run needs more memory than there is.
        BadCorpus, BadModel, BadOption, UnknownName, KindMismatch: see musictool/errors.py.
    """
    reporter = reporter or Reporter()
    placement = build(Placement, pop_given(Placement, given))
    given = parse(given)
    if given.get("tensorboard"):
        check_event_log()
    with precision_within():
        strategy = backend.chosen_strategy(placement)
        with strategy.watched():
            if not strategy.is_chief:
                return run_worker(strategy, reporter)
            if resume:
                folder = existing(name)
                if corpus is not None and Corpus.open(corpus).name != read_info(folder)["corpus"]["name"]:
                    raise BadOption(f"the run {folder.name} learns another corpus; leave CORPUS out to resume it")
            else:
                options = begin(given)
                opened = Corpus.open(corpus).select(options.where)
                options = suited_to(options, opened, given)
                folder, is_unfinished = folder_for(opened, name, options, resume)
                if not is_unfinished:
                    return _begin(opened, folder, options, reporter, strategy)
            check_own(folder)
            with working_alone(folder, "train"):
                return _resume(folder, given, reporter, strategy)


def _begin(corpus: Corpus, folder: Path, options: TrainOptions, reporter: Reporter, strategy: Strategy) -> Trained:
    """Make the model folder and train."""
    options.check_encoding()
    options.check_arch()
    parent = fine_tune.parent_of(options.init_from)
    labels = () if parent is None else parent.conditions.labels
    conditions = of_corpus(corpus, options.controls, options.label, labels)
    if options.run.seed is None:
        options = replace(options, run=replace(options.run, seed=secrets.randbelow(2**31)))
    precision = backend.configure(options.run.precision, options.run.seed, ARCHS.get(options.arch).BFLOAT16_ON_CPU)
    encoded = encoded_for(corpus, options, reporter, None if parent is None else parent.encoding.vocabulary())
    if parent is None:
        arch = ARCHS.get(options.arch).sized(encoded.spec, options.size, options.settings, conditions.size)
    else:
        arch = archs.from_json({**parent.info["arch"], "conditions": conditions.size}, encoded.spec)
    arch.check(encoded)
    settings = options.run.resolved(arch, precision)
    settings = replace(settings, window=window_length(encoded, settings.window))
    check_batch(settings.window, -(-settings.batch_size // settings.accumulate), encoded.spec)
    info = _info(corpus, options, encoded, arch, conditions, settings)
    info["provenance"] |= {"strategy": strategy.name, "replicas": strategy.replicas} | fine_tune.origin(parent)
    folder.mkdir(parents=True, exist_ok=True)
    check_own(folder)
    with working_alone(folder, "train"):
        if (folder / MARKER).exists():  # another process has made it since this one looked
            raise BadOption(taken(folder))
        fine_tune.keep_base(folder, parent)
        build_networks(arch, strategy, folder.name, info, fine_tune.kept_base(folder))
        info["stages"] = [stage.name for stage in arch.stages]
        info["metrics"]["parameters"] = parameters(arch)
        model.create(folder, info, encoded.encoding, *primers(encoded, corpus))
        return run_chief(folder, arch, encoded, corpus, reporter, strategy)


def _info(
    corpus: Corpus, options: TrainOptions, encoded: Encoded, arch: Arch, conditions: Conditions, settings: RunSettings
) -> dict[str, Any]:
    """model.json of a run that begins, without what is known only once its networks are built."""
    return {
        "format": FORMAT,
        "arch": arch.to_json(),
        "encoding": encoded.encoding.to_json(),
        "spec": encoded.spec.to_json(),
        "conditions": conditions.to_json(),
        "corpus": {
            "name": corpus.name,
            "folder": str(corpus.folder.resolve()),
            "fingerprint": corpus.fingerprint,
            "licence": corpus.info.get("licence", ""),
        },
        "music": typical_music(corpus, encoded.encoding),
        "training": {"settings": to_json(settings), "options": to_json(options), "finished": None},
        "metrics": {"baselines": baselines(encoded) if arch.has_likelihood else {}},
        "provenance": provenance(settings.seed),
        "weights": {},
        "vocabulary_sha256": None,
    }


def _resume(folder: Path, given: Mapping[str, Any], reporter: Reporter, strategy: Strategy) -> Trained:
    """Take a run up where it stopped, under its own settings, in a folder that no other process works in."""
    info = read_info(folder)
    if info["weights"] and not checkpoint_path(folder).exists():
        if info["training"]["finished"] or (folder / HISTORY).exists():
            raise BadModel(
                f"{folder.name} has no checkpoint to go on from; its best weights are kept. Begin a run of another "
                "--name"
            )
        log.warning("%s was stopped before its first checkpoint was written; it begins again", folder.name)
    settings = resume_settings(info, folder, given)
    backend.configure(settings.precision, settings.seed)
    corpus, base = corpus_of(info, folder.name), fine_tune.kept_base(folder)
    encoded = encoded_for(corpus, stored(info, folder), reporter, base)
    if checkpoint_path(folder).exists():
        model.check_parameters(folder, info, encoded.spec, checkpoint_path(folder).stat().st_size)
    with as_bad_model(folder / MARKER):
        arch = archs.from_json(info["arch"], encoded.spec)
    info["training"] |= {"settings": to_json(settings), "finished": None}
    build_networks(arch, strategy, folder.name, info, base)
    write_json(folder / MARKER, info)
    return run_chief(folder, arch, encoded, corpus, reporter, strategy)
