"""What the files of a registry say about themselves, read from their source without importing them.

Archs import Keras, which takes seconds; a list of what there is must not. So this reads the syntax tree of an entry's
file, and of the files of the same package that its class and its Options build on, and evaluates the arguments of
`option(...)` with the constants of these files. tests/test_catalogue.py compares it with the imported classes.
"""

from __future__ import annotations

import ast
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from musictool.errors import MusictoolError
from musictool.registry import ARCHS, Registry, class_name


@dataclass(frozen=True)
class Listing:
    """One file of a registry.

    Attributes:
        name: as on the command line.
        summary: the first line of its docstring, without the full stop.
        settings: (key=default, help) of each option that `--set` takes.
    """

    name: str
    summary: str
    settings: list[tuple[str, str]]


def entries(registry: Registry) -> list[Listing]:
    """Every entry of a registry, sorted by name.

    Raises:
        MusictoolError: for an option that cannot be read without importing its file.
    """
    return [_entry(registry, name) for name in registry.names()]


def default_encoding(arch: str) -> str:
    """The encoding that an arch learns by default: DEFAULT_ENCODING of its class, or of one that this builds on."""
    constant = _member(ARCHS, arch, "DEFAULT_ENCODING")
    if constant is None:
        raise ValueError(f"{arch} names no DEFAULT_ENCODING")
    return str(constant.value())


def _entry(registry: Registry, name: str) -> Listing:
    summary = (ast.get_docstring(_tree(registry.path(name))) or "").partition("\n")[0].rstrip(".")
    cls = _member(registry, name, "Options")
    options = cls.options() if cls else {}
    return Listing(name, summary, [(f"{key}={_text(default)}", text) for key, (default, text) in options.items()])


def _member(registry: Registry, name: str, member: str) -> _Source | None:
    """What the class of an entry, or one that it builds on, has under a name; None for none, or without a class."""
    cls = _top_level(registry.path(name), class_name(name))
    return cls.member(member) if cls else None


@dataclass(frozen=True)
class _Source:
    """A class or an expression, and its file."""

    path: Path
    node: ast.ClassDef | ast.expr
    cls: ast.ClassDef | None = None  # whose body the expression is part of

    def resolved(self) -> _Source | None:
        """The class that this is, or that it names; None for one from outside the package."""
        if isinstance(self.node, ast.ClassDef):
            return self
        if isinstance(self.node, ast.Subscript):  # Base[Type]
            return _Source(self.path, self.node.value).resolved()
        if isinstance(self.node, ast.Attribute):  # Lstm.Options
            owner = _Source(self.path, self.node.value).resolved()
            target = owner.member(self.node.attr) if owner else None
        else:
            target = _top_level(self.path, self.node.id) if isinstance(self.node, ast.Name) else None
        return target.resolved() if target else None

    def member(self, name: str) -> _Source | None:
        """What a class has under a name, itself or from the first of its bases that has it."""
        assert isinstance(self.node, ast.ClassDef)
        member = _assigned(self.path, self.node.body, name, self.node)
        return member or next(filter(None, (base.member(name) for base in self.bases())), None)

    def bases(self) -> list[_Source]:
        """The classes of the package that a class builds on."""
        assert isinstance(self.node, ast.ClassDef)
        bases = (_Source(self.path, base).resolved() for base in self.node.bases)
        return [base for base in bases if base]

    def options(self) -> dict[str, tuple[Any, str]]:
        """Name -> (default, help) of each option of a dataclass, in the order in which dataclasses has its fields."""
        cls = self.resolved()
        if cls is None or not isinstance(cls.node, ast.ClassDef):
            raise self.unreadable("this is no class whose options could be read")
        options: dict[str, tuple[Any, str]] = {}
        for base in reversed(cls.bases()):
            options |= base.options()
        for node in cls.node.body:
            if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name) and node.value:
                call = _Source(cls.path, node.value, cls.node)
                if isinstance(node.value, ast.Call):
                    options[node.target.id] = call.default_and_help()
                else:
                    options.pop(node.target.id, None)  # a field without help, or none at all
        return options

    def default_and_help(self) -> tuple[Any, str]:
        """`option(256, "units", least=1)` -> (256, "units")."""
        call = self.node
        assert isinstance(call, ast.Call)
        name = call.func.attr if isinstance(call.func, ast.Attribute) else getattr(call.func, "id", "")
        if name != "option":
            raise self.unreadable("only what is declared with option(...) can be read")
        given = dict(zip(("default", "help"), call.args, strict=False))
        given |= {keyword.arg: keyword.value for keyword in call.keywords if keyword.arg}
        if not {"default", "help"} <= set(given):
            raise self.unreadable("option(...) takes a default and a help text")
        default, text = (_Source(self.path, given[key], self.cls).value() for key in ("default", "help"))
        return default, text

    def value(self) -> Any:
        """What an expression of literals and constants of the package comes to."""
        assert isinstance(self.node, ast.expr)
        constants = {}
        for node in ast.walk(self.node):
            if isinstance(node, ast.Name):
                constant = _assigned(self.path, self.cls.body, node.id) if self.cls else None
                constant = constant or _top_level(self.path, node.id)
                if constant is None or isinstance(constant.node, ast.ClassDef):
                    raise self.unreadable(f"{node.id} is no constant of this package")
                constants[node.id] = constant.value()
        try:
            code = compile(ast.Expression(self.node), str(self.path), "eval")
            return eval(code, {"__builtins__": {}}, constants)
        except Exception as error:
            raise self.unreadable(str(error)) from None

    def unreadable(self, reason: str) -> MusictoolError:
        return MusictoolError(
            f"{self.path}, line {self.node.lineno}: `{ast.unparse(self.node)}` cannot be read without importing the "
            f"file ({reason}); write it with literals and with constants of modules of this package"
        )


def _top_level(path: Path, name: str) -> _Source | None:
    """What the top level of a file has under a name, which may come from another file of the package."""
    source = _assigned(path, _tree(path).body, name)
    if source:
        return source
    for node in _tree(path).body:
        if isinstance(node, ast.ImportFrom) and node.module and (file := _file(path, node.module)):
            for alias in node.names:
                if name == (alias.asname or alias.name):
                    return _top_level(file, alias.name)
    return None


def _assigned(path: Path, body: list[ast.stmt], name: str, cls: ast.ClassDef | None = None) -> _Source | None:
    """The class or the value of this name in a body of statements."""
    for node in body:
        if isinstance(node, ast.ClassDef) and node.name == name:
            return _Source(path, node)
        targets = node.targets if isinstance(node, ast.Assign) else [getattr(node, "target", None)]
        value = node.value if isinstance(node, ast.Assign | ast.AnnAssign) else None
        if value and any(isinstance(target, ast.Name) and target.id == name for target in targets):
            return _Source(path, value, cls)
    return None


def _file(path: Path, module: str) -> Path | None:
    """The file of a module of the package that `path` lies in; None for one of another."""
    package = path.parent
    while (package.parent / "__init__.py").exists():
        package = package.parent
    top, *parts = module.split(".")
    if top != package.name:
        return None
    file = package.joinpath(*parts)
    return file / "__init__.py" if file.is_dir() else file.with_suffix(".py")


@cache
def _tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


def _text(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
