"""From a corpus to a model: what `musictool train` does.

`train` encodes the corpus, makes the model folder or finds the run to go on with, measures what the model has to beat,
and trains (musictool/fitting.py).
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from musictool import home, model, strategy
from musictool.archs import _base as archs
from musictool.archs._base import Arch
from musictool.atomic import working_alone, write_json
from musictool.corpus import Corpus
from musictool.dataset import Encoded, encode_corpus
from musictool.encodings._base import Spec
from musictool.errors import BadCorpus, BadModel, BadOption, KindMismatch
from musictool.fitting import Run
from musictool.metrics.baselines import baselines
from musictool.model import Model
from musictool.model_contents import parameters, primers, provenance, typical_music
from musictool.model_info import FORMAT, MARKER, read_info
from musictool.registry import ARCHS, ENCODINGS
from musictool.reporter import Reporter
from musictool.run_state import Settings, checkpoint_path
from musictool.wishes import DEFAULTS, RESUMABLE, TO_C, check_encoding, checked, encodings_of, jsonable, semitones


@dataclass(frozen=True)
class Trained:
    """A finished run.

    Attributes:
        model: opened, with its best weights.
        reason: why it ended: "epochs", "patience" or "time".
        loss: validation nats a row of the best epoch; None for a corpus without validation pieces.
        baselines: the same for what it had to beat (musictool/metrics/baselines.py).
    """

    model: Model
    reason: str
    loss: float | None
    baselines: dict[str, float]

    @property
    def unbeaten(self) -> list[str]:
        """The baselines that the model did not beat."""
        return [name for name, nats in self.baselines.items() if self.loss is None or self.loss >= nats]


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
        name: the model's name; without one, CORPUS-ARCH, with a number behind it if that is taken.
        resume: True goes on with the run `name` (or the last one) under its own settings; False begins anew; None goes
            on if there is an unfinished run under that name which was begun with the same settings.
        listener: who is told how it goes.
        wishes: any of the keys of DEFAULTS; what is not given takes its default, or when resuming, stays.

    Raises:
        Stopped: on Ctrl-C, after saving.
        BadCorpus, BadModel, BadOption, UnknownName, KindMismatch: see musictool/errors.py.
    """
    wishes = checked(wishes)
    with strategy.precision_within():
        return _train(corpus, name, resume, listener or Reporter(), wishes)


def _train(
    corpus: str | Path | None, name: str | None, resume: bool | None, listener: Reporter, wishes: dict[str, Any]
) -> Trained:
    if resume:
        folder = _existing(name)
        if corpus is not None and Corpus.open(corpus).name != read_info(folder)["corpus"]["name"]:
            raise BadOption(f"the run {folder.name} learns another corpus; leave CORPUS out to resume it")
    else:
        opened = Corpus.open(corpus).select(wishes.get("where", ()))
        folder, unfinished = _place(opened, name, wishes, resume)
        if not unfinished:
            return _begin(opened, folder, {**DEFAULTS, **wishes}, listener)
    return _go_on(folder, wishes, listener)


def _existing(name: str | None) -> Path:
    if name is not None:
        return home.find(home.models_folder(), MARKER, name, "model")
    folder = home.latest(home.models_folder(), MARKER)
    if folder is None:
        raise BadModel(f"nothing to resume: no model under {home.models_folder()}")
    return folder


def _place(corpus: Corpus, name: str | None, wishes: Mapping[str, Any], resume: bool | None) -> tuple[Path, bool]:
    """The folder for a run, and whether an unfinished run with the same settings is already in it."""
    base = name if name is not None else f"{corpus.name}-{wishes.get('arch', DEFAULTS['arch'])}"
    folder = home.models_folder() / home.check_name(base)
    if not (folder / MARKER).exists():
        return folder, False
    if resume is None and _is_same(read_info(folder), corpus, wishes):
        return folder, True
    if name is not None:
        raise BadOption(f"{folder} exists; go on with it by --resume, or take another --name, or remove it")
    number = 2
    while (home.models_folder() / f"{base}-{number}" / MARKER).exists():
        number += 1
    return home.models_folder() / f"{base}-{number}", False


def _is_same(info: Mapping[str, Any], corpus: Corpus, wishes: Mapping[str, Any]) -> bool:
    """Whether a model folder holds the unfinished run that these wishes describe."""
    if info["training"]["finished"] or info["corpus"]["fingerprint"] != corpus.fingerprint:
        return False
    now = jsonable({**DEFAULTS, **wishes})
    then = info["training"]["wishes"]
    return all(
        then[key] == now[key] for key in DEFAULTS if key not in RESUMABLE and (key != "seed" or "seed" in wishes)
    )


def _begin(corpus: Corpus, folder: Path, wishes: dict[str, Any], listener: Reporter) -> Trained:
    """Make the model folder and train."""
    check_encoding(wishes)
    _check_arch(wishes)
    seed = secrets.randbelow(2**31) if wishes["seed"] is None else wishes["seed"]
    wishes = {**wishes, "seed": seed}
    precision = strategy.prepare(wishes["precision"], seed)
    encoded = _encoded(corpus, wishes, listener)
    arch = ARCHS.get(wishes["arch"]).sized(encoded.spec, wishes["size"], tuple(wishes["settings"]))
    settings = Settings(
        epochs=wishes["epochs"],
        max_minutes=wishes["max_minutes"],
        patience=wishes["patience"],
        batch_size=wishes["batch_size"] or arch.BATCH_SIZE,
        learning_rate=wishes["learning_rate"] or arch.LEARNING_RATE,
        window=wishes["window"] or arch.WINDOW,
        transpose=semitones(wishes),
        stretch=tuple(wishes["stretch"]),
        seed=seed,
        precision=precision,
    )
    info = {
        "format": FORMAT,
        "arch": arch.to_json(),
        "encoding": encoded.encoding.to_json(),
        "spec": encoded.spec.to_json(),
        "corpus": {
            "name": corpus.name,
            "folder": str(corpus.folder.resolve()),
            "fingerprint": corpus.fingerprint,
            "licence": corpus.info.get("licence", ""),
        },
        "music": typical_music(corpus),
        "training": {"settings": asdict(settings), "wishes": jsonable(wishes), "finished": None},
        "metrics": {"baselines": baselines(encoded), "parameters": parameters(arch)},
        "provenance": provenance(seed),
        "weights": {},
        "vocabulary_sha256": None,
    }
    model.create(folder, info, encoded.encoding, primers(encoded))
    return _run(folder, arch, encoded, corpus, settings, listener)


def _check_arch(wishes: Mapping[str, Any]) -> None:
    """What the arch cannot do, said before the corpus is encoded.

    Raises:
        KindMismatch, UnknownName, BadOption: for an encoding of another kind, a size or an option that it lacks.
    """
    arch, kind = ARCHS.get(wishes["arch"]), ENCODINGS.get(wishes["encoding"]).kind
    if arch.kind != kind:
        learners = ", ".join(name for name in ARCHS.names() if ARCHS.get(name).kind == kind)
        raise KindMismatch(
            f"the encoding {wishes['encoding']} writes {kind}, "
            + (f"which {learners} learns and {arch.name} does not" if learners else "which no arch learns yet")
            + f"; {arch.name} learns {encodings_of(arch.kind)}"
        )
    arch.sized(Spec(kind, (), 0), wishes["size"], tuple(wishes["settings"]))


def _go_on(folder: Path, wishes: Mapping[str, Any], listener: Reporter) -> Trained:
    """Take a run up where it stopped, under its own settings."""
    info = read_info(folder)
    if info["weights"] and not checkpoint_path(folder).exists():
        raise BadModel(
            f"{folder.name} has no checkpoint to go on from; its best weights are kept. Begin a run of another --name"
        )
    then = info["training"]["wishes"]
    for key, value in jsonable(wishes).items():
        if key not in RESUMABLE and value != then[key]:
            raise BadOption(
                f"the run {folder.name} was begun with {key.replace('_', ' ')} {then[key]}, not {value}; resuming can "
                f"change only {', '.join(RESUMABLE).replace('_', ' ')}. For a run of its own take another --name"
            )
    stored = info["training"]["settings"]
    settings = replace(
        Settings(**{**stored, "transpose": tuple(stored["transpose"]), "stretch": tuple(stored["stretch"])}),
        **{key: wishes[key] for key in RESUMABLE if key in wishes},
    )
    strategy.prepare(settings.precision, settings.seed)  # type: ignore[arg-type]
    corpus = Corpus.open(_corpus_folder(info)).select(then["where"])
    if corpus.fingerprint != info["corpus"]["fingerprint"]:
        raise BadCorpus(
            f"the corpus {corpus.name} has changed since the run {folder.name} began; begin a new run on it: "
            f"musictool train {corpus.name} --no-resume"
        )
    encoded = _encoded(corpus, then, listener)
    arch = archs.from_json(info["arch"], encoded.spec)
    info["training"] |= {"settings": asdict(settings), "finished": None}
    write_json(folder / MARKER, info)
    return _run(folder, arch, encoded, corpus, settings, listener)


def _run(folder: Path, arch: Arch, encoded: Encoded, corpus: Corpus, settings: Settings, listener: Reporter) -> Trained:
    run = Run(folder, arch, encoded, settings, listener)
    listener.run_begins(run, read_info(folder), corpus)
    with working_alone(folder, "train"):
        reason = run.run()
    info = read_info(folder)
    info["training"]["finished"] = reason
    write_json(folder / MARKER, info)
    return Trained(Model.open(folder), reason, info["metrics"].get("val_loss"), info["metrics"]["baselines"])


def _encoded(corpus: Corpus, wishes: Mapping[str, Any], listener: Reporter) -> Encoded:
    low, high = semitones(wishes)
    encoded = encode_corpus(
        corpus,
        wishes["encoding"],
        wishes["encoding_settings"],
        range(low, high + 1),
        to_c=wishes["transpose"] == TO_C,
        progress=listener.encoding,
    )
    if not len(encoded.pieces("train")):
        raise BadCorpus(f"no training piece of {corpus.name} has music that {wishes['encoding']} can write down")
    return encoded


def _corpus_folder(info: Mapping[str, Any]) -> Path:
    """Where the corpus of a run lies now: where it was, or under its name in this home."""
    folder = Path(info["corpus"]["folder"])
    for place in (folder, home.corpora_folder() / info["corpus"]["name"]):
        if (place / home.CORPUS_MARKER).exists():
            return place
    raise BadCorpus(
        f"the corpus {info['corpus']['name']} that this run learns is gone from {folder.parent}; prepare it again"
    )
