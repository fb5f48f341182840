from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from musictool.apps.lofi.drums import PHRASE_BARS, drum_part, kick_seconds, pattern, styles
from musictool.apps.lofi.tempo import with_tempo
from musictool.errors import UnknownName
from musictool.music.score import METRE, Score


def piece(bars: int, *metres: tuple[int, int, int]) -> Score:
    score = Score.from_notes([(60, i, 1) for i in range(bars * 4)])
    return with_tempo(replace(score, metres=np.array(list(metres) or [(0, 4, 4)], METRE)), 80)


def onsets(part: Score, *pitches: int) -> list[int]:
    return part.notes["onset_ticks"][np.isin(part.notes["pitch"], pitches)].tolist()


def test_there_are_four_styles():
    assert styles() == ("boom-bap", "brushes", "dusty", "half-time")


@pytest.mark.parametrize("style", styles())
@pytest.mark.parametrize("metre", [(4, 4), (3, 4), (6, 8)])
def test_every_pattern_has_bars_to_take_turns_a_fill_and_a_kick_on_the_first_beat(style, metre):
    found = pattern(style, *metre)
    assert len(found.bars) == 3
    assert found.track.is_drum
    for bar in found.bars:
        assert 36 in bar["pitch"][bar["onset_ticks"] == 0]
        assert bar["onset_ticks"].max() < found.length_ticks == 1920 * metre[0] // metre[1]
    assert not np.array_equal(found.bars[0], found.bars[-1])


def test_drums_keep_to_bars_of_every_metre():
    """A bar of 4/4, one of 3/4, one of 2/4, one of 6/8, one of 5/4."""
    starts = [0, 1920, 3360, 4320, 5760]
    metres = zip(starts, (4, 3, 2, 6, 5), (4, 4, 4, 8, 4), strict=True)
    part = drum_part(piece(5, *metres).until(8160), "half-time", 1)
    kicks = onsets(part, 36)
    assert set(starts) <= set(kicks)
    assert part.notes["onset_ticks"].max() < 8160


@pytest.mark.parametrize(
    "metre, kicks, snares",
    [
        ((4, 4), [0, 1200], [480, 1440]),
        ((2, 2), [0], [960]),
        ((2, 4), [0], [480]),
        ((6, 4), [0, 1440], [960, 2400]),
        ((6, 8), [0], [720]),
        ((12, 8), [0, 1440], [720, 2160]),
    ],
)
def test_the_beats_of_a_bar_are_struck_as_the_pattern_has_them(metre, kicks, snares):
    part = drum_part(piece(3, (0, *metre)), "dusty", 1)
    bar = 1920 * metre[0] // metre[1]
    assert [onset for onset in onsets(part, 36) if onset < bar] == kicks
    loud = part.notes[(part.notes["pitch"] == 38) & (part.notes["velocity"] > 80)]["onset_ticks"]
    assert [onset for onset in loud.tolist() if onset < bar] == snares


def test_each_phrase_ends_with_the_fill():
    part = drum_part(piece(8), "boom-bap", 1)
    bars = [
        [(onset % 1920, pitch) for onset, _, pitch, _, _ in part.notes.tolist() if onset // 1920 == bar]
        for bar in range(8)
    ]
    assert bars[0] == bars[2] == bars[4] == bars[6]
    assert bars[3] == bars[7] != bars[1]
    assert bars[3] == [(onset, pitch) for onset, _, pitch, _, _ in pattern("boom-bap", 4, 4).bars[-1].tolist()]


@pytest.mark.parametrize("bars, first", [(2, 0), (15, 0), (16, PHRASE_BARS), (40, PHRASE_BARS)])
def test_a_long_piece_begins_without_drums(bars, first):
    assert drum_part(piece(bars), "boom-bap", 1).notes["onset_ticks"][0] == first * 1920


def test_the_seed_moves_velocities_and_nothing_else():
    a, b, c = (drum_part(piece(4), "brushes", seed).notes for seed in (1, 1, 2))
    assert np.array_equal(a, b)
    assert np.array_equal(a["onset_ticks"], c["onset_ticks"])
    assert not np.array_equal(a["velocity"], c["velocity"])


def test_kicks_are_told_in_seconds():
    assert kick_seconds(drum_part(piece(1), "dusty", 1)).tolist() == [0, 1.875]


def test_an_unknown_style_is_named_with_those_there_are():
    with pytest.raises(UnknownName, match=r"unknown drums 'bom-bap'\. Did you mean 'boom-bap'"):
        pattern("bom-bap", 4, 4)
