"""Which model folder a training run has: one of its own, or that of the run to go on with."""

from __future__ import annotations

import os
import re
from contextlib import suppress
from itertools import count
from pathlib import Path

from musictool import home
from musictool.corpus.corpus import Corpus
from musictool.errors import BadModel, BadOption
from musictool.models.info import MARKER, read_info
from musictool.training.options import TrainOptions, is_same, stored


def existing(name: str | None) -> Path:
    """The model folder called so, or the one written last.

    Raises:
        UnknownName, BadModel: if there is none.
        BadOption: for one that ships with musictool.
    """
    if name is not None:
        named = home.find_model(name)
        if home.is_shipped(named):
            raise BadOption(taken(named))
        return named
    folder = home.latest(home.models_folder(), MARKER, lambda path: not home.is_shipped(path))
    if folder is None:
        raise BadModel(f"nothing to resume: no model under {home.models_folder()}")
    return folder


def check_own(folder: Path) -> None:
    """Training writes into the folder of its model and nowhere else. Raises BadModel for a link in it."""
    for place, folders, files in os.walk(folder):
        for name in (*folders, *files):
            path = Path(place, name)
            if path.is_symlink():
                raise BadModel(
                    f"{path} is a link, and training writes into the folder of its model only; remove the link, or put "
                    "what it leads to in its place"
                )


def folder_for(corpus: Corpus, name: str | None, options: TrainOptions, resume: bool | None) -> tuple[Path, bool]:
    """The folder for a run, and whether an unfinished run with the same settings is already in it.

    Without a name it is CORPUS-ARCH, or CORPUS-RECIPE, with a number behind it where that is taken. All of these are
    looked through for the run that the same command has begun; those that cannot be read are not it.

    Args:
        resume: None looks for such a run; False does not.

    Raises:
        BadOption: if a name is given, and taken.
        BadModel: if a name is given, and what lies there cannot be read.
    """
    if name is not None:
        folder = home.models_folder() / home.check_name(name)
        if not (folder / MARKER).exists():
            return folder, False
        if resume is None and _is_same(folder, corpus, options):
            return folder, True
        raise BadOption(taken(folder))
    base = home.check_name(f"{corpus.name}-{options.recipe or options.arch}")
    numbers = _numbers(base)
    for number in sorted(numbers) if resume is None else ():
        with suppress(BadModel):
            if _is_same(_numbered(base, number), corpus, options):
                return _numbered(base, number), True
    return _numbered(base, next(number for number in count(1) if number not in numbers)), False


def taken(folder: Path) -> str:
    """What to do where a model lies already."""
    if home.is_shipped(folder):
        return (
            f"{folder.name} ships with musictool and is never written to; fine-tune it under another --name: "
            f"musictool train --init-from {folder.name}"
        )
    training = read_info(folder)["training"]
    if training["finished"] is None:
        return f"{folder} exists; go on with it by --resume, or take another --name, or remove it"
    more = {
        "epochs": f"--resume --epochs with more than {training['settings']['epochs']}",
        "time": "--resume, for as long again",
        "patience": f"--resume --patience with more than {training['settings']['patience']}",
    }
    further = more.get(training["finished"])  # what has counted its corpus is at its end
    return f"{folder} exists and its run is finished; take another --name, or remove it" + (
        f", or train it further by {further}" if further else ""
    )


def _numbers(base: str) -> set[int]:
    """Those of the models that are called BASE, which is number 1, or BASE-2, BASE-3, ..."""
    pattern = re.compile(rf"{re.escape(base)}(?:-([2-9]|[1-9]\d+))?")
    matches = (pattern.fullmatch(name) for name in home.names(home.models_folder(), MARKER))
    return {int(match[1] or 1) for match in matches if match}


def _numbered(base: str, number: int) -> Path:
    return home.models_folder() / (base if number == 1 else f"{base}-{number}")


def _is_same(folder: Path, corpus: Corpus, options: TrainOptions) -> bool:
    """Whether a model folder holds the unfinished run that these options describe."""
    info = read_info(folder)
    if info["training"]["finished"] or info["corpus"]["fingerprint"] != corpus.fingerprint:
        return False
    return is_same(options, stored(info, folder))
