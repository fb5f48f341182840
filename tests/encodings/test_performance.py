from __future__ import annotations

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from musictool.encoding import FIRST_TOKEN, PADDING, START, UNKNOWN
from musictool.encodings.performance import Options, Performance
from musictool.errors import BadOption
from musictool.music.grid import split_long
from musictool.music.score import DEFAULT_VELOCITY, TEMPO, Score, Track
from musictool.options import from_settings
from tests.strategies import examples, scores

# At 120 quarter notes a minute a quarter note is half a second, 960 ticks are one.
OPTIONS = st.builds(
    Options, velocity=st.booleans(), velocity_bins=st.integers(2, 127), steps_per_second=st.integers(10, 200)
)


def played(*notes: tuple[int, float, float, int]) -> Score:
    """(pitch, onset in seconds, duration in seconds, velocity)."""
    columns = np.array(notes, float).reshape(-1, 4).T
    columns[1:3] *= 960
    pitch, onset_ticks, duration_ticks, velocity = np.round(columns).astype(np.int64)
    return Score.from_columns(onset_ticks, duration_ticks, pitch, velocity, pitch * 0)


def text(encoding: Performance, rows: np.ndarray) -> list[str]:
    """Each row as its kind and what it means: "on 60", "off 60", "wait 10", "velocity 19"."""
    words = []
    for row in rows.tolist():
        kind = next(kind for kind in encoding.sections.first if encoding.sections.of_kind(kind, np.array(row)))
        words.append(f"{kind} {row - encoding.sections.first[kind] + (kind == 'wait')}")
    return words


def rows_of(encoding: Performance, *words: str) -> np.ndarray:
    """The inverse of text."""
    pairs = [word.split() for word in words]
    ids = [encoding.sections.first[kind] + int(value) - (kind == "wait") for kind, value in pairs]
    return np.array(ids, np.int32)


def written(score: Score, **options) -> list[str]:
    encoding = Performance(Options(**options))
    return text(encoding, encoding.encode(score))


def read_back(*words: str, **options) -> list[tuple[int, float, float, int]]:
    """(pitch, onset in 10 ms, duration in 10 ms, velocity) of every note, rounded."""
    encoding = Performance(Options(**options))
    notes = encoding.decode(rows_of(encoding, *words)).notes
    return [(p, round(o / 9.6), round((o + d) / 9.6) - round(o / 9.6), v) for o, d, p, v, _ in notes.tolist()]


def test_the_vocabulary_is_performance_rnns_behind_the_reserved_ids():
    encoding = Performance()
    assert encoding.spec.size == FIRST_TOKEN + 388
    assert encoding.sections.first == {"on": 3, "off": 131, "wait": 259, "velocity": 359}
    assert Performance(Options(velocity=False)).spec.size == FIRST_TOKEN + 356


def test_a_chord_and_a_note():
    score = played((64, 0, 0.5, 80), (60, 0, 0.5, 80), (72, 0.75, 0.01, 81))
    assert written(score) == [
        *("velocity 19", "on 60", "on 64", "wait 50", "off 60", "off 64"),
        *("wait 25", "velocity 20", "on 72", "wait 1", "off 72"),
    ]
    assert written(score, velocity=False) == [
        *("on 60", "on 64", "wait 50", "off 60", "off 64", "wait 25", "on 72", "wait 1", "off 72"),
    ]


def test_releases_come_before_presses_and_soft_before_loud():
    score = played((70, 0, 1, 40), (50, 0, 1, 40), (60, 1, 1, 100), (61, 1, 1, 10), (59, 1, 1, 100), (58, 1, 1, 100))
    rows = written(score)
    assert rows[:4] == ["velocity 9", "on 50", "on 70", "wait 100"]
    assert rows[4:12] == ["off 50", "off 70", "velocity 2", "on 61", "velocity 24", "on 58", "on 59", "on 60"]


def test_a_long_wait_is_several_and_silence_before_the_first_note_stays():
    assert written(played((60, 2.34, 1, 80)))[:4] == ["wait 100", "wait 100", "wait 34", "velocity 19"]
    assert written(played((60, 2, 0.01, 80)), steps_per_second=20)[:3] == ["wait 20", "wait 20", "velocity 19"]


def test_the_shortest_note_lasts_one_step():
    assert written(played((60, 0, 0.001, 80), (60, 0.5, 0.004, 80)))[-1] == "off 60"
    assert read_back(*written(played((60, 0, 0.001, 80)))) == [(60, 0, 1, 78)]


def test_drums_are_left_out():
    drums = Score.from_notes([(36, 0, 1)], tracks=[Track(is_drum=True)])
    assert written(drums) == []


def test_tempo_is_counted_into_the_waits():
    slow_then_fast = np.array([(0, 60.0), (480, 240.0)], TEMPO)  # a quarter note is 1 s, then 0.25 s
    quarters = [(60, 0, 1), (62, 1, 1), (64, 2, 1)]
    score = Score.from_notes(quarters)
    score = Score(score.notes, score.tracks, tempos=slow_then_fast)
    assert [word for word in written(score) if "wait" in word] == ["wait 100", "wait 25", "wait 25"]


def test_errors_do_not_add_up():
    third = 0.5 / 3  # 160 ticks; each wait on its own would be 3.3 ms too long
    score = played(*((60, i * third, 0.1, 80) for i in range(3000)))
    decoded = Performance().decode(Performance().encode(score))
    assert len(decoded.notes) == 3000
    assert np.abs(decoded.notes["onset_ticks"] - score.notes["onset_ticks"]).max() <= 5.3  # half a step and rounding
    ends = [(s.notes["onset_ticks"] + s.notes["duration_ticks"]).astype(int) for s in (decoded, score)]
    assert np.abs(ends[0] - ends[1]).max() <= 5.3


def test_every_velocity_becomes_the_middle_of_its_bin():
    encoding = Performance()
    score = played(*((60, i, 0.5, i) for i in range(1, 128)))
    back = encoding.decode(encoding.encode(score)).notes["velocity"]
    assert back[:8].tolist() == [2, 2, 2, 2, 6, 6, 6, 6]
    assert back[-4:].tolist() == [122, 126, 126, 126]
    assert np.abs(back.astype(int) - score.notes["velocity"]).max() == 2
    assert len(set(back.tolist())) == 32
    again = encoding.decode(encoding.encode(encoding.decode(encoding.encode(score)))).notes["velocity"]
    assert again.tolist() == back.tolist()


@pytest.mark.parametrize("bins", [2, 3, 10, 31, 33, 64, 100, 126, 127])
def test_any_number_of_bins_is_used_to_the_last_and_is_stable(bins):
    encoding = Performance(Options(velocity_bins=bins))
    score = played(*((60, i, 0.5, i) for i in range(1, 128)))
    rows = encoding.encode(score)
    assert len(np.unique(rows[encoding.sections.of_kind("velocity", rows)])) == bins
    np.testing.assert_array_equal(encoding.encode(encoding.decode(rows)), rows)


def test_notes_of_one_pitch_that_overlap_crosswise_all_come_back():
    crosswise = [(60, 0, 100, 78), (60, 90, 100, 78), (60, 95, 200, 78)]
    rows = written(played(*((p, o / 100, d / 100, v) for p, o, d, v in crosswise)))
    assert rows == [
        *("velocity 19", "on 60", "wait 90", "on 60", "wait 5", "on 60"),
        *("wait 5", "off 60", "wait 90", "off 60", "wait 100", "wait 5", "off 60"),
    ]
    assert read_back(*rows) == crosswise


def test_of_notes_of_one_pitch_within_each_other_the_first_ends_first():
    assert read_back(*written(played((60, 0, 1, 80), (60, 0.2, 0.2, 80)))) == [(60, 0, 40, 78), (60, 20, 80, 78)]


def test_a_release_without_a_press_means_nothing():
    assert read_back("off 60", "on 60", "wait 9", "off 60", "off 60", "wait 3", "off 61") == [(60, 0, 9, 80)]


def test_a_press_without_a_release_ends_with_the_next_press_or_the_stream():
    assert read_back("on 60", "wait 50", "on 62", "wait 50") == [(60, 0, 100, 80), (62, 50, 50, 80)]
    assert read_back("on 60", "wait 50", "on 60", "wait 5", "off 60", "wait 9") == [(60, 0, 50, 80), (60, 50, 5, 80)]
    assert read_back("wait 2", "on 60") == [(60, 2, 1, 80)]


def test_a_press_without_a_release_sounds_for_five_seconds_at_most():
    waits = ["wait 100"] * 8
    assert read_back("on 60", *waits) == read_back("on 60", *waits, "on 60")[:1] == [(60, 0, 500, 80)]
    assert read_back("on 60", *waits, "off 60") == [(60, 0, 800, 80)]
    assert read_back("on 60", *["wait 50"] * 16, steps_per_second=50) == [(60, 0, 500, 80)]


def test_what_is_read_says_its_tempo():
    assert Performance().decode(np.zeros(0, np.int32)).tempos.tolist() == [(0, 120.0)]


def test_a_press_and_a_release_at_one_time_are_a_note_of_one_step():
    assert read_back("on 60", "off 60", "wait 7") == [(60, 0, 1, 80)]


def test_one_forgotten_release_spoils_one_note_only():
    rest = [word for i in range(5) for word in ("wait 50", "on 60", "wait 10", "off 60")]
    notes = read_back("on 60", *rest)
    assert [duration for _, _, duration, _ in notes] == [50, 10, 10, 10, 10, 10]


def test_reserved_tokens_are_passed_over():
    encoding = Performance()
    rows = rows_of(encoding, "on 60", "wait 5", "off 60")
    between = np.array([START, rows[0], UNKNOWN, rows[1], PADDING, rows[2], PADDING])
    np.testing.assert_array_equal(encoding.decode(between).notes, encoding.decode(rows).notes)


def by_the_book(encoding: Performance, rows: np.ndarray) -> list[tuple[int, int, int, int]]:
    """(pitch, onset, end in steps, velocity): one row after the other, a list of open presses for each pitch."""
    step, velocity, notes, events = 0, DEFAULT_VELOCITY, [], {}
    for word in text(encoding, rows[rows >= FIRST_TOKEN]):
        kind, value = word.split()[0], int(word.split()[1])
        if kind == "wait":
            step += value
        elif kind == "velocity":
            within = [v for v in range(1, 128) if (v - 1) * encoding.options.velocity_bins // 127 == value]
            velocity = (within[0] + within[-1]) // 2
        else:
            events.setdefault(value, []).append((kind, step, velocity))
    for pitch, played_events in events.items():
        open_presses: list[int] = []
        closed, releases = set(), []
        for i, (kind, at, _) in enumerate(played_events):
            if kind == "on":
                open_presses.append(i)
            elif open_presses:
                closed.add(open_presses.pop())
                releases.append(at)
        waiting = iter(releases)
        presses = [i for i, (kind, _, _) in enumerate(played_events) if kind == "on"]
        for i in presses:
            later = [played_events[j][1] for j in presses if j > i]
            at_most = played_events[i][1] + 5 * encoding.options.steps_per_second  # of a press that nothing releases
            end = next(waiting) if i in closed else min([*later, step][0], at_most)
            notes.append((pitch, played_events[i][1], max(end, played_events[i][1] + 1), played_events[i][2]))
    return sorted(notes)


@settings(deadline=None, max_examples=examples(300))
@given(OPTIONS, st.integers(0, 2**32 - 1), st.integers(0, 80), st.integers(1, 3), st.integers(0, 2))
@example(Options(velocity=False, velocity_bins=2, steps_per_second=10), 308, 38, 2, 0)  # a press held for over 5 s
def test_any_rows_are_read_as_a_slow_reader_does(options, seed, length, pitches, reserved):
    encoding = Performance(options)
    rng = np.random.default_rng(seed)
    keys = np.concatenate([encoding.sections.first[kind] + np.arange(60, 60 + pitches) for kind in ("on", "off")])
    others = rng.integers(encoding.sections.first["wait"], encoding.spec.size, 3)
    rows = rng.choice(np.concatenate([keys, keys, others, np.arange(reserved)]), length)
    notes, rate = encoding.decode(rows).notes, options.steps_per_second
    notes_read = [(p, round(o * rate / 960), round((o + d) * rate / 960), v) for o, d, p, v, _ in notes.tolist()]
    assert sorted(notes_read) == by_the_book(encoding, rows)


@settings(deadline=None, max_examples=examples(200))
@given(scores(), OPTIONS)
def test_what_is_lost_is_lost_once_with_any_options(score, options):
    encoding = Performance(options)
    rows = encoding.encode(score)
    assert ((rows >= FIRST_TOKEN) & (rows < encoding.spec.size)).all()
    np.testing.assert_array_equal(encoding.encode(encoding.decode(rows)), rows)


@settings(deadline=None, max_examples=examples(200))
@given(scores(drums=False), OPTIONS)
def test_every_note_comes_back_at_its_time(score, options):
    encoding = Performance(options)
    back = encoding.decode(encoding.encode(score)).notes
    allowed = 0.5 / options.steps_per_second + 0.5 / 960 + 1e-9
    was = sorted(zip(score.notes["pitch"].tolist(), score.to_seconds(score.notes["onset_ticks"]), strict=True))
    now = sorted(zip(back["pitch"].tolist(), back["onset_ticks"] / 960, strict=True))
    assert [pitch for pitch, _ in was] == [pitch for pitch, _ in now]
    assert all(abs(a - b) <= allowed for (_, a), (_, b) in zip(was, now, strict=True))


def test_pitches_off_the_end_move_by_octaves_and_stay_in_order():
    score = played((0, 0, 1, 80), (5, 0, 1, 80), (12, 0, 1, 80), (60, 0, 1, 80), (127, 1, 1, 80))
    encoding = Performance()
    rows = encoding.encode(score)
    for semitones in (-12, -6, -1, 1, 12):
        moved = encoding.transpose(rows, semitones)
        assert moved.dtype == np.int32
        np.testing.assert_array_equal(moved, encoding.encode(score.transpose(semitones)))
    assert text(encoding, encoding.transpose(rows, -1))[:5] == ["velocity 19", "on 4", "on 11", "on 11", "on 59"]
    window = np.array([[START, PADDING, UNKNOWN], encoding.encode(score)[:3]])
    np.testing.assert_array_equal(encoding.transpose(window, -1)[0], window[0])


@settings(deadline=None, max_examples=examples(300))
@given(
    st.lists(st.tuples(st.integers(0, 14), st.integers(0, 2), st.integers(1, 4), st.integers(1, 9)), max_size=12),
    st.booleans(),
    st.integers(-12, 12),
)
def test_rows_shift_with_the_music_where_every_pitch_goes_off_the_end(notes, velocity, semitones):
    encoding = Performance(Options(velocity=velocity))
    score = played(*((p + 113 * (semitones > 0), o / 10, d / 10, v) for p, o, d, v in notes))
    moved = encoding.transpose(encoding.encode(score), semitones)
    np.testing.assert_array_equal(moved, encoding.encode(score.transpose(semitones)))


def test_stretching_moves_waits_to_the_nearest_within_a_second():
    encoding = Performance()
    rows = rows_of(encoding, "on 60", "wait 1", "wait 10", "wait 15", "wait 50", "wait 100", "velocity 3", "off 60")
    slower, faster = (text(encoding, encoding.stretch(rows, factor)) for factor in (1.1, 0.5))
    assert slower[1:6] == ["wait 1", "wait 11", "wait 17", "wait 55", "wait 100"]
    assert faster[1:6] == ["wait 1", "wait 5", "wait 8", "wait 25", "wait 50"]
    assert [slower[i] for i in (0, 6, 7)] == ["on 60", "velocity 3", "off 60"]
    assert encoding.stretch(np.stack([rows, rows]), 1.1).shape == (2, len(rows))


def test_positions_are_the_times_of_events_and_the_ends_of_waits():
    encoding = Performance()
    rows = rows_of(encoding, "velocity 3", "on 60", "wait 100", "off 60", "wait 50", "on 62")
    assert encoding.positions(rows).tolist() == [0, 0, 960, 960, 1440, 1440]


def test_features_say_pitch_class_time_and_velocity():
    encoding = Performance()
    features = encoding.spec.features
    assert features.shape == (391, 4 + 128 + 12 + 10 + 10 + 32)
    words = ("on 60", "off 60", "wait 1", "wait 40", "wait 100", "velocity 31")
    expected = [[0, 64, 132], [1, 64, 132], [2, 144, 154], [2, 147, 163], [2, 153, 163], [3, 195]]
    rows = rows_of(encoding, *words)
    assert [np.flatnonzero(features[row]).tolist() for row in rows] == expected
    assert not features[:FIRST_TOKEN].any()


def test_options_come_from_the_command_line():
    options = from_settings(Options, ["velocity=false", "steps-per-second=50"])
    assert options == Options(velocity=False, steps_per_second=50)
    with pytest.raises(BadOption, match="from 2 to 127"):
        from_settings(Options, ["velocity_bins=128"])


def test_times_are_split_into_the_longest_and_the_rest():
    owners, parts = split_long(np.array([0, 3, 10, 20, 0, 25]), 10)
    assert owners.tolist() == [1, 2, 3, 3, 5, 5, 5]
    assert parts.tolist() == [3, 10, 10, 10, 10, 10, 5]
    assert [part.tolist() for part in split_long(np.zeros(0, np.int64), 10)] == [[], []]


def test_a_press_begins_its_pitch_and_a_release_ends_it():
    encoding = Performance()
    rows = rows_of(encoding, "on 60", "off 60", "wait 1", "velocity 3")
    assert [np.flatnonzero(encoding.onset_pitches()[row]).tolist() for row in rows] == [[60], [], [], []]
    assert [np.flatnonzero(encoding.ends()[row]).tolist() for row in rows] == [[], [60], [], []]
