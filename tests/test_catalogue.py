"""What is read from source is what importing would give."""

from __future__ import annotations

import re
import sys
from pathlib import Path
from textwrap import dedent

import pytest

from musictool.catalogue import default_encoding, entries
from musictool.errors import MusictoolError
from musictool.options import describe
from musictool.registry import ARCHS, ENCODINGS, Registry

EVERY = [(registry, entry) for registry in (ENCODINGS, ARCHS) for entry in entries(registry)]


@pytest.mark.parametrize("registry, entry", EVERY, ids=[entry.name for _, entry in EVERY])
def test_what_a_file_says_of_itself_is_what_its_class_has(registry: Registry, entry):
    options = describe(registry.get(entry.name).Options)
    assert entry.settings == [(setting, help_text) for setting, _, help_text in options]
    assert entry.summary
    assert not entry.summary.endswith(".")


@pytest.mark.parametrize("arch", ARCHS.names())
def test_the_default_encoding_is_that_of_the_class_and_of_its_kind(arch: str):
    assert default_encoding(arch) == ARCHS.get(arch).DEFAULT_ENCODING
    assert ENCODINGS.get(default_encoding(arch)).kind == ARCHS.get(arch).kind


def package(folder: Path, monkeypatch: pytest.MonkeyPatch, **files: str) -> Registry:
    """A registry of a package that has these files."""
    name = f"package_{folder.name}"
    (folder / name).mkdir()
    for file, text in {"__init__": "", **files}.items():
        header = (
            "from dataclasses import dataclass\nfrom typing import ClassVar\nfrom musictool.options import option\n"
        )
        (folder / name / f"{file}.py").write_text(header + dedent(text).replace("PACKAGE", name), encoding="utf-8")
    monkeypatch.syspath_prepend(folder)
    return Registry(name, "arch")


@pytest.mark.parametrize(
    "files",
    [
        {"net": "class Net:\n  @dataclass\n  class Options:\n    width: int = option(128, help='units', least=1)"},
        {"net": "class Net:\n  @dataclass\n  class Options:\n    width: int = option(help='units', default=128)"},
        {"net": "@dataclass\nclass Options:\n  width: int = option(128, 'units')\nclass Net:\n  Options = Options"},
        {
            "net": """
                WIDTH = 64
                UNITS: str = "units"
                class Net:
                    @dataclass
                    class Options:
                        width: int = option(2 * WIDTH, UNITS, least=WIDTH)
                """
        },
        {
            "net": """
                from PACKAGE._sizes import SIZE as WIDTH, units
                class Net:
                    @dataclass
                    class Options:
                        twice: ClassVar[int] = 2
                        width: int = option(twice * WIDTH, f"{units}")
                """,
            "_sizes": "SIZE = 64\nunits = 'units'",
        },
        {
            "net": "from PACKAGE._middle import Middle\nclass Net(Middle):\n  name = 'net'",
            "_middle": "from PACKAGE._base import Base\nclass Middle(Base):\n  pass",
            "_base": "class Base:\n  @dataclass\n  class Options:\n    width: int = option(128, 'units')",
        },
        {
            "net": """
                from PACKAGE._middle import Middle
                class Net:
                    @dataclass
                    class Options(Middle.Options):
                        width: int = option(128, "units")
                """,
            "_middle": "from PACKAGE._base import BaseOptions\nclass Middle:\n  Options = BaseOptions",
            "_base": """
                @dataclass
                class BaseOptions:
                    width: int = option(64, "to be declared again, in the same place")
                    depth: int = option(2, "layers")
                    bare: int = 3
                    LIMIT: ClassVar[int] = 4
                """,
        },
        {
            "net": """
                from PACKAGE._base import First, Second
                class Net:
                    @dataclass
                    class Options(Second, First):
                        residual: bool = option(True, "whether")
                """,
            "_base": """
                @dataclass
                class First:
                    width: int = option(128, "units")
                @dataclass
                class Second:
                    rate: float = option(0.5, "dropout rate")
                """,
        },
    ],
)
def test_options_are_read_however_they_are_declared(
    files: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    registry = package(tmp_path, monkeypatch, **files)
    (entry,) = entries(registry)
    assert ("width=128", "units") in entry.settings
    assert registry.package not in {name.partition(".")[0] for name in sys.modules if name != registry.package}
    described = describe(registry.get("net").Options)
    assert entry.settings == [(setting, help_text) for setting, _, help_text in described]


@pytest.mark.parametrize(
    "line, reason",
    [
        ("width: int = option(max(1, 2), 'units')", "max is no constant of this package"),
        ("width: int = option(sizes.SIZE, 'units')", "sizes is no constant of this package"),
        ("width: int = option(1 / 0, 'units')", "division by zero"),
        ("width: int = option(128)", r"option\(...\) takes a default and a help text"),
        ("width: int = common_width()", r"only what is declared with option\(...\) can be read"),
    ],
)
def test_what_cannot_be_read_is_named_with_its_file_and_line(
    line: str, reason: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    text = f"class Net:\n  @dataclass\n  class Options:\n    {line}"
    registry = package(tmp_path, monkeypatch, net=text)
    with pytest.raises(MusictoolError, match=rf"^{re.escape(str(registry.path('net')))}, line 7: .*\({reason}\)"):
        entries(registry)


def test_options_that_are_no_class_are_named_with_their_file_and_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    registry = package(tmp_path, monkeypatch, net="class Net:\n  Options = make_options()")
    with pytest.raises(MusictoolError, match=r"line 5: .*this is no class whose options could be read"):
        entries(registry)
