"""From a corpus to a model: what `musictool train` does.

`train` encodes the corpus, makes the model folder or finds the run to go on with, measures what the model has to beat,
and trains (musictool/training/run.py).
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from musictool import arch as archs
from musictool.arch import Arch
from musictool.atomic import working_alone, write_json
from musictool.backend import backend
from musictool.backend.machines import PLACEMENT
from musictool.backend.precision import precision_within
from musictool.backend.strategy import Strategy
from musictool.corpus.corpus import Corpus
from musictool.corpus.training_corpus import corpus_of
from musictool.dataset.conditions import of_corpus
from musictool.encoding import Spec
from musictool.errors import BadModel, BadOption, KindMismatch
from musictool.metrics.baselines import baselines
from musictool.models import model
from musictool.models.contents import parameters, primers, provenance, typical_music
from musictool.models.info import FORMAT, MARKER, read_info, reading
from musictool.registry import ARCHS, ENCODINGS
from musictool.training import fine_tune as growing
from musictool.training.event_log import check_event_log
from musictool.training.folders import existing, folder_for, taken, wishes_of
from musictool.training.options import (
    DEFAULTS,
    RESUMABLE,
    check_conditions,
    check_encoding,
    checked,
    encodings_of,
    inherited,
    jsonable,
    semitones,
)
from musictool.training.reporter import Reporter
from musictool.training.run_state import Settings, checkpoint_path
from musictool.training.workers import Trained, build, encoded_for, follow, learn


def train(
    corpus: str | Path | None = None,
    *,
    name: str | None = None,
    resume: bool | None = None,
    listener: Reporter | None = None,
    **wishes: Any,
) -> Trained:
    """Train a model on a corpus.

    Args:
        corpus: a corpus's name or path; without one, the corpus prepared last.
        name: the model's name; without one, CORPUS-ARCH, or CORPUS-RECIPE, with a number behind it if that is taken.
        resume: True goes on with the run `name` (or the last one) under its own settings; False begins anew; None goes
            on if there is an unfinished run under that name (without one, under any number) that was begun with the
            same settings.
        listener: who is told how it goes.
        wishes: any of the keys of DEFAULTS; what is not given takes its default, or when resuming, stays. And where to
            compute, any of the keys of PLACEMENT (musictool/backend/machines.py): on several machines, each makes this
            same call.

    Raises:
        Stopped: on Ctrl-C, after saving.
        Busy: when another process trains that model.
        LostWorker: when another machine that works on the run is gone.
        BadCorpus, BadModel, BadOption, UnknownName, KindMismatch: see musictool/errors.py.
    """
    place = {
        key: otherwise if (said := wishes.pop(key, None)) is None else said for key, otherwise in PLACEMENT.items()
    }
    wishes = checked(wishes)
    if wishes.get("tensorboard"):
        check_event_log()
    with precision_within():
        devices = backend.chosen_strategy(place)
        with devices.watched():
            if not devices.is_chief:
                return follow(devices, listener or Reporter())
            return _train(corpus, name, resume, listener or Reporter(), wishes, devices)


def _train(
    corpus: str | Path | None,
    name: str | None,
    resume: bool | None,
    listener: Reporter,
    wishes: dict[str, Any],
    devices: Strategy,
) -> Trained:
    if resume:
        folder = existing(name)
        if corpus is not None and Corpus.open(corpus).name != read_info(folder)["corpus"]["name"]:
            raise BadOption(f"the run {folder.name} learns another corpus; leave CORPUS out to resume it")
    else:
        wishes = inherited(wishes)
        opened = Corpus.open(corpus).select(wishes.get("where", ()))
        folder, unfinished = folder_for(opened, name, wishes, resume)
        if not unfinished:
            return _begin(opened, folder, {**DEFAULTS, **wishes}, listener, devices)
    with working_alone(folder, "train"):
        return _go_on(folder, wishes, listener, devices)


def _begin(corpus: Corpus, folder: Path, wishes: dict[str, Any], listener: Reporter, devices: Strategy) -> Trained:
    """Make the model folder and train."""
    check_encoding(wishes)
    check_conditions(wishes)
    _check_arch(wishes)
    parent = growing.parent_of(wishes["init_from"])
    conditions = of_corpus(
        corpus, wishes["controls"], wishes["label"], parent.conditions.labels if parent is not None else ()
    )
    seed = secrets.randbelow(2**31) if wishes["seed"] is None else wishes["seed"]
    wishes = {**wishes, "seed": seed}
    precision = backend.prepare(wishes["precision"], seed, ARCHS.get(wishes["arch"]).BFLOAT16_ON_CPU)
    encoded = encoded_for(corpus, wishes, listener, parent.encoding.vocabulary() if parent is not None else None)
    if parent is None:
        arch = ARCHS.get(wishes["arch"]).sized(encoded.spec, wishes["size"], wishes["settings"], conditions.size)
    else:
        arch = archs.from_json({**parent.info["arch"], "conditions": conditions.size}, encoded.spec)
    arch.check(encoded)
    settings = _settings(wishes, arch, precision)
    info: dict[str, Any] = {
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
        "music": typical_music(corpus),
        "training": {"settings": asdict(settings), "wishes": jsonable(wishes), "finished": None},
        "metrics": {"baselines": baselines(encoded) if arch.has_likelihood else {}},
        "provenance": provenance(seed)
        | {"strategy": devices.name, "replicas": devices.replicas}
        | ({} if parent is None else {"init_from": growing.origin(parent)}),
        "weights": {},
        "vocabulary_sha256": None,
    }
    folder.mkdir(parents=True, exist_ok=True)
    with working_alone(folder, "train"):
        if (folder / MARKER).exists():  # another process has made it since this one looked
            raise BadOption(taken(folder))
        growing.keep_base(folder, parent)
        build(arch, devices, folder.name, info, growing.kept_base(folder))
        info["stages"] = [stage.name for stage in arch.stages]
        info["metrics"]["parameters"] = parameters(arch)
        model.create(folder, info, encoded.encoding, primers(encoded))
        return learn(folder, arch, encoded, corpus, listener, devices)


def _settings(wishes: Mapping[str, Any], arch: Arch, precision: str) -> Settings:
    """The wishes, and what the arch starts from where there are none."""

    def wished(key: str, otherwise: Any) -> Any:
        return otherwise if wishes[key] is None else wishes[key]

    return Settings(
        epochs=wishes["epochs"],
        max_minutes=wishes["max_minutes"],
        patience=wishes["patience"],
        batch_size=wished("batch_size", arch.BATCH_SIZE),
        learning_rate=wished("learning_rate", arch.LEARNING_RATE),
        warmup=wished("warmup", arch.WARMUP),
        decay=wished("decay", arch.DECAY),
        clip_norm=wished("clip_norm", arch.CLIP_NORM),
        window=wished("window", arch.WINDOW),
        transpose=semitones(wishes),
        stretch=tuple(wishes["stretch"]),
        seed=wishes["seed"],
        precision=precision,
        tensorboard=wishes["tensorboard"],
    )


def _check_arch(wishes: Mapping[str, Any]) -> None:
    """What the arch cannot do, said before the corpus is encoded.

    Raises:
        KindMismatch, UnknownName, BadOption: for an encoding of another kind, a size or an option that it lacks.
    """
    arch, encoding = ARCHS.get(wishes["arch"]), ENCODINGS.get(wishes["encoding"])
    kind = encoding.kind
    if arch.kind != kind:
        raise KindMismatch(
            f"the encoding {wishes['encoding']} writes {kind}, for {', '.join(archs.archs_for(kind))}, and not for "
            f"{arch.name}; {arch.name} learns {encodings_of(arch.kind)}"
        )
    spec = Spec(kind, (), 0) if kind == "tokens" else encoding().spec  # a vocabulary is not yet known
    arch.sized(spec, wishes["size"], wishes["settings"], int(bool(wishes["controls"] or wishes["label"])))


def _go_on(folder: Path, wishes: Mapping[str, Any], listener: Reporter, devices: Strategy) -> Trained:
    """Take a run up where it stopped, under its own settings, in a folder that no other process works in."""
    info = read_info(folder)
    if info["weights"] and not checkpoint_path(folder).exists():
        raise BadModel(
            f"{folder.name} has no checkpoint to go on from; its best weights are kept. Begin a run of another --name"
        )
    then = wishes_of(info)
    for key, value in jsonable(wishes).items():
        if key not in RESUMABLE and value != then[key]:
            raise BadOption(
                f"the run {folder.name} was begun with {key.replace('_', ' ')} {then[key]}, not {value}; resuming can "
                f"change only {', '.join(RESUMABLE).replace('_', ' ')}. For a run of its own take another --name"
            )
    anew = {key: wishes[key] for key in RESUMABLE if key in wishes}
    settings = replace(Settings.from_json(info["training"]["settings"]), **anew)
    backend.prepare(settings.precision, settings.seed)  # type: ignore[arg-type]
    corpus = corpus_of(info, folder.name)
    encoded = encoded_for(corpus, then, listener, growing.kept_base(folder))
    with reading(folder / MARKER):
        arch = archs.from_json(info["arch"], encoded.spec)
    info["training"] |= {"settings": asdict(settings), "finished": None}
    build(arch, devices, folder.name, info, growing.kept_base(folder))
    info["stages"] = [stage.name for stage in arch.stages]  # which older ones do not say
    write_json(folder / MARKER, info)
    return learn(folder, arch, encoded, corpus, listener, devices)
