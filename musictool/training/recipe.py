"""Recipes: named settings of train that rebuild one published system, as far as they are known.

A recipe is a file of musictool/recipes/, named NAME.json:

    summary   what it is, in a line
    source    authors, title, and where they are known year and address
    corpus    wants: the music that it is for; prepare: the command that makes such a corpus
    train     the options of `train` that it fixes; settings of arch and encoding as a table
    sample    options of `sample` that go with it; may be missing
    differs   what of the original is not reproduced, or not known

Options given beside --recipe go before it. Without TensorFlow.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from importlib import resources
from typing import Any

from musictool.errors import UnknownName

FOLDER = resources.files("musictool") / "recipes"


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
    def options(self) -> dict[str, Any]:
        """What `train` is given: tables of settings as "key=value" strings."""
        return {key: _settings(value) if isinstance(value, dict) else value for key, value in self.train.items()}


def names() -> list[str]:
    """Of all recipes, sorted."""
    files = (path.name for path in FOLDER.iterdir())
    return sorted(name.removesuffix(".json") for name in files if name.endswith(".json"))


@cache
def get(name: str) -> Recipe:
    """The recipe called so. Raises UnknownName with a suggestion."""
    if name not in names():
        raise UnknownName.of("recipe", name, names())
    values = json.loads(FOLDER.joinpath(f"{name}.json").read_text(encoding="utf-8"))
    return Recipe(name, **{**values, "differs": tuple(values["differs"])})


def over_recipe(given: Mapping[str, Any]) -> dict[str, Any]:
    """The options that are given, over those of the recipe that they name, if they name one.

    Settings of arch and encoding go over the recipe's one by one; with another arch or encoding than the recipe's, the
    settings for the recipe's one are left out.
    """
    if not given.get("recipe"):
        return dict(given)
    fixed = get(given["recipe"]).options
    for name, dependent in (("arch", ("size", "settings")), ("encoding", ("encoding_settings",))):
        if given.get(name, fixed[name]) != fixed[name]:
            fixed = {key: value for key, value in fixed.items() if key not in dependent}
    both: dict[str, Any] = {
        name: (*(setting for setting in fixed[name] if setting not in given[name]), *given[name])
        for name in ("settings", "encoding_settings")
        if name in fixed and name in given
    }
    return {**fixed, **given, **both}


def _settings(table: Mapping[str, Any]) -> tuple[str, ...]:
    return tuple(f"{key}={str(value).lower() if isinstance(value, bool) else value}" for key, value in table.items())
