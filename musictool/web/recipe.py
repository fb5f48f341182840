"""What a piece of the page is made from: a model, a seed and the settings; and the address and the command that say so.

    /p/romantic/123456?bars=16&temperature=0.8       the address is the piece: the same bytes again
    musictool sample romantic --bars 16 --seed 123456 --temperature 0.8 --out romantic-123456.mid

Nothing heavy is imported with this file.
"""

from __future__ import annotations

import hashlib
import json
import re
import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, urlencode

from musictool import options
from musictool.errors import BadOption
from musictool.options import LAST_SEED, option

BARS, MOST_BARS = 32, 128
_NOTE = r"(?:R|[A-Ga-g][#b]?-?\d)"
_NOTES = re.compile(rf"\s*(?:{_NOTE}(?:\+{_NOTE})*(?::(?:\d{{1,2}}(?:/\d{{1,2}}|\.\d{{1,3}})?|\.\d{{1,3}}))?[\s,]*)+")
_UPLOAD = re.compile(r"[0-9a-f]{32}")


def _notes(text: str) -> str:
    """Typed notes, in their one spelling; nothing that may be the name of a file passes."""
    if len(text) > 400 or not _NOTES.fullmatch(text):
        raise ValueError
    return " ".join(text.replace(",", " ").split())


def _upload(text: str) -> str:
    if not _UPLOAD.fullmatch(text):
        raise ValueError
    return text


@dataclass(frozen=True)
class PieceRecipe:
    """What makes a piece; its defaults are those of `musictool sample`, but for the length.

    Attributes:
        notes, primer: what it begins with: typed notes, or music that was dropped or made here, by its id.
        lofi: the piece as `musictool lofi` plays it.
    """

    model: str = option("", "whose piece it is")
    seed: int = option(0, "fixes everything that is random", least=0, most=LAST_SEED)
    bars: int = option(BARS, "bars to write", least=1, most=MOST_BARS)
    temperature: float = option(1.0, "calm to wild", least=0.2, most=2.0)
    key: str | None = option(None, "only notes of this key")
    tempo: float | None = option(None, "quarter notes per minute", least=30, most=300)
    instrument: str | None = option(None, "for every track that is no drum")
    density: float | None = option(None, "notes per second", above=0, most=50)
    label: str | None = option(None, "genre, artist, ...")
    notes: str | None = option(
        None, "first notes", parse=_notes, allowed='notes such as "C4 E4 G4:2 C4+E4+G4", at most 400 characters'
    )
    primer: str | None = option(None, "music to continue", parse=_upload, allowed="the id of music that was dropped")
    lofi: bool = option(False, "as lo-fi hip hop")

    def __post_init__(self) -> None:
        options.check(self)
        if self.notes is not None and self.primer is not None:
            raise BadOption("give first notes or music to continue, not both")

    @classmethod
    def from_json(cls, values: Any) -> PieceRecipe:
        """Of what the page sends, or what stands behind a ? of an address. Raises BadOption, UnknownName."""
        if not isinstance(values, Mapping):
            raise BadOption("a piece is described by a table of settings")
        return options.from_json(cls, {name: value for name, value in values.items() if value not in (None, "")})

    def to_json(self) -> dict[str, Any]:
        """What is not left at its default, with model and seed."""
        defaults = options.to_json(PieceRecipe())
        values = options.to_json(self)
        return {name: value for name, value in values.items() if name in ("model", "seed") or value != defaults[name]}

    @property
    def address(self) -> str:
        """Its path on the server, with what is not default behind it."""
        query = {name: value for name, value in self.to_json().items() if name not in ("model", "seed")}
        text = urlencode({name: _plain(value) for name, value in query.items()})
        return f"/p/{quote(self.model, safe='')}/{self.seed}" + (f"?{text}" if text else "")

    @property
    def name(self) -> str:
        """What its files are called when they are taken away, without a suffix."""
        plain = re.sub(r"[^\w-]+", "-", self.model).strip("-") or "song"
        return f"{plain}-{self.seed}"

    def key_of_notes(self, stamp: str) -> str:
        """32 hexadecimal digits: the same for the same notes, so with lo-fi as without.

        Args:
            stamp: changes when the model does.
        """
        values = {name: value for name, value in self.to_json().items() if name != "lofi"}
        return hashlib.sha256(json.dumps([values, stamp], sort_keys=True).encode()).hexdigest()[:32]

    def request(self, primer: str | None = None) -> dict[str, Any]:
        """The same as options of musictool.generation.request.Request, flat.

        Args:
            primer: the file of `self.primer`.
        """
        first = primer if self.primer is not None else self.notes
        values = {
            "bars": self.bars,
            "seed": self.seed,
            "temperature": self.temperature if self.temperature != 1 else None,
            "key": self.key,
            "bpm": self.tempo,
            "instrument": self.instrument,
            "density": self.density,
            "label": self.label,
            "primer": first,
            "keep_primer": True if first is not None else None,
        }
        return {name: value for name, value in values.items() if value is not None}

    def check(self) -> None:
        """Raises BadOption or UnknownName for what `sample` would refuse before it looks at the model."""
        self._built(None if self.primer is None else "primer.mid")

    def command(self, primer: str | None = None) -> str:
        """What makes it in a shell, to the byte.

        Args:
            primer: what the file of `self.primer` is called.
        """
        from musictool.generation.request import Request

        given = self.request(primer)
        words = ["musictool", "sample", self.model]
        for field in options.flag_fields(Request):
            if field.name in given:
                value = given[field.name]
                words += [options.option_name(field)] + ([] if value is True else [_plain(value)])
        lines = [*words, "--out", f"{self.name}.mid"]
        text = " ".join(map(shlex.quote, lines))
        if self.lofi:
            text += f" && musictool lofi {self.name}.mid --seed {self.seed} --out {self.name}-lofi.mp3"
        return text

    def _built(self, primer: str | None) -> Any:
        from musictool.generation.request import Request

        return options.build(Request, self.request(primer))


def _plain(value: Any) -> str:
    """A value as text that reads as the same value: 0.8, and 1 for True."""
    if isinstance(value, bool):
        return str(int(value))
    return f"{value:g}" if isinstance(value, float) and float(f"{value:g}") == value else str(value)
