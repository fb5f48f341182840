"""What note-chord and chord-roll share: slices, each with all that sounds, struck or held."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from musictool.encoding import PADDING, START, UNKNOWN, from_json
from musictool.encodings._bars import METRES
from musictool.encodings.chord_roll import ChordRoll, ClosedChordRoll
from musictool.encodings.note_chord import ClosedNoteChord, NoteChord, Options
from musictool.music.grid import in_steps
from musictool.music.score import METRE, Score, Track, fold_octaves
from tests.strategies import examples, scores

PLAIN = NoteChord(Options(positions=False))
VOICES = Score.from_notes([(60, 0, 2), (64, 0, 1), (65, 1, 1)])


def said(encoding, rows) -> str:
    """ "d4 60 64 d4 ~60 65": durations, struck pitches, "~" before held ones, "4/4" and "@0": metre and position."""
    words = []
    for row in rows:
        kind = next(kind for kind in encoding.sections.sizes if encoding.sections.of_kind(kind, row))
        value = int(row) - encoding.sections.first[kind]
        words.append(
            {
                "duration": f"d{value + 1}",
                "struck": f"{value + 21}",
                "held": f"~{value + 21}",
                "metre": "/".join(map(str, METRES[value % len(METRES)])),
                "position": f"@{value}",
            }[kind]
        )
    return " ".join(words)


def rows_of(text: str, encoding=PLAIN) -> np.ndarray:
    """The inverse, without metres."""
    kinds = {"d": ("duration", 1), "~": ("held", 21), "@": ("position", 0)}
    rows = []
    for word in text.split():
        kind, least = kinds.get(word[0], ("struck", 21))
        rows.append(encoding.sections.first[kind] + int(word.lstrip("d~@")) - least)
    return np.array(rows, np.int32)


def notes(score: Score) -> list[tuple[int, int, int]]:
    """(pitch, onset in sixteenths, duration in sixteenths)."""
    return [(int(n["pitch"]), n["onset_ticks"] // 120, n["duration_ticks"] // 120) for n in score.notes]


def on_the_grid(score: Score, steps_per_quarter: int) -> dict[tuple[int, int], int]:
    """(step, pitch) -> length of the longest note that a keyboard plays there, until the next strike of its key."""
    kept = score.notes[~score.is_drum]
    pitches = fold_octaves(kept["pitch"].astype(np.int64), range(21, 109))
    played: dict[int, dict[int, int]] = {}
    for pitch, onset, length in zip(
        pitches.tolist(), *(c.tolist() for c in in_steps(kept, steps_per_quarter)), strict=True
    ):
        ends = played.setdefault(pitch, {})
        ends[onset] = max(ends.get(onset, 0), onset + length)
    result = {}
    for pitch, ends in played.items():
        for onset in ends:
            last = max(end for other, end in ends.items() if other <= onset)
            result[onset, pitch] = min([last, *(other for other in ends if other > onset)]) - onset
    return result


def test_a_held_note_sounds_on_under_a_moving_one():
    encoding = NoteChord()
    rows = encoding.encode(VOICES)
    assert said(encoding, rows) == "@0 d4 60 64 @4 d4 ~60 65"
    assert notes(encoding.decode(rows)) == [(60, 0, 8), (64, 0, 4), (65, 4, 4)]
    assert said(PLAIN, PLAIN.encode(VOICES)) == "d4 60 64 d4 ~60 65"


def test_a_struck_pitch_is_a_new_note_and_silence_has_no_pitch():
    score = Score.from_notes([(60, 1, 1), (60, 2, 0.25), (60, 2.5, 0.25)])
    assert said(PLAIN, PLAIN.encode(score)) == "d4 d4 60 d1 60 d1 d1 60"
    assert notes(PLAIN.decode(PLAIN.encode(score))) == notes(score)


def test_a_long_slice_is_several_of_held_pitches():
    assert said(PLAIN, PLAIN.encode(Score.from_notes([(60, 0, 17)]))) == "d32 60 d32 ~60 d4 ~60"
    assert notes(PLAIN.decode(PLAIN.encode(Score.from_notes([(60, 20, 17)])))) == [(60, 80, 68)]


def test_a_metre_cuts_what_sounds_and_counts_the_bar_anew():
    metres = np.array([(0, 3, 4), (5 * 480, 4, 4)], METRE)
    score = replace(Score.from_notes([(60, 2, 6)]), metres=metres)
    encoding = NoteChord()
    rows = encoding.encode(score)
    assert said(encoding, rows) == "3/4 @0 d8 @8 d12 60 4/4 @0 d12 ~60"
    assert encoding.positions(rows).tolist() == [0, 0, 0, 0, 960, 960, 960, 960, 2400, 2400]
    decoded = encoding.decode(rows)
    assert notes(decoded) == [(60, 8, 24)]
    assert decoded.metres.tolist() == metres.tolist()


def test_a_finer_grid_keeps_triplets():
    triplets = [(60 + i, i / 3, 1 / 3) for i in range(6)]
    encoding = NoteChord(Options(steps_per_quarter=12))
    decoded = encoding.decode(encoding.encode(Score.from_notes(triplets)))
    assert decoded.notes["onset_ticks"].tolist() == [0, 160, 320, 480, 640, 800]
    assert (decoded.notes["duration_ticks"] == 160).all()


def test_drums_are_left_out():
    drums = Score.from_notes([(36, 0, 1)], tracks=[Track(is_drum=True)])
    assert len(NoteChord().encode(drums)) == 0


@pytest.mark.parametrize(
    "text, expected",
    [
        ("60 d4 64", [(64, 0, 4)]),  # before the first duration there is no slice
        ("d4 ~60 d4 ~60 60", [(60, 4, 4)]),  # nothing was held; of a pitch that stands twice the strike counts
        ("d4 60 d4 d4 ~60", [(60, 0, 4)]),  # a pitch that was let go cannot be held any more
        ("d4 60 60 64 d2 ~64 ~60", [(60, 0, 6), (64, 0, 6)]),  # in any order
        ("d4 d4", []),
    ],
)
def test_what_no_piece_makes_means_what_can_be_played(text, expected):
    assert notes(PLAIN.decode(rows_of(text))) == expected


def test_decoding_passes_over_reserved_tokens():
    one, two, *rest = rows_of("d4 60 d4 ~60")
    rows = np.array([START, one, UNKNOWN, two, PADDING, *rest, PADDING])
    assert notes(PLAIN.decode(rows)) == [(60, 0, 8)]
    assert PLAIN.positions(rows).tolist() == [0, 0, 0, 0, 0, 480, 480, 480]


@settings(deadline=None, max_examples=examples(100))
@given(scores(), st.sampled_from((1, 4, 12)), st.booleans())
def test_every_note_of_a_keyboard_comes_back_with_its_onset_and_length(score, steps_per_quarter, positions):
    for encoding in (
        NoteChord(Options(steps_per_quarter=steps_per_quarter, positions=positions)),
        ChordRoll(ChordRoll.Options(steps_per_quarter=steps_per_quarter)),
    ):
        decoded = encoding.decode(encoding.encode(score))
        back = {
            (int(onset), int(pitch)): int(length)
            for onset, length, pitch in zip(
                *in_steps(decoded.notes, steps_per_quarter), decoded.notes["pitch"], strict=True
            )
        }
        assert back == on_the_grid(score, steps_per_quarter)


def test_a_step_of_chord_roll_is_opened_even_where_nothing_sounds():
    encoding = ChordRoll()
    rows = encoding.encode(Score.from_notes([(60, 0, 0.5), (60, 0.75, 0.25)]))
    assert said(encoding, rows) == "d1 60 d1 ~60 d1 d1 60"


def test_features_say_kind_pitch_and_time():
    encoding = NoteChord()
    features, first = encoding.spec.features, encoding.sections.first
    kinds, keys, classes, quarters = 5, 88, 12, 9
    assert np.flatnonzero(features[first["held"] + 39]).tolist() == [2, kinds + 39, kinds + keys]
    begin = kinds + keys + classes
    assert np.flatnonzero(features[first["duration"] + 5]).tolist() == [0, begin + 1, begin + quarters + 2]
    assert not features[:3].any()


def test_a_repetition_penalty_and_a_key_ask_for_struck_pitches_alone():
    encoding = NoteChord()
    begins = encoding.onset_pitches()
    assert Counter(begins.sum(axis=1).tolist()) == {1: 88, 0: encoding.spec.size - 88}
    assert begins[encoding.sections.first["struck"] + 39, 60]
    assert not encoding.ends().any()


@pytest.mark.parametrize(
    "name, options, cls",
    [
        (
            "note-chord",
            {"rhythm": True, "pitch_classes": False, "rests": "drop", "max_vocabulary": 64},
            ClosedNoteChord,
        ),
        ("chord-roll", {"steps_per_quarter": 4, "max_polyphony": 4, "reduce_to": 3, "seed": 0}, ClosedChordRoll),
    ],
)
def test_a_model_saved_before_the_vocabulary_was_open_is_read_as_closed(name, options, cls):
    learned = cls(cls.Options(vocabulary="closed", **options))
    learned.fit([VOICES])
    old = from_json({"name": name, "options": options}, learned.vocabulary())
    assert isinstance(old, cls)
    assert old.encode(VOICES).tolist() == learned.encode(VOICES).tolist()


def test_without_time_or_octaves_the_vocabulary_is_the_tutorials():
    for options in ({"rhythm": False}, {"pitch_classes": True}, {"vocabulary": "closed"}):
        assert isinstance(NoteChord(Options(**options)), ClosedNoteChord)
    assert isinstance(NoteChord(Options(rests="drop")), NoteChord)
