from __future__ import annotations

from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from musictool.encoding import FIRST_TOKEN, PADDING, START, UNKNOWN
from musictool.encodings.note_duration import METRES, NoteDuration, Options
from musictool.errors import BadOption
from musictool.music.grid import to_steps, without_overlaps
from musictool.music.score import METRE, Score, Track, bar_ticks
from musictool.options import from_settings
from tests.strategies import examples, scores

CHORD = ((60, 0, 1), (64, 0, 1), (67, 0, 2))
OPTIONS = st.builds(
    Options,
    steps_per_quarter=st.sampled_from((1, 2, 3, 4, 5, 7, 12, 24, 48)),
    longest_quarters=st.integers(1, 64),
    programs=st.booleans(),
    positions=st.booleans(),
)


def band(*parts: tuple[Track, tuple], metres=()) -> Score:
    """Several tracks, each with its notes as (pitch, onset, duration) in quarter notes."""
    tracks = tuple(track for track, _ in parts)
    notes = np.concatenate([Score.from_notes(notes, tracks, i).notes for i, (_, notes) in enumerate(parts)])
    table = np.array([(onset * 480, *metre) for onset, *metre in metres], METRE)
    return Score.from_columns(*(notes[column] for column in notes.dtype.names), tracks=tracks, metres=table)


def in_metres(notes, *metres: tuple[float, int, int]) -> Score:
    """One piano in metres that begin at (quarter notes, numerator, denominator)."""
    return band((Track(), tuple(notes)), metres=metres)


def text(encoding: NoteDuration, rows: np.ndarray) -> str:
    """What the rows say: "sep d4 p0 prog40 n60 d4", drums as "x36", metres as "3/4"."""
    words = []
    for row in rows.tolist():
        kind = next(kind for kind in encoding.sections.first if encoding.sections.of_kind(kind, np.array(row)))
        value = row - encoding.sections.first[kind]
        names = {
            "separator": "sep",
            "duration": f"d{value + 1}",
            "pitch": f"n{value + 21}",
            "drum": f"x{value}",
            "program": f"prog{value}",
            "metre": "/".join(map(str, METRES[value % len(METRES)])),
            "position": f"p{value}",
        }
        words.append(names[kind])
    return " ".join(words)


def rows_of(encoding: NoteDuration, words: str) -> np.ndarray:
    """The inverse of text."""
    ids = {text(encoding, np.array([row])): row for row in range(FIRST_TOKEN, encoding.spec.size)}
    return np.array([ids[word] for word in words.split()], np.int32)


def written(score: Score, **options) -> str:
    encoding = NoteDuration(Options(**options))
    return text(encoding, encoding.encode(score))


def read_back(words: str, **options) -> list[tuple[int, int, int, int]]:
    """(program or -1 for drums, pitch, onset, duration), the last two in sixteenths."""
    encoding = NoteDuration(Options(**options))
    score = encoding.decode(rows_of(encoding, words))
    programs = [-1 if track.is_drum else track.program for track in score.tracks]
    return [(programs[t], p, o // 120, d // 120) for o, d, p, _, t in score.notes.tolist()]


def test_ids_are_as_documented():
    encoding = NoteDuration()
    expected = {"separator": 3, "duration": 4, "pitch": 164, "drum": 252, "program": 380, "metre": 508, "position": 524}
    assert encoding.sections.first == expected
    assert encoding.spec.size == 556
    assert NoteDuration(Options(programs=False, positions=False)).spec.size == 380


def test_the_example_of_the_documentation():
    score = band((Track(40), ((60, 1, 1),)))
    assert written(score) == "sep d4 p4 prog40 n60 d4"
    assert read_back("sep d4 p4 prog40 n60 d4") == [(40, 60, 4, 4)]


def test_a_chord_and_a_melody():
    score = Score.from_notes([*CHORD, (72, 2, 0.5), (74, 2.5, 0.25), (76, 4, 4)])
    assert written(score) == "p0 n60 d4 n64 d4 n67 d8 sep d8 p8 n72 d2 sep d2 p10 n74 d1 sep d6 p0 n76 d16"
    assert written(score, positions=False) == "n60 d4 n64 d4 n67 d8 sep d8 n72 d2 sep d2 n74 d1 sep d6 n76 d16"


def test_a_program_is_written_where_it_changes_and_drums_come_last_without_one():
    piano, violin, drums = Track(0), Track(40), Track(7, is_drum=True)
    score = band((drums, ((42, 0, 1), (36, 0, 1), (38, 1, 1))), (violin, ((76, 0, 2), (79, 1, 1))), (piano, CHORD))
    assert written(score) == "p0 n60 d4 n64 d4 n67 d8 prog40 n76 d8 x36 d4 x42 d4 sep d4 p4 n79 d4 x38 d4"
    assert written(score, programs=False) == "p0 n60 d4 n64 d4 n67 d8 n76 d8 x36 d4 x42 d4 sep d4 p4 n79 d4 x38 d4"


def test_tracks_come_back_by_program_and_drums_behind_them():
    encoding = NoteDuration()
    score = band((Track(3, is_drum=True, name="kit"), ((36, 0, 1),)), (Track(40), ((76, 0, 2),)), (Track(5), CHORD))
    decoded = encoding.decode(encoding.encode(score))
    assert decoded.tracks == (Track(5), Track(40), Track(is_drum=True))
    assert decoded.notes["track"].tolist() == [0, 0, 0, 1, 2]
    assert encoding.decode(encoding.encode(Score.from_notes([]))).tracks == (Track(),)


def test_a_long_time_is_several_separators_and_a_long_note_is_cut():
    score = Score.from_notes([(60, 85, 50)])
    assert written(score) == "sep d160 sep d160 sep d20 p4 n60 d160"
    assert written(score, longest_quarters=1, positions=False).split().count("sep") == 85
    assert read_back("sep d160 sep d160 sep d20 p4 n60 d160") == [(0, 60, 340, 160)]


def test_triplets_need_a_finer_grid():
    score = Score.from_notes([(60 + i, i / 3, 1 / 3) for i in range(3)])
    assert written(score) == "p0 n60 d1 sep d1 p1 n61 d2 sep d2 p3 n62 d1"
    assert written(score, steps_per_quarter=12) == "p0 n60 d4 sep d4 p4 n61 d4 sep d4 p8 n62 d4"


def test_a_pitch_struck_again_ends_the_note_before_in_all_tracks_of_one_program():
    overlap = ((60, 0, 4), (60, 1, 1), (60, 1, 2))
    assert written(Score.from_notes(overlap)) == "p0 n60 d4 sep d4 p4 n60 d8"
    unison = ((60, 0, 1),)
    assert written(band((Track(40), unison), (Track(40), unison))) == "p0 prog40 n60 d4"
    assert written(band((Track(40), unison), (Track(41), unison))) == "p0 prog40 n60 d4 prog41 n60 d4"


def test_pitches_off_the_piano_come_back_by_octaves_and_drums_stay():
    score = band((Track(), ((0, 0, 1), (20, 1, 1), (109, 2, 1), (127, 3, 1))), (Track(is_drum=True), ((127, 0, 1),)))
    assert written(score, positions=False) == "n24 d4 x127 d4 sep d4 n32 d4 sep d4 n97 d4 sep d4 n103 d4"


def test_positions_count_from_the_bar_line_of_the_metre():
    waltz = in_metres([(60, i, 1) for i in range(4)], (0, 3, 4))
    assert written(waltz) == "3/4 p0 n60 d4 sep d4 p4 n60 d4 sep d4 p8 n60 d4 sep d4 p0 n60 d4"
    change = in_metres([(60, i * 2, 1) for i in range(5)], (0, 4, 4), (4, 6, 8))
    assert written(change) == "p0 n60 d4 sep d8 p8 n60 d4 sep d8 6/8 p0 n60 d4 sep d8 p8 n60 d4 sep d8 p4 n60 d4"


def test_a_metre_is_written_where_it_changes_even_where_no_note_begins():
    score = in_metres([(60, 0, 1), (60, 5, 1)], (0, 4, 4), (4, 3, 4))
    assert written(score) == "p0 n60 d4 sep d16 3/4 p0 sep d4 p4 n60 d4"
    assert written(in_metres([(60, 0, 1)], (4, 3, 4))) == "p0 n60 d4"  # behind the last note


def test_a_pickup_is_a_metre_said_again():
    score = in_metres([(60, i, 1) for i in range(3)], (0, 4, 4), (1, 4, 4))
    assert written(score) == "p0 n60 d4 sep d4 4/4 p0 n60 d4 sep d4 p4 n60 d4"
    on_the_line = in_metres([(60, 0, 1), (60, 4, 1)], (0, 4, 4), (4, 4, 4))
    assert written(on_the_line) == "p0 n60 d4 sep d16 p0 n60 d4"


@pytest.mark.parametrize("metre, nearest", [((4, 8), "2/4"), ((7, 16), "2/4"), ((1, 8), "1/4"), ((255, 1), "4/2")])
def test_an_unknown_metre_becomes_one_of_the_nearest_length(metre, nearest):
    assert written(in_metres([(60, 0, 1)], (0, *metre))) == f"{nearest} p0 n60 d4"


def test_metres_come_back():
    encoding = NoteDuration()
    score = in_metres([(60, i, 1) for i in range(20)], (1, 3, 4), (4, 6, 8), (10, 6, 8), (11, 6, 8))
    metres = encoding.decode(encoding.encode(score)).metres
    assert [(o // 480, n, d) for o, n, d in metres.tolist()] == [(0, 4, 4), (1, 3, 4), (4, 6, 8), (11, 6, 8)]
    two_at_once = encoding.decode(rows_of(encoding, "3/4 6/8 p0 n60 d4")).metres
    assert two_at_once.tolist() == [(0, 6, 8)]
    common = encoding.encode(in_metres([(60, 0, 1)], (0, 4, 4)))  # which is not written, and yet comes back
    assert encoding.decode(common).metres.tolist() == [(0, 4, 4)]
    assert len(NoteDuration(Options(positions=False)).decode(np.array([5])).metres) == 0


def test_a_month_of_waiting_is_beyond_what_a_score_holds():
    encoding = NoteDuration()
    wait, rest = rows_of(encoding, "sep d160"), rows_of(encoding, "3/4 n60 d4")
    decoded = encoding.decode(np.concatenate([rest, *[wait] * 120_000, rest]))
    assert decoded.notes["onset_ticks"].tolist() == decoded.metres["onset_ticks"].tolist() == [0]


def test_every_metre_has_positions_enough():
    for steps_per_quarter, (numerator, denominator) in product((1, 4, 7), METRES):
        score = in_metres([(60, i / 8, 1 / 8) for i in range(80)], (0, numerator, denominator))
        encoding = NoteDuration(Options(steps_per_quarter=steps_per_quarter))
        rows = encoding.encode(score)
        positions = rows[encoding.sections.of_kind("position", rows)] - encoding.sections.first["position"]
        bar = bar_ticks(numerator, denominator) * steps_per_quarter / 480
        assert set(positions) == set(range(int(bar + 0.5)))


def test_what_has_no_duration_behind_it_means_nothing():
    assert read_back("d4 n60 n62 d4 sep sep d4 p9 d4 x36 prog40 d4 n64 d8 d8 n67") == [(0, 62, 0, 4), (40, 64, 4, 8)]
    assert read_back("") == []


def test_positions_do_not_move_notes():
    assert read_back("p7 n60 d4 sep d4 p0 n62 d4") == [(0, 60, 0, 4), (0, 62, 4, 4)]


def test_reserved_tokens_are_passed_over():
    encoding = NoteDuration()
    rows = rows_of(encoding, "p0 prog40 n60 d4 sep d4 n62 d4")
    between = np.stack([rows, np.resize([UNKNOWN, PADDING, START], len(rows))], axis=1).reshape(-1)
    np.testing.assert_array_equal(encoding.decode(between).notes, encoding.decode(rows).notes)
    np.testing.assert_array_equal(encoding.positions(between)[::2], encoding.positions(rows))
    np.testing.assert_array_equal(encoding.positions(between)[1::2], encoding.positions(rows))


def test_positions_in_time_are_those_of_the_notes():
    encoding = NoteDuration()
    rows = rows_of(encoding, "p0 n60 d4 sep d4 p4 n62 d4 d4 sep d2")
    assert encoding.positions(rows).tolist() == [0, 0, 0, 0, 480, 480, 480, 480, 480, 480, 720]


def test_transposing_leaves_drums_and_programs_and_folds_at_the_ends_of_the_piano():
    encoding = NoteDuration()
    rows = rows_of(encoding, "p0 n21 d4 prog60 n108 d4 x60 d4")
    assert text(encoding, encoding.transpose(rows, 1)) == "p0 n22 d4 prog60 n97 d4 x60 d4"
    assert text(encoding, encoding.transpose(rows, -1)) == "p0 n32 d4 prog60 n107 d4 x60 d4"
    assert encoding.transpose(np.stack([rows, rows]), 3).shape == (2, len(rows))


def by_the_book(score: Score, options: Options) -> str:
    """The words of a piece, one note after the other."""
    per_quarter, longest = options.steps_per_quarter, options.steps_per_quarter * options.longest_quarters
    notes = []
    for onset, duration, pitch, _, track in score.notes.tolist():
        begin, end = (int(to_steps(ticks, per_quarter)) for ticks in (onset, onset + duration))
        part = score.tracks[track]
        program = 128 if part.is_drum else part.program if options.programs else 0
        while not part.is_drum and not 21 <= pitch <= 108:
            pitch += 12 if pitch < 21 else -12
        notes.append((begin, program, pitch, max(end, begin + 1)))
    kept = {}
    for begin, program, pitch, end in notes:
        later = [b for b, q, p, _ in notes if (q, p) == (program, pitch) and b > begin]
        length = min(end - begin, longest, *(b - begin for b in later))
        kept[begin, program, pitch] = max(length, kept.get((begin, program, pitch), 0))
    words, now, playing = [], 0, 0
    for begin in sorted({begin for begin, _, _ in kept}):
        waits = [longest] * ((begin - now) // longest) + [(begin - now) % longest]
        words += [f"sep d{wait}" for wait in waits if wait]
        words += [f"p{begin % (4 * per_quarter)}"] * options.positions
        now = begin
        for _, program, pitch in sorted(key for key in kept if key[0] == begin):
            if program not in (128, playing):
                words.append(f"prog{program}")
                playing = program
            words.append(f"{'x' if program == 128 else 'n'}{pitch} d{kept[begin, program, pitch]}")
    return " ".join(words)


@settings(deadline=None, max_examples=examples(200))
@given(scores(changes=False, max_notes=25), OPTIONS)
def test_rows_are_as_a_slow_writer_makes_them(score, options):
    encoding = NoteDuration(options)
    assert text(encoding, encoding.encode(score)) == by_the_book(score, options)


@settings(deadline=None, max_examples=examples(200))
@given(scores(), OPTIONS)
def test_what_is_lost_is_lost_once_with_any_options(score, options):
    encoding = NoteDuration(options)
    rows = encoding.encode(score)
    assert ((rows >= FIRST_TOKEN) & (rows < encoding.spec.size)).all()
    np.testing.assert_array_equal(encoding.encode(encoding.decode(rows)), rows)


@settings(deadline=None, max_examples=examples(100))
@given(scores(drums=False, max_tracks=1))
def test_notes_on_the_grid_come_back_as_they_were(score):
    notes = score.notes.copy()
    notes["onset_ticks"] -= notes["onset_ticks"] % 40
    notes["duration_ticks"] = np.maximum(notes["duration_ticks"] - notes["duration_ticks"] % 40, 40)
    notes["pitch"] = notes["pitch"].clip(21, 108)
    notes = without_overlaps(notes)
    encoding = NoteDuration(Options(steps_per_quarter=12))
    back = encoding.decode(encoding.encode(Score(notes, score.tracks)))
    for column in ("onset_ticks", "duration_ticks", "pitch"):
        assert back.notes[column].tolist() == notes[column].tolist()
    assert {track.program for track in back.tracks} == ({score.tracks[0].program} if len(notes) else {0})


def test_features_say_what_tokens_share():
    encoding = NoteDuration()
    features = encoding.spec.features
    assert features.shape == (556, 7 + 88 + 12 + 128 + 41 + 4 + 128 + 16 + 16 + 8 + 4)
    expected = {
        "sep": [0],
        "d6": [1, 236, 278],  # a quarter note and two sixteenths
        "n60": [2, 46, 95],
        "n72": [2, 58, 95],
        "x36": [3, 143],
        "prog40": [4, 320, 413],
        "3/4": [5, 425],
        "p5": [6, 441, 449],
    }
    columns = {word: np.flatnonzero(features[rows_of(encoding, word)[0]]).tolist() for word in expected}
    assert columns == expected
    assert not features[:FIRST_TOKEN].any()


def test_options_come_from_the_command_line():
    options = from_settings(Options, ["steps-per-quarter=8", "programs=no"])
    assert options == Options(steps_per_quarter=8, programs=False)
    with pytest.raises(BadOption, match="from 1 to 64"):
        from_settings(Options, ["longest_quarters=0"])
