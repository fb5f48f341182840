"""Telling made-up pieces apart."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from musictool.metrics.told_apart import MIN_PIECES, told_apart
from musictool.metrics.told_apart_bars import bar_lines
from musictool.metrics.told_apart_counts import PITCH, Words
from musictool.metrics.told_apart_features import BarCounts
from musictool.metrics.told_apart_slices import KeyboardSlices, roughness
from musictool.music.score import METRE, Score, Track

SCALE = np.array([0, 2, 4, 5, 7, 9, 11])


def tune(seed: int, length: float = 1.0, bars: int = 4) -> Score:
    """Quarter notes in C major that walk up and down, over a bass of whole notes; melody notes of some length."""
    rng = np.random.default_rng(seed)
    walk = np.clip(np.cumsum(rng.integers(-2, 3, 4 * bars)), -7, 7)
    melody = [(72 + 12 * (i // 7) + int(SCALE[i % 7]), t, length) for t, i in enumerate(walk.tolist())]
    bass = [(48 + int(SCALE[rng.integers(7)]), 4 * bar, 4) for bar in range(bars)]
    return Score.from_notes([*melody, *bass])


def numbers(score: Score, bars: int = 1, **options: bool) -> dict[str, float]:
    """The numbers of the first window."""
    values, words = BarCounts(score, **options).windows(bars, 1)
    return dict(zip(words, values[0].tolist(), strict=True))


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("musictool.metrics.told_apart.TREES", 10)
    monkeypatch.setattr("musictool.metrics.told_apart.TREES_OF_HALVES", 5)
    monkeypatch.setattr("musictool.metrics.told_apart.HALVINGS", 2)


@pytest.fixture(scope="module")
def people() -> list[Score]:
    return [tune(seed) for seed in range(10)]


def test_music_of_one_kind_is_not_told_apart_and_nothing_gives_it_away(people: list[Score]):
    apart = told_apart([tune(seed) for seed in range(100, 110)], people, bars=(1,))
    assert 0.3 < apart.samples[1].auc < 0.7
    mean, low, high = apart.halves[1]
    assert 0.2 < low <= mean <= high < 0.8
    assert apart.samples[1].low < apart.samples[1].auc < apart.samples[1].high
    assert apart.facts == ()


def test_short_notes_are_told_apart_and_named_with_both_values(people: list[Score]):
    apart = told_apart([tune(seed, 0.5) for seed in range(100, 110)], people, bars=(1,), halves=False)
    assert apart.samples[1].auc > 0.99
    assert apart.samples[1].windows == (40, 40)
    assert apart.facts[0].text == "notes are too short: 1.20 quarter notes (people 1.60)"
    assert (apart.facts[0].samples, apart.facts[0].people) == (pytest.approx(1.2), pytest.approx(1.6))


def test_a_piece_and_what_became_of_it_are_held_out_together(people: list[Score]):
    louder = [replace(score, notes=score.notes.copy()) for score in people]
    for score in louder:
        score.notes["velocity"] = 100
    same = told_apart(louder, people, bars=(1,), paired=True, halves=False)
    assert same.samples[1].auc == pytest.approx(0.5)
    shorter = [*louder[:-1], tune(9, bars=1)]
    assert told_apart(shorter, people, bars=(4,), paired=True, halves=False).samples[4].windows[1] > 0
    with pytest.raises(ValueError, match="9 samples and 10"):
        told_apart(louder[1:], people, paired=True)


def test_the_same_seed_gives_the_same_numbers(people: list[Score]):
    samples = [tune(seed) for seed in range(100, 106)]
    one, same, other = (told_apart(samples, people, seed, bars=(1,), halves=False) for seed in (1, 1, 2))
    assert one.to_json() == same.to_json()
    assert one.to_json() != other.to_json()


def test_lengths_that_too_few_pieces_have_are_left_out(people: list[Score]):
    some = people[: MIN_PIECES - 1]
    assert told_apart(some, people, halves=False).samples == {}
    assert told_apart([], people).to_json() == {"samples": {}, "halves": {}, "facts": []}
    long = [tune(seed, bars=8) for seed in range(MIN_PIECES)]
    apart = told_apart(long, long, bars=(8, 16), halves=False)
    assert list(apart.samples) == [8]


def test_a_key_cannot_be_heard_but_in_how_high_it_lies():
    one, other = (numbers(tune(3).transpose(semitones)) for semitones in (0, 5))
    different = {name for name in one if not np.isclose(one[name], other[name], equal_nan=True)}
    assert {name for name in different if "roughness" not in name} == {"top", "bass"}


def test_the_number_of_each_thing_is_that_of_the_music():
    # a sixth, a fifth, the fifth a whole tone lower, and the same again
    chords = [((60, 69), 0), ((60, 67), 1), ((58, 65), 2), ((58, 65), 3)]
    music = numbers(Score.from_notes([(pitch, onset, 1) for pitches, onset in chords for pitch in pitches]))
    assert music["parallels"] == pytest.approx(1 / 1)
    assert music["outer parallels"] == 1
    assert music["motion: oblique"] == music["motion: parallel"] == 0.5
    assert music["top steps: repeated notes"] == pytest.approx(1 / 3)
    assert music["top step"] == pytest.approx((2 + 2 + 0) / 3)
    assert music["chord: bare fifths"] == 0.75
    assert music["chord size"] == music["struck together"] == 2
    assert music["time with two notes"] == 1
    assert music["struck again"] == 3 / 8
    assert music["last wait"] == 1


def test_holes_silence_and_held_notes_are_heard():
    short = numbers(Score.from_notes([(60, 0, 0.75), (60, 1, 0.75), (62, 2, 1), (64, 3, 1)]))
    assert short["holes"] == 0.5
    assert short["holes before repeats"] == 1
    assert short["time with silence"] == pytest.approx(0.5 / 4)
    held = numbers(Score.from_notes([(48, 0, 4), *((60 + i, i, 1) for i in range(4))]))
    assert held["held over an onset"] == 1 / 5
    assert held["held over two onsets"] == 1 / 5
    assert held["held over four onsets"] == 0


def test_notes_of_one_pitch_sound_as_one_and_small_delays_are_not_heard():
    notes = [(60, 0, 1), (60, 0, 2), (60, 1, 0.5), (64, 1.02, 1)]
    slices = KeyboardSlices.of(Score.from_notes(notes).notes, 480 * 3)
    assert slices.times.tolist() == [0, 480]
    assert [(p, o, n) for p, o, n in zip(slices.pitches, slices.onsets, slices.lengths, strict=True)] == [
        (60, 0, 480),
        (60, 480, 480),  # to the end of the longer one
        (64, 480, 490),
    ]
    assert slices.voices()[:, :2].tolist() == [[60, -1], [64, 60]]


def test_semitones_are_rougher_than_fifths():
    rough = roughness()
    assert rough[60, 61] > 2 * rough[60, 67] > 0
    np.testing.assert_allclose(rough, rough.T)
    assert rough[60, 60] == 0


def test_bars_begin_where_long_and_low_notes_do_whatever_the_file_says():
    waltz = [(note, 3 * bar + beat + 2, 1) for bar in range(4) for beat, note in enumerate((40, 64, 67))]
    metre = np.array([(0, 3, 4)], METRE)
    lines, whole = bar_lines(replace(Score.from_notes(waltz), metres=metre))
    assert lines.tolist() == [-480, 960, 2400, 3840, 5280]
    assert whole == range(1, 5)
    upbeat = np.array([(0, 2, 4), (960, 3, 4)], METRE)
    assert bar_lines(replace(Score.from_notes(waltz), metres=upbeat))[0].tolist() == lines.tolist()


def test_instruments_drums_and_loudness_count_where_they_are_asked_for():
    tracks = (Track(0), Track(32), Track(0, is_drum=True))
    notes = [
        Score.from_notes(part, tracks, i)
        for i, part in enumerate(
            ([(60, 0, 1), (64, 2, 1)], [(36, 0, 4)], [(36, 0, 0.1), (36, 2, 0.1), (38, 1, 0.1), (38, 3, 0.1)])
        )
    ]
    band = Score.from_columns(
        *(np.concatenate([n.notes[c] for n in notes]) for c in notes[0].notes.dtype.names), tracks=tracks
    )
    assert not any("drum" in name or "loudness" in name or "guitar" in name for name in numbers(band))
    music = numbers(band, is_band=True, has_drums=True, has_loudness=True)
    assert music["bass: notes"] == pytest.approx(1 / 4)
    assert (music["guitar: rests"], music["bass: rests"]) == (1, 0)
    assert [music[f"bass drum on {place}"] for place in (1, 5, 9)] == [1, 0, 1]
    assert music["snare hits"] == pytest.approx(2 / 4)
    assert (music["loudness"], music["loudness varies"]) == (80, 0)


def test_what_bars_have_in_common_is_heard_in_windows_of_several():
    bar = [(60, 0, 1), (64, 1, 1), (67, 2, 2)]
    music = numbers(Score.from_notes([(p, o + 4 * i, d) for i in range(4) for p, o, d in bar]), 4)
    assert music["notes again, neighbouring bars"] == music["rhythm again, bars two apart"] == 1
    assert "notes again, bars four apart" not in music
    assert music["top varies"] == 3 / 12


def test_music_without_a_pitch_and_without_a_note_is_counted_without_fault():
    assert BarCounts(Score.from_notes([])).windows(1, 4)[0].shape == (0, 0)
    drums = Score.from_notes([(36, 0, 1), (38, 1, 1), (36, 2, 2)], (Track(is_drum=True),))
    assert np.isnan(numbers(drums, has_drums=True)["note length"])


def test_words_say_what_is_wrong_with_both_values():
    words = Words("notes are too {long|short}", "quarter notes")
    assert words.say(0.5, 1.25) == "notes are too short: 0.50 quarter notes (people 1.25)"
    assert words.say(12.5, 1.25) == "notes are too long: 12.5 quarter notes (people 1.2)"
    assert Words("too {many|few} eighths").say(0.123, 0.021) == "too many eighths: 12% (people 2.1%)"
    assert (
        Words("the bass lies too {high|low}", PITCH).say(48.2, 60)
        == "the bass lies too low: C3, 48.2 (people C4, 60.0)"
    )


def test_loudness_counts_where_most_pieces_of_both_sides_have_some(people: list[Score]):
    def accented(score: Score, quiet: int = 60) -> Score:
        notes = score.notes.copy()
        notes["velocity"] = np.where(notes["onset_ticks"] % 1920 == 0, 100, quiet)
        return replace(score, notes=notes)

    samples = [accented(tune(seed), 30) for seed in range(100, 110)]
    some, most = ([*map(accented, people[:n]), *people[n:]] for n in (4, 6))
    names = [{fact.name for fact in told_apart(samples, side, bars=(1,), halves=False).facts} for side in (some, most)]
    assert not any("loud" in name for name in names[0])
    assert any("loud" in name for name in names[1])
