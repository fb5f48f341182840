"""What the page asks of a model that fills in: which part of a piece to write anew; and a melody that is drawn.

    {"model": "counterpoint", "seed": 7, "bars": "5-8", "lock": "12,15-18"}
    musictool infill song.mid --model counterpoint --bars 5-8 --lock 12,15-18 --seed 7 --out song-7.mid

Nothing heavy is imported with this file.
"""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from musictool import options
from musictool.errors import BadOption, MusictoolError
from musictool.options import LAST_SEED, option
from musictool.web.library import Upload, models

if TYPE_CHECKING:
    from musictool.music.score import Score

MOST_BARS = 128  # of a piece that a part is written of
DRAWN_BARS, DRAWN_NOTES = 16, 256  # at most
STEPS_PER_BAR = 16  # of the grid on which is drawn
DRAWN_NAME = "melody.mid"


@dataclass(frozen=True)
class Edit:
    """Which part of a piece is written anew, by which model; its defaults are those of `musictool infill`."""

    model: str = option("", "that fills in")
    seed: int = option(0, "fixes everything that is random", least=0, most=LAST_SEED)
    bars: str | None = option(None, "bars to write, such as 5-8,12")
    tracks: str | None = option(None, "tracks to write, by number")
    lock: str | None = option(None, "notes that stay, by number")
    voices: int | None = option(None, "so many voices there shall be", least=2, most=4)
    keep_rhythm: bool = option(False, "only pitches change")
    temperature: float = option(1.0, "calm to wild", least=0.2, most=2.0)
    key: str | None = option(None, "only notes of this key")

    def __post_init__(self) -> None:
        options.check(self)

    @classmethod
    def from_json(cls, values: Any) -> Edit:
        """Of what the page sends. Raises BadOption, UnknownName."""
        if not isinstance(values, Mapping):
            raise BadOption("what to write anew is a table of settings")
        return options.from_json(cls, {name: value for name, value in values.items() if value not in (None, "")})

    def request(self) -> dict[str, Any]:
        """The same as flat options of an InfillRequest (musictool/generation/infill_request.py), but for defaults."""
        defaults, values = options.to_json(Edit()), options.to_json(self)
        given = {name for name, value in values.items() if value != defaults[name]} | {"seed"}
        return {name: values[name] for name in values if name in given - {"model"}}

    def check(self) -> None:
        """Raises BadOption or UnknownName for what `infill` would refuse before it looks at model and piece."""
        from musictool.generation.infill_request import InfillRequest

        options.build(InfillRequest, self.request())

    def command(self, source: str, out: str) -> str:
        """What does it in a shell, to the byte.

        Args:
            source, out: names of files.
        """
        from musictool.generation.infill_request import InfillRequest

        given = self.request()
        words = ["musictool", "infill", f"./{source}" if source.startswith("-") else source, "--model", self.model]
        for field in options.flag_fields(InfillRequest):
            if field.name in given:
                value = given[field.name]
                words += [options.option_name(field)] + ([] if value is True else [f"{value}"])
        return " ".join(map(shlex.quote, [*words, "--out", f"./{out}" if out.startswith("-") else out]))


def editors() -> list[str]:
    """The models that fill in, a user's own first, as `musictool infill` chooses. Raises BadModel if there is none."""
    from musictool.generation.infill import can_infill, model_for_infill

    able = [row for row in models() if can_infill(row["arch"])]
    if not able:
        model_for_infill(None)
    return [row["name"] for row in sorted(able, key=lambda row: row["ships"])]


def take_name(source: str, edit: Edit) -> str:
    """What a piece that was written in is called: song.mid, song-7.mid."""
    return f"{Path(source).stem[:60]}-{edit.seed}.mid"


def portable_infill(sidecar: dict[str, Any], model: str, source: Upload) -> dict[str, Any]:
    """The .json of such a piece as it is taken away: no folder of this machine is in it.

    `musictool infill --like` finds the model by its name, and the piece in the working directory.
    """
    return {
        **sidecar,
        "model": {**sidecar["model"], "folder": model},
        "request": {**sidecar["request"], "file": source.name},
        "primer_sha256": source.sha256,
    }


def about(error: MusictoolError, source: Upload) -> MusictoolError:
    """The same error by the name that the piece has for whoever dropped it."""
    return MusictoolError(str(error).replace(source.path.name, source.name))


def drawn_melody(notes: Any, bars: Any, tempo: Any) -> Score:
    """A melody that was drawn.

    Args:
        notes: [onset, length, pitch] of each, in STEPS_PER_BAR steps to a bar of 4/4.
        bars: how many there are to draw in.
        tempo: quarter notes per minute.

    Raises:
        BadOption: for what the page does not let anybody draw.
    """
    import numpy as np

    from musictool.music.score import KEYBOARD, METRE, TEMPO, Score, Track

    def is_number(value: Any, least: float, most: float) -> bool:
        return isinstance(value, int) and not isinstance(value, bool) and least <= value <= most

    if not is_number(bars, 1, DRAWN_BARS) or not is_number(tempo, 30, 300):
        raise BadOption(f"a melody has 1 to {DRAWN_BARS} bars and 30 to 300 quarter notes per minute")
    if not isinstance(notes, Sequence) or not 1 <= len(notes) <= DRAWN_NOTES:
        raise BadOption(f"draw a melody first: 1 to {DRAWN_NOTES} notes")
    steps, (low, high) = bars * STEPS_PER_BAR, (KEYBOARD.start, KEYBOARD.stop - 1)
    columns = []
    for note in notes:
        if not (
            isinstance(note, Sequence)
            and len(note) == 3
            and is_number(note[0], 0, steps - 1)
            and is_number(note[1], 1, steps - note[0])
            and is_number(note[2], low, high)
        ):
            raise BadOption("a note of a melody lies in its bars and on the keyboard")
        columns.append((note[2], note[0] * 4 / STEPS_PER_BAR, note[1] * 4 / STEPS_PER_BAR))
    score = Score.from_notes(columns, tracks=(Track(name="Melody"),))
    tempos, metres = np.array([(0, tempo)], TEMPO), np.array([(0, 4, 4)], METRE)
    return replace(score, tempos=tempos, metres=metres)
