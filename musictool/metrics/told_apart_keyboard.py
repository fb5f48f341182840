"""What a listener counts of a piece heard as one keyboard, bar by bar: notes, onsets, chords, lines and moves.

Each function takes down some numbers of a piece's KeyboardSlices (musictool/metrics/told_apart_slices.py), with the
words that say them.

Sources: note lengths, steps and onsets as in Yang and Lerch (2018).
"""

from __future__ import annotations

import numpy as np

from musictool.metrics.told_apart_counts import PITCH, SHARE, Counts, Words
from musictool.metrics.told_apart_slices import MAX_VOICES, TOGETHER_TICKS, KeyboardSlices, bits, roughness
from musictool.music.grid import to_steps
from musictool.music.score import TICKS_PER_QUARTER

LENGTHS = {  # quarter notes; a length is the nearest of them by ratio
    "sixteenths or less": 0.25,
    "triplet eighths": 1 / 3,
    "eighths": 0.5,
    "dotted eighths": 0.75,
    "quarter notes": 1.0,
    "dotted quarters": 1.5,
    "half notes": 2.0,
    "dotted halves": 3.0,
    "whole notes or more": 4.0,
}
STEPS = {  # semitones, up to the next
    "repeated notes": 0,
    "semitone steps": 1,
    "whole-tone steps": 2,
    "skips of a third": 3,
    "leaps of a fourth or fifth": 5,
    "leaps of a sixth or seventh": 8,
    "leaps of an octave or more": 12,
}
CHORDS = {  # pitch classes above the bass
    "bare unisons and octaves": ((0,),),
    "bare fifths": ((0, 7),),
    "two-note chords of a third or sixth": ((0, 3), (0, 4), (0, 8), (0, 9)),
    "triads in root position": ((0, 4, 7), (0, 3, 7)),
    "triads in first inversion": ((0, 3, 8), (0, 4, 9)),
    "six-four chords": ((0, 5, 9), (0, 5, 8)),
    "diminished triads": ((0, 3, 6), (0, 3, 9), (0, 6, 9)),
    "dominant sevenths": ((0, 4, 7, 10), (0, 3, 6, 8), (0, 3, 5, 9), (0, 2, 6, 9), (0, 4, 10)),
    "other seventh chords": ((0, 3, 7, 10), (0, 4, 7, 11), (0, 3, 6, 10), (0, 4, 7, 9), (0, 3, 6, 9), (0, 3, 5, 8)),
    "other chords": (),
}
INTERVALS: tuple[str, ...] = ("octave", "minor second", "major second", "minor third", "major third", "fourth")
INTERVALS += ("tritone", "fifth", "minor sixth", "major sixth", "minor seventh", "major seventh")
PLACES = ("on the bar line", "on other beats", "on eighths between beats", "on weak sixteenths", "off sixteenths")
RHYTHMS = ("short", "eighth", "quarter", "dotted quarter", "long")
MOTIONS = ("oblique", "contrary", "similar", "parallel")
TIMES = ("silence", "one note", "two notes", "three notes", "four notes", "five notes", "six notes or more")
STRUCK = ("one note is", "two notes are", "three notes are", "four notes are", "five notes are", "six notes are")
HOLE_TICKS = 12  # of silence, 12 ms at 120 quarter notes a minute, that are heard between two notes
SIXTEENTHS = 16  # of a bar that are counted one by one; later ones count as the last
QUARTER_NOTES, SEMITONES = "quarter notes", "semitones"  # units

_LOG_LENGTHS = np.log(list(LENGTHS.values()))
_STEP_BOUNDS = np.array([*STEPS.values()][1:])
RHYTHM_BOUNDS = np.array([0.4, 0.75, 1.25, 1.9])  # quarter notes
LONGEST, FARTHEST = 8.0, 24  # quarter notes and semitones that count as the most, so that no outlier rules a mean
CHORD_OF = np.full(4096, len(CHORDS) - 1)  # by the bits of the pitch classes above the bass
for _kind, _shapes in enumerate(CHORDS.values()):
    for _shape in _shapes:
        CHORD_OF[sum(1 << _tone for _tone in _shape)] = _kind
TRIAD = tuple(CHORDS).index("triads in root position")


def _nearest_length(quarters: np.ndarray) -> np.ndarray:
    """int64 (N,): the index into LENGTHS of each."""
    return np.abs(np.log(np.maximum(quarters, 1e-3))[:, None] - _LOG_LENGTHS).argmin(axis=1)


def count_notes(counts: Counts, slices: KeyboardSlices, bar: np.ndarray) -> None:
    """Lengths, notes held over the onsets of others, and notes that are struck again.

    Args:
        bar: int64 (S,), of each slice; so for the other functions.
    """
    s, at = slices, bar[slices.first]
    quarters = s.lengths / TICKS_PER_QUARTER
    words = Words("notes are too {long|short}", QUARTER_NOTES, "length")
    counts.mean("note length", words, at, np.minimum(quarters, LONGEST))
    kinds = _nearest_length(quarters)
    counts.shares("length", "too {many|few} *", tuple(LENGTHS), at, kinds)
    odd = np.abs(s.lengths - np.exp(_LOG_LENGTHS)[kinds] * TICKS_PER_QUARTER) > HOLE_TICKS
    counts.mean("odd lengths", Words("too {many|few} notes have no plain length", SHARE, "odd lengths"), at, odd)
    for more, onsets in ((1, "an onset"), (2, "two onsets"), (4, "four onsets")):
        words = Words(f"too {{many|few}} notes are held over {onsets} of other notes", SHARE, "held")
        counts.mean(f"held over {onsets}", words, at, s.last - s.first > more)
    # notes of a pitch that comes again within an eighth of their end
    hole = s.until_again - s.lengths
    again = (s.until_again > 0) & (hole < TICKS_PER_QUARTER // 2)
    counts.mean("struck again", Words("too {many|few} notes are struck again at once", SHARE, "repeats"), at, again)
    words = Words("too {many|few} notes stop before they are struck again", SHARE, "repeats")
    counts.mean("holes before repeats", words, at[again], hole[again] > HOLE_TICKS)
    # notes that no other onset interrupts
    free = s.last - s.first == 1
    hole = np.append(s.times, counts.end)[s.last] - s.onsets - s.lengths
    words = Words("too {many|few} notes stop before the next onset", SHARE, "holes")
    counts.mean("holes", words, at[free], hole[free] > HOLE_TICKS)


def count_onsets(counts: Counts, slices: KeyboardSlices, bar: np.ndarray) -> None:
    """When something is struck, and how much at once."""
    s, at = slices, bar[slices.first]
    since = s.times - counts.lines[bar]  # ticks from the bar line
    sixteenth = to_steps(since, 4)
    off = np.abs(since - sixteenth * TICKS_PER_QUARTER // 4) > TOGETHER_TICKS
    places = [off, sixteenth == 0, sixteenth % 4 == 0, sixteenth % 2 == 0]
    place = np.select(places, [4, 0, 1, 2], 3)
    counts.shares("place", "too {many|few} onsets *", PLACES, bar, place)
    for number in range(SIXTEENTHS):
        words = Words(f"too {{many|few}} bars with an onset on their sixteenth {number + 1}", SHARE, "sixteenth")
        counts.quotient(
            f"onset on {number + 1}", words, counts.sum(bar[np.minimum(sixteenth, SIXTEENTHS - 1) == number])
        )
    loose = np.abs(since - np.rint(since * 12 / TICKS_PER_QUARTER) * TICKS_PER_QUARTER / 12) > HOLE_TICKS
    words = Words("too {many|few} onsets are off the grid of sixteenths and triplets", SHARE, "exactness")
    counts.mean("looseness", words, bar, loose)
    words = Words("too {many|few} onsets", "a quarter note", "rate")
    counts.quotient("onset rate", words, counts.sum(bar), counts.quarters)
    words = Words("too {many|few} notes", "a quarter note", "rate")
    counts.quotient("note rate", words, counts.sum(at), counts.quarters)

    # times from one onset to the next, alone and two by two
    waits = np.diff(s.times, append=counts.end) / TICKS_PER_QUARTER
    counts.shares("rhythm", "too {many|few} * from onset to onset", tuple(LENGTHS), bar, _nearest_length(waits))
    rough = np.digitize(waits, RHYTHM_BOUNDS)
    pairs = [f"{one}, {other}" for one in RHYTHMS for other in RHYTHMS]
    text = "the rhythm (*) comes too {often|seldom}"
    counts.shares("two rhythms", text, pairs, bar[1:], rough[:-1] * len(RHYTHMS) + rough[1:])

    struck, on_beat = s.struck.sum(axis=1), place <= 1
    counts.shares("struck", "* struck at once too {often|seldom}", STRUCK, bar, np.minimum(struck, len(STRUCK)) - 1)
    for where, chosen in (("", place >= 0), (" on beats", on_beat), (" between beats", ~on_beat)):
        words = Words(f"too {{many|few}} notes are struck together{where}", "notes", "struck")
        counts.mean(f"struck together{where}", words, bar[chosen], struck[chosen])
    for where, chosen in (("on beats", on_beat[s.first]), ("between beats", ~on_beat[s.first])):
        words = Words(f"notes struck {where} are too {{long|short}}", QUARTER_NOTES, "length")
        lengths = np.minimum(s.lengths[chosen] / TICKS_PER_QUARTER, LONGEST)
        counts.mean(f"length {where}", words, at[chosen], lengths)


def count_chords(counts: Counts, slices: KeyboardSlices, bar: np.ndarray) -> None:
    """What sounds at each onset: chords, dissonance, and register."""
    s, size = slices, slices.sounding.sum(axis=1)
    counts.mean("chord size", Words("chords are too {full|thin}", "notes", "fullness"), bar, size)
    words = Words("chords have too {many|few} different tones", "tones", "fullness")
    counts.mean("chord tones", words, bar, s.above_bass.sum(axis=1))
    counts.shares("chord", "too {many|few} *", tuple(CHORDS), bar, CHORD_OF[bits(s.above_bass)])
    several = size > 1
    for number, interval in enumerate(INTERVALS):
        words = Words(f"too {{many|few}} chords with a note {_a(interval)} above the bass", SHARE, "interval")
        has = s.above_bass[:, number] if number else s.doubled_bass
        counts.mean(f"above the bass: {interval}", words, bar[several], has[several])
    # dissonance: roughness of all pairs, and pitch classes that clash
    rough = ((s.sounding @ roughness()) * s.sounding).sum(axis=1) / 2 / np.maximum(size, 1)
    counts.mean("roughness", Words("chords are too {rough|smooth}", "of roughness a note", "dissonance"), bar, rough)
    on_beat = to_steps(s.times - counts.lines[bar], 4) % 4 == 0
    for where, chosen in (("on beats", on_beat), ("between beats", ~on_beat)):
        words = Words(f"chords {where} are too {{rough|smooth}}", "of roughness a note", "dissonance")
        counts.mean(f"roughness {where}", words, bar[chosen], rough[chosen])
    for name, semitones in (("semitones", 1), ("whole tones", 2), ("tritones", 6)):
        has = (s.classes & np.roll(s.classes, semitones, axis=1)).any(axis=1)
        words = Words(f"too {{many|few}} {name} sound together", SHARE, name)
        counts.mean(f"chords with {name}", words, bar[several], has[several])
    # register
    counts.mean("top", Words("the top voice lies too {high|low}", PITCH, "top"), bar, s.top)
    counts.mean("bass", Words("the bass lies too {high|low}", PITCH, "bass"), bar, s.bass)
    words = Words("the outer voices are too {far apart|close}", SEMITONES, "width")
    counts.mean("width", words, bar, s.top - s.bass)
    voices = s.voices()  # (S, MAX_VOICES)
    for number, name in enumerate(("top", "second", "third")):
        chosen = voices[:, number + 1] >= 0
        words = Words(f"the gap below the {name} voice is too {{wide|narrow}}", SEMITONES, "spacing")
        counts.mean(f"gap below {name}", words, bar[chosen], (voices[:, number] - voices[:, number + 1])[chosen])


def _a(noun: str) -> str:
    return f"an {noun}" if noun[0] in "aeiou" else f"a {noun}"


def count_lines(counts: Counts, slices: KeyboardSlices, bar: np.ndarray) -> None:
    """The steps of the top voice and of the bass, each where it is struck."""
    for name, voice, line in (("top", "the top voice", slices.top), ("bass", "the bass", slices.bass)):
        struck = slices.struck[np.arange(len(line)), line][1:]
        words = Words(f"{voice} is struck too {{often|seldom}}", SHARE, f"{name} rate")
        counts.mean(f"{name} struck", words, bar[1:], struck)
        step, at = np.diff(line)[struck], bar[1:][struck]
        size, moved = np.abs(step), step != 0
        text = f"{voice} has too {{many|few}} *"
        counts.shares(f"{name} steps", text, tuple(STEPS), at, np.digitize(size, _STEP_BOUNDS))
        words = Words(f"{voice} {{leaps too far|moves too little}}", f"{SEMITONES} a step", f"{name} steps")
        counts.mean(f"{name} step", words, at, np.minimum(size, FARTHEST))
        text = f"{voice} moves up by a *, in any octave, too {{often|seldom}}"
        counts.shares(f"{name} up by", text, INTERVALS, at[moved], step[moved] % 12)
        words = Words(f"{voice} {{rises|falls}} too often", SHARE, f"{name} direction")
        counts.mean(f"{name} rises", words, at[moved], step[moved] > 0)
        # a step after another: turning back, and stepping back after a leap
        turn = step[1:] * step[:-1]
        words = Words(f"{voice} turns back too {{often|seldom}}", SHARE, f"{name} direction")
        counts.mean(f"{name} turns", words, at[1:][turn != 0], turn[turn != 0] < 0)
        leap, back = size[:-1] >= STEPS["leaps of a fourth or fifth"], (turn < 0) & (size[1:] <= 2)
        words = Words(f"{voice} steps back after too {{many|few}} leaps", SHARE, f"{name} leaps")
        counts.mean(f"{name} steps back", words, at[1:][leap], back[leap])


def count_moves(counts: Counts, slices: KeyboardSlices, bar: np.ndarray) -> None:
    """From each slice to the next: the outer voices together, parallels of any two, and changes of harmony."""
    s, at = slices, bar[1:]
    top, bass = np.diff(s.top), np.diff(s.bass)
    moved = (top != 0) | (bass != 0)
    motion = np.select([(top == 0) | (bass == 0), top * bass < 0, top != bass], [0, 1, 2], 3)
    counts.shares("motion", "too {much|little} * motion of the outer voices", MOTIONS, at[moved], motion[moved])
    # voices of two chords of one size, by their order from the top
    voices = s.voices()  # (S, MAX_VOICES)
    sounds = voices >= 0
    same_voices = (sounds[1:] == sounds[:-1]).all(axis=1)
    steps = np.diff(voices, axis=0)  # (S - 1, MAX_VOICES)
    parallel = np.zeros(len(steps), bool)
    for one in range(MAX_VOICES):
        for other in range(one + 1, MAX_VOICES):
            fifth_or_octave = np.isin((voices[:-1, one] - voices[:-1, other]) % 12, (0, 7)) & sounds[:-1, other]
            parallel |= fifth_or_octave & (steps[:, one] == steps[:, other]) & (steps[:, one] != 0)
    several = same_voices & (np.count_nonzero(steps, axis=1) > 1)
    words = Words("parallel fifths and octaves in too {many|few} moves", SHARE, "parallels")
    counts.mean("parallels", words, at[several], parallel[several])
    both = (top != 0) & (bass != 0)
    outer = np.isin((s.top - s.bass)[1:] % 12, (0, 7)) & (top == bass) & (s.top > s.bass)[1:]
    words = Words("parallel fifths and octaves of the outer voices in too {many|few} moves", SHARE, "parallels")
    counts.mean("outer parallels", words, at[both], outer[both])
    size = sounds.sum(axis=1)[1:]
    distance = np.minimum(np.abs(steps), FARTHEST).sum(axis=1) / np.maximum(size, 1)
    words = Words("voices move too {far|little}", f"{SEMITONES} a move", "voice steps")
    counts.mean("voice steps", words, at[same_voices], distance[same_voices])
    words = Words("the number of voices changes too {often|seldom}", SHARE, "fullness")
    counts.mean("voices change", words, at, ~same_voices)
    words = Words("harmonies stay too {often|seldom} from one onset to the next", SHARE, "harmonic rhythm")
    counts.mean("same harmony", words, at, (s.classes[1:] == s.classes[:-1]).all(axis=1))


def count_time(counts: Counts, slices: KeyboardSlices, bar: np.ndarray) -> None:
    """How many notes sound for how long; and the rhythm and the notes of each bar, to be compared."""
    s, at = slices, bar[slices.first]
    # all times at which something begins or ends, and the bar lines
    ends = s.onsets + s.lengths
    times = np.unique(np.concatenate([s.onsets, ends, counts.lines, [0, counts.end]]))
    change = np.bincount(np.searchsorted(times, s.onsets), minlength=len(times))
    change -= np.bincount(np.searchsorted(times, ends), minlength=len(times))
    number, lasting, bars = np.cumsum(change)[:-1], np.diff(times), counts.bar_of(times[:-1])
    for index, name in enumerate(TIMES):
        chosen = np.minimum(number, len(TIMES) - 1) == index
        words = Words(f"too {{much|little}} time with {name}", SHARE, "voices" if index else "silence")
        counts.quotient(
            f"time with {name}", words, counts.sum(bars[chosen], lasting[chosen]), counts.sum(bars, lasting)
        )
    step = np.clip(to_steps(s.onsets - counts.lines[at], 4), 0, 2 * SIXTEENTHS - 1)
    rhythm = np.zeros((len(counts), 2 * SIXTEENTHS), bool)
    notes = np.zeros((len(counts), 2 * SIXTEENTHS * 12), bool)
    rhythm[at, step] = True
    notes[at, step * 12 + s.pitches % 12] = True
    counts.patterns |= {"rhythm": rhythm, "notes": notes}
