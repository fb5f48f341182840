"""Which pieces are meant by "genre=Jazz": conditions on what is known about their files."""

from __future__ import annotations

import re
import unicodedata
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence

import numpy as np

from musictool.errors import BadOption, UnknownName

SHOWN_VALUES = 12


def matches(about: Sequence[Mapping[str, str]], where: Sequence[str]) -> np.ndarray:
    """bool (N,): which of N pieces fulfil all conditions.

    Args:
        about: what is known about each.
        where: "column=value"; "*" in a value stands for anything, case does not matter, and of several conditions on
            one column one is enough, as is one of several values that a piece has ("Jazz; Blues").

    Raises:
        UnknownName: for a column that no piece has.
        BadOption: for text that is no condition, or conditions that no piece fulfils.
    """
    patterns_of: dict[str, list[str]] = defaultdict(list)
    columns = {name for known in about for name, value in known.items() if value}
    for condition in where:
        column, equals, value = condition.partition("=")
        if not equals:
            raise BadOption(f"--where '{condition}' is not COLUMN=VALUE, such as genre=Jazz")
        if column.strip().lower() not in columns:
            unknown = UnknownName.of("column of --where", column.strip().lower(), columns)
            raise UnknownName(f"{unknown}; others come from: musictool prepare SOURCE --metadata FILE")
        patterns_of[column.strip().lower()].append(_plain(value))
    fulfilled = np.ones(len(about), bool)
    for column, patterns in patterns_of.items():
        anyone = re.compile("|".join(".*".join(map(re.escape, pattern.split("*"))) for pattern in patterns))
        values = [known.get(column, "") for known in about]
        matching = {value for value in set(values) if any(map(anyone.fullmatch, _values(value)))}
        fulfilled &= [value in matching for value in values]
    if not fulfilled.any():
        raise BadOption(f"no piece has {' and '.join(where)}; there are {_there_are(about, patterns_of)}")
    return fulfilled


def _values(value: str) -> list[str]:
    """What a cell holds as a whole, and the values of a list that stands in it."""
    return [_plain(value), *filter(None, map(_plain, value.split(";")))]


def _plain(text: str) -> str:
    return unicodedata.normalize("NFC", text).strip().lower()


def _there_are(about: Sequence[Mapping[str, str]], columns: Mapping[str, object]) -> str:
    words = []
    for column in columns:
        counts = Counter(known.get(column) for known in about if known.get(column))
        shown = [f"{value} ({count})" for value, count in counts.most_common(SHOWN_VALUES)]
        words.append(f"{column}: {', '.join(shown)}" + (", ..." if len(counts) > SHOWN_VALUES else ""))
    return "; ".join(words)
