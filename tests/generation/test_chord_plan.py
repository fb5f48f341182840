"""Which chord each row of a piece stands under: its primer's own, then those that are asked for."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner

from musictool.archs.lstm import Lstm
from musictool.archs.roll_lstm import RollLstm
from musictool.cli._main import main
from musictool.dataset.conditions import Conditions
from musictool.encoding import Encoding, Spec
from musictool.encodings.note_duration import NoteDuration
from musictool.encodings.performance import Performance
from musictool.encodings.piano_roll import PianoRoll
from musictool.engine.current import within
from musictool.generation.chord_plan import ChordPlan
from musictool.generation.continuation import Primer
from musictool.generation.request import Request
from musictool.music.chords import TRIADS, chord_name, parse_chords
from musictool.music.dynamics import DEFAULT
from musictool.music.score import METRE, Score
from musictool.sampling.guidance import Guidance
from musictool.sampling.sampler import Sampler
from tests.generation.by_hand import save_model

CHORDS = Conditions(("chords",))
FREELY = np.zeros(TRIADS, np.float32)
COMMON = np.array([(0, 4, 4)], METRE)
A_BAR = Score.from_notes([(pitch, beat, 1) for beat in range(4) for pitch in (57, 60, 64)])  # of A minor


def primer_of(
    encoding: Encoding, score: Score | None = None, transposition: int = 0, metres: np.ndarray = COMMON
) -> Primer:
    """What a model of this encoding, of pieces in 3/4, continues; nothing by default."""
    model: Any = SimpleNamespace(encoding=encoding, info={"music": {"bpm": 90.0, "metre": [3, 4]}}, dynamics=DEFAULT)
    rows = encoding.encode((score or Score.from_notes([])).transpose(transposition))
    return Primer(model, Request(length=9), rows, transposition, score, metres=metres)


def names(vectors: np.ndarray) -> str:
    """float32 (T, 1, 24) -> the chords by name, without repeats."""
    chords = np.where(vectors[:, 0].any(axis=-1), vectors[:, 0].argmax(axis=-1), TRIADS)
    return " ".join(chord_name(int(chord)) for chord in chords[np.append(True, np.diff(chords) != 0)])


def plan(primer: Primer, asked: str, read: int | None = None) -> ChordPlan:
    return ChordPlan([primer], len(primer.rows) if read is None else read, parse_chords(asked), CHORDS, FREELY)


def test_of_frames_all_is_known_ahead():
    of_rows = plan(primer_of(PianoRoll()), "C G,* Am").of_rows
    assert names(of_rows(0, 96)) == "C G - Am C G - Am"
    np.testing.assert_array_equal(np.flatnonzero(np.diff(of_rows(0, 64)[:, 0].argmax(axis=-1))), [15, 23, 31, 47])
    np.testing.assert_array_equal(of_rows(0, 64)[30:40], of_rows(30, 40))


def test_bars_are_as_long_as_their_metre():
    waltz = plan(primer_of(PianoRoll(), metres=np.array([(0, 3, 4)], METRE)), "C G").of_rows(0, 24)
    assert [names(waltz[row : row + 1]) for row in (0, 11, 12, 23)] == ["C", "C", "G", "G"]


def test_a_primer_stands_under_its_own_chords_as_high_as_the_model_reads_them():
    for semitones, own in ((0, "Am"), (3, "Cm")):
        primer = primer_of(PianoRoll(), A_BAR, semitones)
        assert names(plan(primer, "G").of_rows(0, 32)) == f"{own} G"
        assert names(plan(primer, "G", read=4).of_rows(0, 20)) == f"{own} G"  # of which the last quarter is read
        assert plan(primer, "G", read=4).of_rows(0, 20)[:, 0].any(axis=0).sum() == 2


def token_by_token(primer: Primer, rows: np.ndarray, asked: str) -> list[tuple[int, str]]:
    """(row, chord) where the chord changes, each found from the rows before it."""
    of_rows = plan(primer, asked).of_rows
    found: list[tuple[int, str]] = []
    rows = np.concatenate([primer.rows, rows])
    for row in range(len(primer.rows), len(rows)):
        name = names(of_rows(row, row + 1, rows[None, :row]))
        if not found or found[-1][1] != name:
            found.append((row - len(primer.rows), name))
    return found


FOUR_BARS = Score.from_notes([(60 + beat, beat, 1) for beat in range(16)])


@pytest.mark.parametrize("positions", [True, False])
def test_a_token_stands_under_the_chord_of_the_time_that_those_before_it_take(positions: bool):
    encoding = NoteDuration(NoteDuration.Options(positions=positions))
    rows = encoding.encode(replace(FOUR_BARS, metres=COMMON))
    reached = np.append(0, encoding.reached(rows)[:-1])
    bar = 4 if positions else 3  # quarter notes: where the rows do not say it, those of the model's corpus
    wanted = [(int(np.searchsorted(reached, 480 * quarters)), name) for quarters, name in
              ((0, "C"), (bar / 2, "G"), (bar, "F"), (2 * bar, "C"), (2.5 * bar, "G"), (3 * bar, "F"))]  # fmt: skip
    assert token_by_token(primer_of(encoding), rows, "C,G F")[:6] == wanted


def test_a_piece_behind_a_primer_counts_its_bars_from_where_it_begins():
    encoding = NoteDuration()
    whole = encoding.encode(replace(FOUR_BARS, metres=COMMON))
    first = encoding.encode(replace(FOUR_BARS.until(4 * 480), metres=COMMON))
    primer = primer_of(encoding, FOUR_BARS.until(4 * 480))
    found = token_by_token(primer, whole[len(first) :], "C G")
    assert [name for _, name in found] == ["C", "G", "C", "G"]  # its first bar is the one that the primer ends in
    places = encoding.reached(whole)[len(first) - 1 :]
    assert [int(places[row]) // 480 for row, _ in found[1:]] == [4, 8, 12]


def test_rows_that_count_seconds_have_bars_too():
    rows = Performance().encode(FOUR_BARS)
    found = token_by_token(primer_of(Performance()), rows, "C G")
    assert [name for _, name in found] == ["C", "G"] * 2 + ["C", "G"] * (len(found) // 2 - 2) + ["C"] * (len(found) % 2)


class Always:
    """The same conditions for each row, but asked for row by row."""

    def __init__(self, vector: np.ndarray, pieces: int):
        self.vector, self.pieces = vector, pieces
        self.asked: list[tuple[int, int, int | None]] = []

    def of_rows(self, start: int, stop: int, written: np.ndarray | None = None) -> np.ndarray:
        self.asked.append((start, stop, None if written is None else written.shape[1]))
        return np.broadcast_to(self.vector, (stop - start, self.pieces, len(self.vector)))


@pytest.mark.parametrize("penalty", [1.0, 1.3])
def test_row_by_row_the_same_is_written_as_at_once(penalty: float):
    with within("numpy"):
        arch = Lstm.sized(Spec("tokens", (), 20), "small", ("width=8", "embedding=6"), conditions=3)
        arch.build()
    primer = np.array([[2, 5, 6], [2, 9, 3]], np.int32)
    vector, sampler = np.array([0.0, 1.0, 0.0], np.float32), Sampler(repetition_penalty=penalty)
    always, written = Always(vector, 2), []
    for guidance in (Guidance(conditions=vector), Guidance(row_conditions=always)):
        stream = arch.continuation(primer, sampler, 1, guidance)
        written.append(np.concatenate([next(stream), next(stream)], axis=1))
    np.testing.assert_array_equal(written[0], written[1])
    assert always.asked[0] == (0, 2, None)  # what the primer's two rows stand under
    rest = [asked for asked in always.asked if asked[2] is not None]
    assert rest == [(row, row + 1, row) for row in range(2, 2 + 128)]


def test_frames_are_given_what_each_of_them_is_asked_for():
    with within("numpy"):
        settings = ("width=4", "embedding=4", "layers=1")
        arch = RollLstm.sized(Spec("frames", (24,), 24), "small", settings, conditions=24)
        arch.build()
        arch.network.head.kernel[-24:] = 40 * np.eye(24) - 20  # the key of the number that is asked for, and no other
    asked = plan(primer_of(PianoRoll()), "C Bbm")
    rows = next(arch.continuation(np.zeros((1, 1, 24), np.uint8), Sampler(), 0, Guidance(row_conditions=asked)))
    np.testing.assert_array_equal(rows[0, :32].argmax(axis=1), np.repeat([0, 22], 16))
    assert (rows[0].sum(axis=1) == 1).all()


@pytest.mark.parametrize("asked, unit", [("C G/B Am F", "bars"), ("C,G Am *,F", "half bars")])
def test_a_model_that_does_as_it_is_asked_is_heard_to(tmp_path: Path, asked: str, unit: str):
    encoding = PianoRoll(PianoRoll.Options(onsets=False))
    with within("numpy"):
        arch = RollLstm.sized(encoding.spec, "small", ("width=4", "embedding=4", "layers=1"), conditions=TRIADS)
        arch.build()
        head = arch.network.head
        head.kernel[:], head.bias[:], head.hold_kernel[:] = 0, -20, 0
        for chord in range(TRIADS):
            for above in (0, 3 if chord >= 12 else 4, 7):
                head.kernel[4 + chord, 48 - 21 + chord % 12 + above] = 40
    save_model(tmp_path / "obeys", arch, encoding, CHORDS)
    words = ["--chords", asked, "--bars", "8", "--num", "2", "--primer", "A3+C4+E4:4", "--engine", "numpy"]
    done = CliRunner().invoke(main, ["sample", str(tmp_path / "obeys"), *words, "--out", str(tmp_path / "song.mid")])
    assert done.exit_code == 0, done.output
    number = {"bars": 8, "half bars": 14}[unit]  # of 16 half bars two are asked for nothing
    assert done.output.count(f"  {number} of {number} {unit} sound as the chord that was asked for") == 2, done.output
    assert f"of all 2 pieces {2 * number} of {2 * number} {unit} sound" in done.output
