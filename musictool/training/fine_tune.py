"""Fine-tuning: a new model that begins as another one, its parent, and learns other music.

It keeps the parent's arch, options, encoding and conditions. Tokens and labels of the corpus that the parent lacks come
after the parent's, so that every weight of the parent keeps its place in a larger one. A new token begins with the mean
of the embeddings of the parent's tokens, beside that of its features, which all tokens share. A new label begins with
zeros.

Limit: nothing holds the parent's music in mind; train long on a small corpus, and it is forgotten.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from keras import ops

from musictool.arch import Arch
from musictool.atomic import write_json
from musictool.encoding import FIRST_TOKEN
from musictool.errors import BadModel, BadOption
from musictool.layers.tied_embedding import PER_TOKEN
from musictool.models.model import Model
from musictool.models.parts import VOCABULARY
from musictool.strict import json as strict_json

BASE = Path("checkpoints") / "base_vocabulary.json"  # the parent's; a resumed run encodes with it again


def parent_of(name: str | None) -> Model | None:
    """The model to begin as; None for no name.

    Raises:
        UnknownName, BadModel: there is none, or it has no weights yet.
        BadOption: it is of an arch that does not learn by steps.
    """
    if name is None:
        return None
    parent = Model.open(name)
    if any(stage.counting for stage in parent.arch.stages):
        raise BadOption(
            f"--init-from {name}: {parent.info['arch']['name']} counts its corpus at once and has nothing to go on "
            "from; train one on both corpora instead"
        )
    return parent


def origin(parent: Model | None) -> dict[str, Any]:
    """What a model's provenance says about its parent, if it has one."""
    if parent is None:
        return {}
    return {"init_from": {"name": parent.name, "folder": str(parent.folder.resolve()), "checksum": parent.checksum}}


def keep_base(folder: Path, parent: Model | None) -> None:
    """Note the parent's vocabulary in the new model's folder, if it has one; else nothing a dead run has left there."""
    vocabulary = None if parent is None else parent.encoding.vocabulary()
    if vocabulary is None:
        (folder / BASE).unlink(missing_ok=True)
    else:
        write_json(folder / BASE, vocabulary)


def kept_base(folder: Path) -> dict[str, Any] | None:
    """The parent's vocabulary; None for a model without a parent, or whose encoding has none.

    Raises BadModel for one that cannot be read."""
    path = folder / BASE
    try:
        base: dict[str, Any] = strict_json.read(path, VOCABULARY)
    except FileNotFoundError:
        return None
    except (OSError, ValueError) as error:
        raise BadModel(f"{path} cannot be read: {error}") from None
    return base


def load_parent(arch: Arch, provenance: dict[str, Any]) -> None:
    """Give an arch the weights of the parent that `origin` described, if it has one.

    Raises BadModel if the parent is gone, or another now."""
    origin = provenance.get("init_from")
    if not origin:
        return
    parent = Model.open(origin["folder"])
    if parent.checksum != origin["checksum"]:
        raise BadModel(f"{parent.folder} has changed since this run began from it; begin the run again")
    for stage, before in zip(arch.stages, parent.arch.stages, strict=True):
        pairs = zip(stage.network.weights, before.network.weights, strict=True)
        for weight, old in pairs:
            per_token = weight.path.endswith(PER_TOKEN)
            weight.assign(enlarged(ops.convert_to_numpy(old), weight.shape, per_token))


def enlarged(old: np.ndarray, shape: tuple[int, ...], per_token: bool) -> np.ndarray:
    """An array of a larger `shape` that begins with `old`.

    Args:
        per_token: axis 0 counts symbols: the rest of it is the mean over those there were. Any other rest is 0.
    """
    for axis, more in enumerate(np.subtract(shape, old.shape).tolist()):
        if more:
            mean = old[FIRST_TOKEN:].mean(0, keepdims=True) if per_token and not axis else 0.0
            rest = np.broadcast_to(mean, (*old.shape[:axis], more, *old.shape[axis + 1 :]))
            old = np.concatenate([old, rest], axis)
    return old
