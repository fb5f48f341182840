"""Every plot has its page, with pictures of the commands that stand on it."""

from __future__ import annotations

import importlib.util
import re
from pathlib import Path
from types import ModuleType

import pytest

from musictool.cli.plot import command
from musictool.registry import PLOTS

DOCS = Path(__file__).parent.parent.parent / "docs"


def examples() -> ModuleType:
    spec = importlib.util.spec_from_file_location("plot_examples", DOCS / "plot_examples.py")
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


MADE = {**examples().EXAMPLES, **examples().BAND_EXAMPLES}


@pytest.mark.parametrize("name", PLOTS.names())
def test_every_plot_has_a_page_with_the_commands_that_made_its_pictures(name: str):
    page = (DOCS / "plots" / f"{name}.md").read_text(encoding="utf-8")
    shown = re.findall(r"^    (musictool .*)\n\n!\[[^\]]*\]\(pictures/(.*)\.png\)", page, re.M)
    assert [picture for _, picture in shown]
    assert {picture: line for line, picture in shown} == {picture: MADE[picture] for _, picture in shown}
    assert f"[{name}]({name}.md)" in (DOCS / "plots" / "README.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("picture", MADE)
def test_every_example_is_a_command_and_its_picture_is_there(picture: str):
    command.make_context("plot", MADE[picture].split()[2:])
    assert (DOCS / "plots" / "pictures" / f"{picture}.png").stat().st_size > 5000
