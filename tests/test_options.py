from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import pytest

from musictool.errors import BadOption, UnknownName
from musictool.options import build, check, describe, flag, from_json, from_settings, group, option, pop_given, to_json


@dataclass(frozen=True)
class Options:
    """One of each type."""

    width: int = option(256, "units in each layer", least=1, most=4096)
    dropout: float = option(0.2, "share of units that rest", least=0.0)
    rests: Literal["keep", "cap"] = option("cap", "what becomes of silence")
    tied: bool = option(False, "whether weights are shared")
    label: str = option("", "free text")


@dataclass(frozen=True)
class Nothing:
    """No options."""


def test_settings_are_converted_to_the_types_of_their_fields():
    settings = ["width=512", "dropout=.5", "rests=keep", "tied=yes", "label=a=b"]
    assert from_settings(Options, settings) == Options(512, 0.5, "keep", True, "a=b")
    assert from_settings(Options, []) == Options()


def test_settings_go_over_the_base_and_the_base_over_the_defaults():
    assert from_settings(Options, ["width=2"], {"width": 1, "tied": True}) == Options(width=2, tied=True)


def test_a_hyphen_in_a_name_is_an_underscore():
    @dataclass(frozen=True)
    class Long:
        max_vocabulary: int = option(1, "")

    assert from_settings(Long, ["max-vocabulary=7"]).max_vocabulary == 7


@pytest.mark.parametrize(
    "setting, message",
    [
        ("width=0", "option width: 0 is not a whole number from 1 to 4096"),
        ("width=9999", "option width: 9999 is not a whole number from 1 to 4096"),
        ("width=2.5", "option width: '2.5' is not a whole number from 1 to 4096"),
        ("width=wide", "option width: 'wide' is not a whole number from 1 to 4096"),
        ("width=", "option width: '' is not a whole number from 1 to 4096"),
        ("dropout=-1", "option dropout: -1.0 is not a number of at least 0.0"),
        ("dropout=nan", "option dropout: nan is not a number of at least 0.0"),
        ("rests=drop", "option rests: 'drop' is not one of keep, cap"),
        ("tied=maybe", "option tied: 'maybe' is not true or false"),
        ("width", "'width' is not key=value; for example: width=256"),
    ],
)
def test_a_wrong_value_says_what_is_allowed(setting, message):
    with pytest.raises(BadOption) as error:
        from_settings(Options, [setting])
    assert str(error.value) == message


def test_an_unknown_option_gets_a_suggestion():
    with pytest.raises(UnknownName, match=r"unknown option 'widht'\. Did you mean 'width'"):
        from_settings(Options, ["widht=3"])
    with pytest.raises(UnknownName, match="Known: none yet"):
        from_settings(Nothing, ["a=3"])


def test_json_there_and_back():
    options = Options(3, 0.25, "keep", True, "x")
    assert to_json(options) == {"width": 3, "dropout": 0.25, "rests": "keep", "tied": True, "label": "x"}
    assert from_json(Options, to_json(options)) == options


@pytest.mark.parametrize("value", [2.5, float("inf"), float("nan"), None, [1], "1e3", {}])
def test_json_with_a_number_that_is_not_whole_is_refused(value):
    with pytest.raises(BadOption, match="option width"):
        from_json(Options, {"width": value})


def test_every_option_is_described():
    assert describe(Options) == [
        ("width=256", "a whole number from 1 to 4096", "units in each layer"),
        ("dropout=0.2", "a number of at least 0.0", "share of units that rest"),
        ("rests=cap", "one of keep, cap", "what becomes of silence"),
        ("tied=false", "true or false", "whether weights are shared"),
        ("label=", "text", "free text"),
    ]


@dataclass(frozen=True)
class Rules:
    """A group within Flags."""

    temperature: float = flag(1.0, "Over 1 bolder.", above=0, most=100)
    top_p: float | None = flag(None, "Nucleus.", above=0, most=1, default_text="the arch's")

    def __post_init__(self) -> None:
        check(self)


def _pair(text: str) -> tuple[int, int]:
    low, dots, high = text.partition("..")
    if not dots:
        raise ValueError
    return int(low), int(high)


@dataclass(frozen=True)
class Flags:
    """Flags of each type."""

    epochs: int = flag(50, "Passes.", least=1)
    rules: Rules = group(Rules)
    arch: str = flag("lstm", "Family.", choices=lambda: ("gru", "lstm"))
    where: tuple[str, ...] = flag((), "Only these.", repeated=True, metavar="COLUMN=VALUE")
    stretch: tuple[float, ...] = flag((), "Factors.", least=0.5, most=2)
    transpose: Any = flag((-3, 3), "Semitones.", parse=_pair, allowed="like -3..3", default_text="-3..3")
    keep: bool = flag(False, "Keep it.")
    scratch: bool = flag(False, "Begin with nothing.", negatable=False)

    def __post_init__(self) -> None:
        check(self)


def test_flags_of_a_group_are_built_from_one_flat_mapping():
    assert build(Flags, {}) == Flags()
    built = build(
        Flags, {"epochs": "3", "temperature": "0.5", "where": ("a=b",), "stretch": "0.9, 1.1", "transpose": "-1..2"}
    )
    assert built == Flags(3, Rules(0.5), where=("a=b",), stretch=(0.9, 1.1), transpose=(-1, 2))
    with pytest.raises(UnknownName, match="unknown option 'epoch'"):
        build(Flags, {"epoch": 3})


@pytest.mark.parametrize(
    "values, message",
    [
        ({"epochs": 0}, "--epochs: 0 is not a whole number of at least 1"),
        ({"epochs": "many"}, "--epochs: 'many' is not a whole number of at least 1"),
        ({"temperature": 0.0}, "--temperature: 0.0 is not a number above 0 and of at most 100"),
        ({"top_p": "2"}, "--top-p: 2.0 is not a number above 0 and of at most 1"),
        ({"stretch": "0.9,3"}, "--stretch: 3.0 is not a number from 0.5 to 2, or several with commas between"),
        ({"transpose": "up"}, "--transpose: 'up' is not like -3..3"),
    ],
)
def test_a_flag_is_called_in_messages_as_it_is_typed(values, message):
    with pytest.raises(BadOption) as error:
        build(Flags, values)
    assert str(error.value) == message


def test_one_of_several_names_gets_a_suggestion():
    with pytest.raises(UnknownName, match=r"unknown arch 'lsmt'\. Did you mean 'lstm'"):
        Flags(arch="lsmt")


def test_options_of_python_are_checked_as_those_of_the_command_line():
    with pytest.raises(BadOption, match="--epochs: 0 is not"):
        Flags(epochs=0)


def test_json_of_flags_there_and_back():
    flags = Flags(where=("a=b",), transpose=(0, 2))
    assert to_json(flags)["where"] == ["a=b"]
    assert to_json(flags)["temperature"] == 1.0  # of a group
    assert build(Flags, {**to_json(flags), "transpose": (0, 2)}) == flags


@dataclass(frozen=True)
class Span:
    """A type with a text of its own."""

    low: int
    high: int

    @classmethod
    def parse(cls, value: Any) -> Span:
        return cls(*_pair(value) if isinstance(value, str) else value)

    def __str__(self) -> str:
        return f"{self.low}..{self.high}"


@dataclass(frozen=True)
class Spans:
    """A field of it."""

    span: Span = flag(Span(-3, 3), "Semitones.", parse=Span.parse, allowed="like -3..3")


@pytest.mark.parametrize("value", ["0..2", (0, 2), [0, 2], Span(0, 2)])
def test_a_type_of_its_own_is_parsed_from_text_or_python_and_written_as_text(value: Any):
    spans = build(Spans, {"span": value})
    assert spans == Spans(Span(0, 2))
    assert to_json(spans) == {"span": "0..2"}


@pytest.mark.parametrize("value", ["up", 3, (1, 2, 3)])
def test_what_is_none_of_its_type_says_what_is_allowed(value: Any):
    with pytest.raises(BadOption, match=r"--span: .* is not like -3\.\.3"):
        build(Spans, {"span": value})


def test_an_endless_number_is_out_of_any_range():
    with pytest.raises(BadOption, match="--temperature: inf is not"):
        build(Flags, {"temperature": "inf"})


def test_what_is_given_is_taken_out_of_the_rest():
    values = {"epochs": 3, "temperature": None, "where": (), "name": "a"}
    assert pop_given(Flags, values) == {"epochs": 3}
    assert values == {"name": "a"}


def test_python_gives_what_the_command_line_gives():
    assert Flags(epochs="3").epochs == 3  # type: ignore[arg-type]
    assert Flags(epochs=3.0).epochs == 3  # type: ignore[arg-type]
    assert Flags(stretch="0.9,1.1").stretch == (0.9, 1.1)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "values", [{"epochs": True}, {"stretch": ""}, {"stretch": ","}, {"where": {"a": 1}}, {"temperature": "nan"}]
)
def test_what_is_no_such_value_is_refused(values):
    with pytest.raises(BadOption):
        build(Flags, values)
