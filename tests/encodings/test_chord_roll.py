from __future__ import annotations

import subprocess
import sys
from collections import Counter
from itertools import groupby

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from musictool.encoding import FIRST_TOKEN, PADDING, START, UNKNOWN
from musictool.encodings.chord_roll import ChordRoll, ClosedChordRoll, Options
from musictool.errors import BadModel, BadOption
from musictool.music.score import Score, Track
from musictool.options import from_settings
from tests.strategies import examples, scores

SEVEN = [(pitch, 0, 1) for pitch in (48, 52, 55, 60, 64, 67, 72)]


def fitted(*pieces: Score, **options) -> ClosedChordRoll:
    encoding = ChordRoll(Options(vocabulary="closed", **options))
    encoding.fit(pieces)
    return encoding


def runs(score: Score, **options) -> list[tuple[str, int]]:
    """What a piece is, to an encoding that has seen it: each token and for how many steps."""
    encoding = fitted(score, **options)
    texts = map(encoding.texts.text_of, encoding.encode(score))
    return [(text, len(list(steps))) for text, steps in groupby(texts)]


def notes(score: Score) -> list[tuple[int, int, int]]:
    """(pitch, onset in sixteenths, duration in sixteenths)."""
    return [(n["pitch"], n["onset_ticks"] // 120, n["duration_ticks"] // 120) for n in score.notes]


def test_each_step_is_what_sounds_there():
    score = Score.from_notes([(48, 0, 2), (60, 0, 1), (64, 1, 0.5), (67, 1, 0.5)])
    assert runs(score) == [("48-60", 4), ("48-64-67", 2), ("48", 2)]
    assert runs(score, steps_per_quarter=2) == [("48-60", 2), ("48-64-67", 1), ("48", 1)]


def test_all_tracks_but_drums_sound_together():
    tracks = (Track(0), Track(40), Track(0, is_drum=True))
    parts = [Score.from_notes([(pitch, 0, 1)], tracks, i).notes for i, pitch in enumerate((60, 64, 36))]
    assert runs(Score(np.concatenate(parts), tracks)) == [("60-64", 4)]


def test_a_struck_and_a_held_pitch_look_the_same_and_come_back_held():
    struck = Score.from_notes([(60, 0, 1), (60, 1, 1), (60, 1.5, 2)])
    assert runs(struck) == [("60", 14)]
    encoding = fitted(struck)
    assert notes(encoding.decode(encoding.encode(struck))) == [(60, 0, 14)]


def test_silence_is_left_out_before_the_music_and_a_whole_note_at_most_inside():
    assert runs(Score.from_notes([(60, 5, 1), (62, 7, 1), (64, 40 * 3600 * 2, 1)])) == [
        ("60", 4),
        ("rest", 4),
        ("62", 4),
        ("rest", 16),
        ("64", 4),
    ]


def test_pitches_off_the_keyboard_move_by_octaves():
    assert runs(Score.from_notes([(0, 0, 1), (127, 0, 1)])) == [("24-103", 4)]


def test_of_too_many_pitches_some_are_chosen():
    ((text, _),) = runs(Score.from_notes(SEVEN))
    chosen = [int(pitch) for pitch in text.split("-")]
    assert len(chosen) == 3
    assert set(chosen) < {pitch for pitch, _, _ in SEVEN}
    assert runs(Score.from_notes(SEVEN[:4])) == [("48-52-55-60", 4)]
    assert runs(Score.from_notes(SEVEN), max_polyphony=7) == [("48-52-55-60-64-67-72", 4)]
    assert {len(runs(Score.from_notes(SEVEN), seed=seed, reduce_to=2)[0][0].split("-")) for seed in range(9)} == {2}


def test_the_choice_is_even_and_hangs_on_the_seed_and_the_intervals():
    chosen = Counter(runs(Score.from_notes(SEVEN[:5]), seed=seed, reduce_to=1)[0][0] for seed in range(500))
    assert set(chosen) == {"48", "52", "55", "60", "64"}
    assert min(chosen.values()) > 60  # 100 expected, 9 the deviation
    for seed in range(20):
        ((low, _),) = runs(Score.from_notes(SEVEN), seed=seed)
        ((high, _),) = runs(Score.from_notes(SEVEN).transpose(5), seed=seed)
        assert [int(pitch) + 5 for pitch in low.split("-")] == [int(pitch) for pitch in high.split("-")]


def test_another_process_chooses_the_same():
    code = (
        "from musictool.encodings.chord_roll import ClosedChordRoll; from musictool.music.score import Score;"
        f"print(ClosedChordRoll().token_bytes(Score.from_notes({SEVEN})))"
    )
    answer = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, env={"PYTHONHASHSEED": "7"}
    )
    assert answer.stdout.strip() == str(ClosedChordRoll().token_bytes(Score.from_notes(SEVEN)))


def test_more_cannot_be_chosen_than_may_sound():
    with pytest.raises(BadOption, match="reduce_to: 5 is more than max_polyphony, 4"):
        from_settings(Options, ["reduce-to=5"])


@settings(deadline=None, max_examples=examples(100))
@given(scores(), st.sampled_from((1, 4, 7)))
def test_the_words_are_those_of_a_slow_walk_over_the_steps(score, steps_per_quarter):
    encoding = ChordRoll(Options(vocabulary="closed", steps_per_quarter=steps_per_quarter, max_polyphony=88))

    def step(ticks):
        return int(np.floor(ticks * steps_per_quarter / 480 + 0.5))

    sounding: dict[int, set[int]] = {}
    for note, is_drum in zip(score.notes.tolist(), score.is_drum, strict=True):
        onset, duration, pitch = note[:3]
        while not 21 <= pitch <= 108:
            pitch += 12 if pitch < 21 else -12
        for at in range(step(onset), max(step(onset + duration), step(onset) + 1)) if not is_drum else ():
            sounding.setdefault(at, set()).add(pitch)
    expected, silence = [], 0
    for at in range(min(sounding, default=0), max(sounding, default=-1) + 1):
        silence = 0 if at in sounding else silence + 1
        if silence <= 4 * steps_per_quarter:
            expected.append("-".join(map(str, sorted(sounding.get(at, ())))) or "rest")
    assert [encoding.token_format().to_text(word) for word in encoding.token_bytes(score)] == expected


def test_reserved_tokens_take_no_time():
    encoding = fitted(Score.from_notes([(60, 0, 1), (64, 1, 1)]))
    c, e = (encoding.texts.token_of(text) for text in ("60", "64"))
    rows = np.array([START, c, UNKNOWN, c, PADDING, e, PADDING])
    assert notes(encoding.decode(rows)) == [(60, 0, 2), (64, 2, 1)]
    assert encoding.positions(rows).tolist() == [0, 0, 120, 120, 240, 240, 360]


@settings(deadline=None, max_examples=examples(100))
@given(scores(), scores(min_notes=1, drums=False), st.sampled_from((8, 20, 65536)))
def test_what_is_lost_is_lost_once_even_with_a_strange_or_tiny_vocabulary(score, other, size):
    encoding = fitted(other, max_vocabulary=size)
    rows = encoding.encode(score)
    assert encoding.find(encoding.token_bytes(encoding.decode(rows))).tolist() == rows.tolist()


def test_the_rest_is_in_every_vocabulary_and_never_stands_for_a_chord():
    encoding = fitted(Score.from_notes([(60, 0, 1)]))
    assert encoding.texts.texts == ("60", "rest")
    assert encoding.encode(Score.from_notes([(21, 0, 1), (108, 2, 1)])).tolist() == [3] * 4 + [4] * 4 + [3] * 4
    with pytest.raises(BadModel, match="needs 'rest'"):
        encoding.load_vocabulary({"symbols": ["60"], "counts": [1]})


@pytest.mark.parametrize("text", ["", "60-", "-60", "64-60", "60-60", "20", "109", "C4", "060", "60 ", "6٠", "rest-60"])
def test_a_vocabulary_with_a_token_that_is_never_made_is_refused(text):
    with pytest.raises(BadModel, match="chord-roll"):
        ClosedChordRoll().load_vocabulary({"symbols": ["rest", text], "counts": [1, 1]})


def test_features_are_pitches_classes_and_voices():
    encoding = fitted(Score.from_notes([(60, 0, 1), (64, 0, 1), (67, 0, 1)]))
    features = encoding.spec.features
    assert features.shape == (FIRST_TOKEN + 2, 128 + 12 + 9)
    assert np.flatnonzero(features[3]).tolist() == [60, 64, 67, 128, 132, 135, 143]
    assert np.flatnonzero(features[4]).tolist() == [140]
