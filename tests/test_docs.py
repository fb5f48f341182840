"""README and docs match the program: their commands exist, and the generated pages are up to date."""

from __future__ import annotations

import importlib
import importlib.util
import re
import shlex
from functools import cache
from pathlib import Path
from typing import Any

import click
import pytest

from musictool.cli._main import main
from musictool.registry import ARCHS, ENCODINGS

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")


def commands(text: str) -> list[str]:
    """Every line of a code block that begins with musictool."""
    blocks = re.findall(r"^```[a-z]*\n(.*?)^```", text, re.M | re.S)
    lines = [line.split("#")[0].strip() for block in blocks for line in block.splitlines()]
    return sorted({line for line in lines if line.startswith("musictool ")})


@cache
def generated() -> dict[Path, str]:
    """The pages as `make docs` would write them."""
    spec = importlib.util.spec_from_file_location("generate", ROOT / "docs" / "generate.py")
    assert spec
    assert spec.loader
    generate = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(generate)
    return generate.pages()


@pytest.mark.parametrize("path", sorted(generated()), ids=lambda path: path.name)
def test_the_generated_pages_are_up_to_date(path: Path):
    assert path.read_text(encoding="utf-8") == generated()[path], "run `make docs`"


@pytest.mark.parametrize("page", sorted((ROOT / "docs").rglob("*.md")), ids=lambda path: path.name)
def test_every_link_in_the_docs_leads_somewhere(page: Path):
    for link in re.findall(r"\]\((?!https?:)([^)#]+)", page.read_text(encoding="utf-8")):
        assert (page.parent / link).exists(), f"{page} links to {link}"


@pytest.mark.parametrize("line", commands(README))
def test_every_command_in_the_readme_parses(line: str):
    name, *arguments = shlex.split(line)[1:]
    command = main.get_command(click.Context(main), name)
    assert command is not None, line
    command.make_context(name, [argument for argument in arguments if argument != "..."], resilient_parsing=False)


@pytest.mark.parametrize("path", re.findall(r"\]\((?!https?:)([^)#]+)\)", README))
def test_every_link_in_the_readme_leads_somewhere(path: str):
    assert (ROOT / path).exists()


@pytest.mark.parametrize("target", re.findall(r"`make ([a-z-]+)`", README))
def test_every_make_target_in_the_readme_exists(target: str):
    assert re.search(rf"^{target}:", (ROOT / "Makefile").read_text(encoding="utf-8"), re.M)


@pytest.mark.parametrize("name", [*ARCHS.names(), *ENCODINGS.names()])
def test_the_readme_names_every_arch_and_encoding(name: str):
    assert f"`{name}`" in README


def readme_class(name: str, folder: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """A class of a code block of the README."""
    (source,) = [
        block for block in re.findall(r"^```python\n(.*?)^```", README, re.M | re.S) if f"class {name}" in block
    ]
    assert len(source.splitlines()) < 60
    (folder / f"{name.lower()}_of_the_readme.py").write_text(source, encoding="utf-8")
    monkeypatch.syspath_prepend(folder)
    return getattr(importlib.import_module(f"{name.lower()}_of_the_readme"), name)


def test_the_encoding_that_the_readme_adds_keeps_the_laws(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    import numpy as np

    from tests import test_laws_encodings as laws

    encoding = readme_class("TopLine", tmp_path, monkeypatch)()
    for score in laws.BY_HAND.values():
        rows = encoding.encode(score)
        laws.assert_keeps_the_promise(rows, encoding.spec)
        np.testing.assert_array_equal(encoding.encode(encoding.decode(rows)), rows)
        inside = laws.within(score, encoding.pitches, 3)
        moved = encoding.transpose(encoding.encode(inside), 3)
        np.testing.assert_array_equal(moved, encoding.encode(inside.transpose(3)))
        assert encoding.positions(rows).tolist() == list(range(0, 120 * len(rows), 120))
    encoding.decode(laws.nonsense(encoding.spec, 1, 50))


def test_the_arch_that_the_readme_adds_works(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    import numpy as np

    from musictool.encoding import Spec
    from musictool.sampling.sampler import Sampler
    from tests import test_laws_archs as laws

    arch = readme_class("Irnn", tmp_path, monkeypatch).sized(Spec("tokens", (), 20), "small", ("width=8",))
    primer = laws.rows(arch, batch=2)
    assert next(arch.continuation(primer, Sampler(), 1)).shape[0] == 2
    (piece,) = laws.rows(arch, batch=1, length=30)
    whole = laws.losses(arch.stages[0], laws.batch_of(np.concatenate([arch.spec.start[None], piece])[None]))
    np.testing.assert_allclose(arch.surprisal(piece), whole[0], rtol=1e-4)  # ReLUs grow large
