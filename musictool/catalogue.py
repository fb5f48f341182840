"""What the files of a registry say about themselves, read from their source without importing them.

Archs import Keras, which takes seconds; a list of what there is must not.
"""

from __future__ import annotations

import ast
from dataclasses import dataclass
from pathlib import Path

from musictool.registry import ARCHS, Registry


@dataclass(frozen=True)
class Entry:
    """One file of a registry.

    Attributes:
        name: as on the command line.
        summary: the first line of its docstring, without the full stop.
        settings: (key=default, what it is) of each option that `--set` takes.
    """

    name: str
    summary: str
    settings: list[tuple[str, str]]


def entries(registry: Registry) -> list[Entry]:
    """Every entry of a registry, sorted by name."""
    return [_entry(registry, name) for name in registry.names()]


def _entry(registry: Registry, name: str) -> Entry:
    tree = ast.parse(registry.path(name).read_text(encoding="utf-8"))
    summary = (ast.get_docstring(tree) or "").partition("\n")[0].rstrip(".")
    trees = [*(ast.parse(path.read_text(encoding="utf-8")) for path in _shared(registry, tree)), tree]
    return Entry(name, summary, [setting for each in trees for setting in _settings(each)])


def default_encoding(arch: str) -> str:
    """The encoding that an arch learns by default: DEFAULT_ENCODING of its file, or of what that builds on."""
    trees = [ast.parse(ARCHS.path(arch).read_text(encoding="utf-8"))]
    for tree in trees:  # grows on the way
        for node in ast.walk(tree):
            if (said := _constant(node, "DEFAULT_ENCODING")) is not None:
                return said
        trees += [ast.parse(path.read_text(encoding="utf-8")) for path in _shared(ARCHS, tree)]
    raise ValueError(f"{arch} names no DEFAULT_ENCODING")


def _constant(node: ast.AST, name: str) -> str | None:
    """`NAME = "value"` or `NAME: ... = "value"` -> "value"."""
    targets = node.targets if isinstance(node, ast.Assign) else [node.target] if isinstance(node, ast.AnnAssign) else []
    if not any(isinstance(target, ast.Name) and target.id == name for target in targets):
        return None
    value = getattr(node, "value", None)
    return str(value.value) if isinstance(value, ast.Constant) else None


def _settings(tree: ast.Module) -> list[tuple[str, str]]:
    return [setting for node in ast.walk(tree) if (setting := _setting(node))]


def _shared(registry: Registry, tree: ast.Module) -> list[Path]:
    """The `_underscore` files of the folder that a file imports: it has their options too."""
    modules = [node.module or "" for node in tree.body if isinstance(node, ast.ImportFrom)]
    own = [module.removeprefix(f"{registry.package}.") for module in modules if module.startswith(registry.package)]
    return [registry.path(module) for module in own if module.startswith("_")]


def _setting(node: ast.AST) -> tuple[str, str] | None:
    """`width: int = option(256, "units")` -> ("width=256", "units")."""
    if not (isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name)):
        return None
    call = node.value
    if not (isinstance(call, ast.Call) and isinstance(call.func, ast.Name) and call.func.id == "option"):
        return None
    default, meaning = (ast.literal_eval(argument) for argument in call.args)
    text = str(default).lower() if isinstance(default, bool) else str(default)
    return f"{node.target.id}={text}", meaning
