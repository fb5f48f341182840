"""Recipes: named settings of train that rebuild one published system, as far as they are known.

A recipe is a file of musictool/recipes/, named NAME.json:

    summary   what it is, in a line
    source    authors, title, and where they are known year and address
    corpus    wants: the music that it is for; prepare: the command that makes such a corpus
    train     the wishes of `train` that it fixes; options of arch and encoding as a table
    sample    options of `sample` that go with it; may be missing
    differs   what of the original is not reproduced, or not known

What is said on the command line beside --recipe goes before it. Without TensorFlow.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

from musictool.errors import UnknownName

FOLDER = Path(__file__).parent.parent / "recipes"
OF_ARCH, OF_ENCODING = ("size", "settings"), ("encoding_settings",)


@dataclass(frozen=True)
class Recipe:
    """One file of the folder; see above."""

    name: str
    summary: str
    source: Mapping[str, Any]
    corpus: Mapping[str, str]
    train: Mapping[str, Any]
    differs: tuple[str, ...]
    sample: Mapping[str, Any] = field(default_factory=dict)

    @property
    def wishes(self) -> dict[str, Any]:
        """What `train` is given: tables of options as "key=value" strings, lists as tuples."""
        return {key: _as_wish(value) for key, value in self.train.items()}


def names() -> list[str]:
    """Of all recipes, sorted."""
    return sorted(path.stem for path in FOLDER.glob("*.json"))


@cache
def get(name: str) -> Recipe:
    """The recipe called so. Raises UnknownName with a suggestion."""
    if name not in names():
        raise UnknownName.of("recipe", name, names())
    values = json.loads((FOLDER / f"{name}.json").read_text(encoding="utf-8"))
    return Recipe(name, **{**values, "differs": tuple(values["differs"])})


def followed(wishes: Mapping[str, Any]) -> dict[str, Any]:
    """These wishes over those of the recipe that they name, if they name one.

    Options are given over the recipe's, one by one; with another arch or encoding than the recipe's, its options for
    the one that it means are left out.
    """
    if not wishes.get("recipe"):
        return dict(wishes)
    own = get(wishes["recipe"]).wishes
    for key, options in (("arch", OF_ARCH), ("encoding", OF_ENCODING)):
        if wishes.get(key, own[key]) != own[key]:
            own = {name: value for name, value in own.items() if name not in options}
    added: dict[str, Any] = {
        key: (*own[key], *(setting for setting in wishes[key] if setting not in own[key]))
        for key in ("settings", "encoding_settings")
        if key in own and key in wishes
    }
    return {**own, **wishes, **added}


def _as_wish(value: Any) -> Any:
    if isinstance(value, dict):
        return tuple(f"{key}={_text(each)}" for key, each in value.items())
    return tuple(value) if isinstance(value, list) else value


def _text(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
