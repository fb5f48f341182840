"""A piece as settings, as an address and as a command: each says the same."""

from __future__ import annotations

import shlex
from urllib.parse import parse_qsl, unquote, urlsplit

import click
import pytest
from hypothesis import given
from hypothesis import strategies as st

from musictool import options
from musictool.cli._main import main
from musictool.errors import BadOption, UnknownName
from musictool.generation.request import Request
from musictool.web.recipe import PieceRecipe

RECIPES = st.builds(
    PieceRecipe,
    model=st.sampled_from(["romantic", "my model", "a/b?c#d", "Ä"]),
    seed=st.integers(0, 2**32 - 1),
    bars=st.integers(1, 128),
    temperature=st.sampled_from([0.2, 0.85, 1.0, 2.0]),
    key=st.sampled_from([None, "A minor", "F# major"]),
    tempo=st.sampled_from([None, 96.0, 120.5]),
    instrument=st.sampled_from([None, "Violin", "Lead 8 (bass + lead)"]),
    density=st.sampled_from([None, 0.5, 4.0]),
    label=st.sampled_from([None, "Jazz & Blues", "50 % more"]),
    notes=st.sampled_from([None, "C4 Eb4:0.5 R:1/2 C4+E4+G4:2"]),
    lofi=st.booleans(),
)


@given(RECIPES)
def test_the_address_is_the_piece(recipe: PieceRecipe):
    address = urlsplit(recipe.address)
    _, _, model, seed = address.path.split("/")
    values = dict(parse_qsl(address.query, strict_parsing=bool(address.query)))
    assert PieceRecipe.from_json({**values, "model": unquote(model), "seed": seed}) == recipe
    assert PieceRecipe.from_json(recipe.to_json()) == recipe


@given(RECIPES)
def test_the_command_makes_the_piece(recipe: PieceRecipe):
    words = shlex.split(recipe.command().split(" && ")[0])
    assert words[:3] == ["musictool", "sample", recipe.model]
    command = main.get_command(click.Context(main), "sample")
    assert command is not None
    parameters = command.make_context("sample", words[2:]).params
    built = options.build(Request, options.pop_given(Request, parameters))
    assert built == options.build(Request, recipe.request())


def test_what_it_continues_is_named_in_the_command():
    recipe = PieceRecipe(model="romantic", seed=5, primer="0" * 32)
    assert "--primer 'my tune.mid' --keep-primer" in recipe.command("my tune.mid")


def test_lofi_is_a_second_command_on_the_same_notes():
    plain, lofi = PieceRecipe(model="romantic", seed=5), PieceRecipe(model="romantic", seed=5, lofi=True)
    assert lofi.command() == f"{plain.command()} && musictool lofi romantic-5.mid --seed 5 --out romantic-5-lofi.mp3"
    assert plain.key_of_notes("") == lofi.key_of_notes("")
    assert plain.key_of_notes("trained on Monday") != plain.key_of_notes("trained on Tuesday")


@pytest.mark.parametrize("notes", ["C4", "c#4, Db-1", "C4+E4+G4:2 R:1/2 A3:.5", " C4 "])
def test_notes_that_may_be_typed(notes: str):
    assert PieceRecipe(notes=notes).request()["keep_primer"]


@pytest.mark.parametrize("notes", ["H4", "C4/E4", "../C4", "C4.mid", "C4:", "C4:2:2", "", "R:1/2/3", "song"])
def test_what_is_no_notes_may_not(notes: str):
    with pytest.raises(BadOption, match="notes such as"):
        PieceRecipe(notes=notes)


@pytest.mark.parametrize("changes", [{"key": "H major"}, {"instrument": "kazoo"}])
def test_what_sample_would_refuse_is_refused_before_any_work(changes: dict[str, str]):
    with pytest.raises((BadOption, UnknownName)):
        PieceRecipe(model="romantic", **changes).check()  # type: ignore[arg-type]


def test_first_notes_and_music_to_continue_exclude_each_other():
    with pytest.raises(BadOption, match="not both"):
        PieceRecipe(notes="C4", primer="0" * 32)
