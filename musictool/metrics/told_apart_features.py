"""What can be heard in a few bars of a piece, as some 300 numbers, each with the words that say it.

The music is taken as one keyboard would sound it: the notes of all tracks together, two of one pitch as one, and onsets
within TOGETHER_TICKS as struck together. At each onset there is a *slice*: the notes that sound there, struck or held
over. From the slices come chords, and the two outer voices with their steps. Drums are counted by themselves, by their
place in the bar; instruments where either side is a band; loudness where it varies on both sides.

Nearly all numbers are quotients of two sums over bars, so those of eight bars come from the sums of one. None depends
on the key: pitch classes are counted from the tonic of the bars' own key, intervals from the bass. The register is
heard as it is. Bars are those of the piece's own metre.

Sources: note lengths, steps, onsets and pitch classes as in Yang and Lerch (2018); slices as music21's `chordify` makes
them; roughness by Sethares (1993), from six partials of each note; keys as in musictool/music/key.py.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np

from musictool.music.instruments import DRUMS, INSTRUMENTS, note_instruments
from musictool.music.key import PROFILES
from musictool.music.score import PITCHES, TICKS_PER_QUARTER, Score

TOGETHER_TICKS = 30  # onsets no further apart are struck together: 31 ms at 120 quarter notes a minute
MAX_VOICES = 6  # of a slice, from the top, that are followed for parallels
SHARE = "%"

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
}
INTERVALS = ("octave", "minor second", "major second", "minor third", "major third", "fourth", "tritone", "fifth")
INTERVALS += ("minor sixth", "major sixth", "minor seventh", "major seventh")
DEGREES = ("tonic", "flat second", "second", "minor third", "major third", "fourth", "tritone", "fifth")
DEGREES += ("flat sixth", "sixth", "flat seventh", "leading note")
PLACES = ("on the bar line", "on other beats", "on eighths between beats", "on weak sixteenths", "on triplets or none")
RHYTHMS = ("short", "eighth", "quarter", "dotted quarter", "long")
MOTIONS = ("oblique", "contrary", "similar", "parallel")
KIT = {
    "bass drum": (35, 36),
    "snare": (37, 38, 39, 40),
    "closed hi-hat": (42, 44),
    "open hi-hat": (46,),
    "tom": (41, 43, 45, 47, 48, 50),
    "cymbal": (49, 51, 52, 53, 55, 57, 59),
    "other drum": (),
}
SIXTEENTHS = 16  # of a bar that are counted one by one; later ones count as the last

_LOG_LENGTHS = np.log(list(LENGTHS.values()))
_STEP_BOUNDS = np.array([*STEPS.values()][1:])
_RHYTHM_BOUNDS = np.array([0.4, 0.75, 1.25, 1.9])  # quarter notes
_CHORD_OF = np.full(4096, len(CHORDS))
for _kind, _shapes in enumerate(CHORDS.values()):
    for _shape in _shapes:
        _CHORD_OF[sum(1 << _tone for _tone in _shape)] = _kind
_TRIAD = tuple(CHORDS).index("triads in root position")
_DRUM_OF = np.full(PITCHES, len(KIT) - 1)
for _kind, _pitches in enumerate(KIT.values()):
    _DRUM_OF[list(_pitches)] = _kind
_SCALE = np.isin(np.arange(12), (0, 2, 4, 5, 7, 9, 11)), np.isin(np.arange(12), (0, 2, 3, 5, 7, 8, 10, 11))


@dataclass(frozen=True)
class Words:
    """How a number is said.

    Attributes:
        high, low: what is wrong where it is too high, and too low.
        unit: SHARE, or what follows the number.
        topic: numbers of one topic say nearly the same.
    """

    high: str
    low: str
    unit: str = SHARE
    topic: str = ""

    def value(self, number: float) -> str:
        """The number in its unit: "12%", "1.50 quarter notes"."""
        if self.unit == SHARE:
            return f"{number:.0%}" if number >= 0.095 or number < 0.0005 else f"{number:.1%}"
        return f"{number:.2f}{self.unit}" if abs(number) < 10 else f"{number:.1f}{self.unit}"


@dataclass(frozen=True)
class Windows:
    """The numbers of some windows of bars.

    Attributes:
        values: float64 (W, F); nan where there is nothing to count.
        words: name -> how it is said, of each of the F.
    """

    values: np.ndarray
    words: dict[str, Words]


class Bars:
    """A piece, counted bar by bar, to be summed over windows of some bars.

    Args:
        score: of any kind; without notes it has no bar.
        is_band, has_drums, has_loudness: whether instruments, drums and loudness are counted; the same for all pieces.
    """

    def __init__(self, score: Score, is_band: bool = False, has_drums: bool = False, has_loudness: bool = False):
        self.lines = score.bar_onsets_ticks()
        self.count = len(self.lines)
        self.words: dict[str, Words] = {}
        self._quotients: list[tuple[np.ndarray, np.ndarray]] = []  # float64 (B,) each
        self._patterns: dict[str, np.ndarray] = {}
        if not self.count:
            return
        self._end = score.end_ticks
        # bars in quarter notes; the last ends where the music does
        self._quarters = np.diff(self.lines, append=self._end) / TICKS_PER_QUARTER
        drums = score.is_drum
        notes = score.notes[~drums]
        self._slices = Slices.of(notes, self._end)
        self._bar = self._bar_of(self._slices.times)
        self._notes()
        self._onsets()
        self._chords()
        self._moves()
        self._silences()
        self._degrees(notes)
        if has_loudness:
            self._loudness(score.notes)
        if is_band:
            self._instruments(score)
        if has_drums:
            self._drums(score.notes[drums])
        self._above, self._below = (np.stack(columns, axis=1) for columns in zip(*self._quotients, strict=True))

    # -- counting ---------------------------------------------------------------------------------------------------

    def _bar_of(self, ticks: np.ndarray) -> np.ndarray:
        return np.searchsorted(self.lines, ticks, side="right") - 1

    def _sum(self, bars: np.ndarray, weights: np.ndarray | None = None) -> np.ndarray:
        """float64 (B,): the sum of the weights (or the number) of what lies in each bar."""
        return np.bincount(bars, weights, minlength=self.count).astype(np.float64)

    def _quotient(self, name: str, words: Words, above: np.ndarray, below: np.ndarray) -> None:
        self.words[name] = words
        self._quotients.append((above, below))

    def _mean(self, name: str, words: Words, bars: np.ndarray, values: np.ndarray) -> None:
        """The mean of values (N,) that lie in some bars (N,)."""
        self._quotient(name, words, self._sum(bars, values.astype(np.float64)), self._sum(bars))

    def _shares(
        self, topic: str, say: tuple[str, str], members: Sequence[str], bars: np.ndarray, which: np.ndarray
    ) -> None:
        """The share of each member among int `which` (N,); `say` holds "{}" for the member."""
        below = self._sum(bars)
        for number, member in enumerate(members):
            words = Words(say[0].format(member), say[1].format(member), topic=topic)
            self._quotient(f"{topic}: {member}", words, self._sum(bars[which == number]), below)

    # -- what is heard ----------------------------------------------------------------------------------------------

    def _notes(self) -> None:
        """Lengths, and notes held over the onsets of others."""
        s = self._slices
        bar, quarters = self._bar[s.first], s.lengths / TICKS_PER_QUARTER
        words = Words("notes are too long", "notes are too short", " quarter notes", "length")
        self._mean("note length", words, bar, np.minimum(quarters, 8.0))
        kinds = np.abs(np.log(np.maximum(quarters, 1e-3))[:, None] - _LOG_LENGTHS).argmin(axis=1)
        self._shares("length", ("too many {}", "too few {}"), tuple(LENGTHS), bar, kinds)
        held = s.last - s.first - 1  # further slices in which each note sounds
        for over in (1, 2, 4):
            onsets = ("the next onset", "two onsets", "four onsets")[(1, 2, 4).index(over)]
            words = Words(
                f"too many notes are held over {onsets}", f"too few notes are held over {onsets}", topic="held"
            )
            self._mean(f"held over {over}", words, bar, held >= over)
        # where a note of that pitch follows within an eighth of its end: whether there is a hole before it
        hole = s.until_again - s.lengths
        again = (s.until_again > 0) & (hole < TICKS_PER_QUARTER // 2)
        words = Words("notes stop before they are repeated", "repeated notes run into each other", topic="repeats")
        self._mean("holes before repeats", words, bar[again], hole[again] > TOGETHER_TICKS)
        words = Words(
            "too many notes are struck again at once", "too few notes are struck again at once", topic="repeats"
        )
        self._mean("struck again", words, bar, again)

    def _onsets(self) -> None:
        """When something is struck, and how much at once."""
        s, bar = self._slices, self._bar
        since = s.times - self.lines[bar]  # ticks since the bar line
        sixteenth = np.rint(since / (TICKS_PER_QUARTER / 4)).astype(np.int64)
        off = np.abs(since - sixteenth * (TICKS_PER_QUARTER // 4)) > TOGETHER_TICKS
        place = np.select([off, sixteenth == 0, sixteenth % 4 == 0, sixteenth % 2 == 0], [4, 0, 1, 2], 3)
        self._shares("place", ("too many onsets {}", "too few onsets {}"), PLACES, bar, place)
        grid = np.minimum(sixteenth, SIXTEENTHS - 1)
        for number in range(SIXTEENTHS):
            where = f"on sixteenth {number + 1} of a bar"
            words = Words(f"too often an onset {where}", f"too seldom an onset {where}", topic="sixteenth")
            self._quotient(f"onset {where}", words, self._sum(bar[grid == number]), np.ones(self.count))
        loose = np.minimum(np.abs(since - np.rint(since / 40) * 40), 20)  # of 480 / 12: sixteenths and triplets
        words = Words("onsets are too far from the grid", "onsets are too exact", " ticks of 480", "exactness")
        self._mean("off the grid", words, bar, loose)
        words = Words("too many onsets", "too few onsets", " a quarter note", "rate")
        self._quotient("onset rate", words, self._sum(bar), self._quarters)
        words = Words("too many notes", "too few notes", " a quarter note", "rate")
        self._quotient("note rate", words, self._sum(self._bar[s.first]), self._quarters)

        # times from one onset to the next, alone and two by two
        waits = np.diff(s.times, append=self._end) / TICKS_PER_QUARTER
        kinds = np.abs(np.log(np.maximum(waits, 1e-3))[:, None] - _LOG_LENGTHS).argmin(axis=1)
        say = "onsets follow each other too often in {}", "onsets follow each other too seldom in {}"
        self._shares("rhythm", say, tuple(LENGTHS), bar, kinds)
        rough = np.digitize(waits, _RHYTHM_BOUNDS)
        pairs = [f"{one} and {other}" for one in RHYTHMS for other in RHYTHMS]
        say = "the rhythm {} comes too often", "the rhythm {} comes too seldom"
        self._shares("rhythm of two", say, pairs, bar[1:], rough[:-1] * len(RHYTHMS) + rough[1:])
        self._waits = waits

        struck = s.struck.sum(axis=1)
        names = (
            "one note is",
            "two notes are",
            "three notes are",
            "four notes are",
            "five notes are",
            "six or more are",
        )
        say = "{} struck at once too often", "{} struck at once too seldom"
        self._shares("struck at once", say, names, bar, np.minimum(struck, 6) - 1)
        words = Words(
            "too many notes are struck together", "too few notes are struck together", " notes", "struck at once"
        )
        self._mean("struck together", words, bar, struck)
        for where, chosen in (("on beats", place <= 1), ("between beats", place > 1)):
            words = Words(
                f"too many notes are struck together {where}",
                f"too few notes are struck together {where}",
                " notes",
                "struck at once",
            )
            self._mean(f"struck together {where}", words, bar[chosen], struck[chosen])
            words = Words(
                f"notes struck {where} are too long", f"notes struck {where} are too short", " quarter notes", "length"
            )
            of = chosen[s.first]
            self._mean(
                f"length {where}", words, self._bar[s.first][of], np.minimum(s.lengths[of] / TICKS_PER_QUARTER, 8)
            )
        self._on_beat = place <= 1

    def _chords(self) -> None:
        """What sounds at each onset."""
        s, bar = self._slices, self._bar
        size = s.sounding.sum(axis=1)
        words = Words("chords are too full", "chords are too thin", " notes", "fullness")
        self._mean("notes of a chord", words, bar, size)
        tones = _bits(s.above_bass)
        say = "too many {}", "too few {}"
        self._shares("chord", say, (*CHORDS, "other chords"), bar, _CHORD_OF[tones])
        several = size > 1
        for number, interval in enumerate(INTERVALS):
            article = "an" if interval[0] == "o" else "a"
            say_it = f"chords with {article} {interval} above the bass"
            words = Words(f"too many {say_it}", f"too few {say_it}", topic="interval")
            has = s.above_bass[:, number] if number else s.doubled_bass
            self._mean(f"above the bass: {interval}", words, bar[several], has[several])
        words = Words(
            "chords have too many different tones", "chords have too few different tones", " tones", "fullness"
        )
        self._mean("tones of a chord", words, bar, s.above_bass.sum(axis=1))
        # dissonance of the pairs of each slice
        harsh = ((s.sounding @ _roughness()) * s.sounding).sum(axis=1) / 2 / np.maximum(size, 1)
        words = Words("chords are too rough", "chords are too smooth", " of roughness a note", "dissonance")
        self._mean("roughness", words, bar, harsh)
        for where, chosen in (("on beats", self._on_beat), ("between beats", ~self._on_beat)):
            words = Words(
                f"chords {where} are too rough", f"chords {where} are too smooth", " of roughness a note", "dissonance"
            )
            self._mean(f"roughness {where}", words, bar[chosen], harsh[chosen])
        around = np.concatenate([s.classes, s.classes], axis=1)  # (S, 24)
        for name, semitones in (("semitones", 1), ("whole tones", 2), ("tritones", 6)):
            has = (s.classes & around[:, semitones : semitones + 12]).any(axis=1)
            words = Words(
                f"too many {name} sound together", f"too few {name} sound together", topic=f"dissonance {name}"
            )
            self._mean(f"chords with {name}", words, bar[several], has[several])
        # register
        pitch = " (60 is middle C)"
        self._mean("top", Words("the top voice lies too high", "the top voice lies too low", pitch, "top"), bar, s.top)
        self._mean("bass", Words("the bass lies too high", "the bass lies too low", pitch, "bass"), bar, s.bass)
        words = Words("the outer voices are too far apart", "the outer voices are too close", " semitones", "width")
        self._mean("width", words, bar, s.top - s.bass)
        voices = s.voices()  # (S, V) pitches from the top, -1 for none
        gap = voices[:, :-1] - voices[:, 1:]
        is_gap = voices[:, 1:] >= 0
        for place, number in (("top", 0), ("second", 1), ("third", 2)):
            chosen = is_gap[:, number]
            words = Words(
                f"the gap below the {place} voice is too wide",
                f"the gap below the {place} voice is too narrow",
                " semitones",
                "spacing",
            )
            self._mean(f"gap below {place}", words, bar[chosen], gap[chosen, number])

    def _moves(self) -> None:
        """From each slice to the next: the outer voices, parallels, repeated chords."""
        s, bar = self._slices, self._bar[1:]
        for name, voice, line in (("top", "the top voice", s.top), ("bass", "the bass", s.bass)):
            step = np.diff(line)
            struck = s.struck[np.arange(1, len(line)), line[1:]] if len(line) > 1 else np.zeros(0, bool)
            steps, at = step[struck], bar[struck]
            say = f"{voice} has too many {{}}", f"{voice} has too few {{}}"
            self._shares(f"{name} steps", say, tuple(STEPS), at, np.digitize(np.abs(steps), _STEP_BOUNDS))
            words = Words(f"{voice} leaps too far", f"{voice} moves too little", " semitones a step", f"{name} steps")
            self._mean(f"{name} step", words, at, np.minimum(np.abs(steps), 24))
            moved = steps != 0
            words = Words(f"{voice} rises too often", f"{voice} falls too often", topic=f"{name} direction")
            self._mean(f"{name} rises", words, at[moved], steps[moved] > 0)
            say = f"{voice} moves up by a {{}} (or octaves beyond) too often", f"{voice} moves up by a {{}} too seldom"
            self._shares(f"{name} up by", say, INTERVALS, at[moved], steps[moved] % 12)
            words = Words(f"{voice} turns too often", f"{voice} turns too seldom", topic=f"{name} direction")
            turn = steps[1:] * steps[:-1]
            self._mean(f"{name} turns", words, at[1:][turn != 0], turn[turn != 0] < 0)
            leap = np.abs(steps[:-1]) >= 5
            back = (turn < 0) & (np.abs(steps[1:]) <= 2)
            words = Words(
                f"{voice} steps back after too many leaps",
                f"{voice} steps back after too few leaps",
                topic=f"{name} leaps",
            )
            self._mean(f"{name} steps back", words, at[1:][leap], back[leap])
            words = Words(f"{voice} is struck too often", f"{voice} is struck too seldom", topic=f"{name} rate")
            self._mean(f"{name} is struck", words, bar, struck)
        # the two together
        top, bass = np.diff(s.top), np.diff(s.bass)
        moves = (top != 0) | (bass != 0)
        motion = np.select([(top == 0) | (bass == 0), top * bass < 0, top != bass], [0, 1, 2], 3)
        say = "too much {} motion of the outer voices", "too little {} motion of the outer voices"
        self._shares("motion", say, MOTIONS, bar[moves], motion[moves])
        # parallels of any two voices of chords of one size, voices by their order
        voices = s.voices()  # (S, V)
        sounds = voices >= 0
        alike = (sounds[1:] == sounds[:-1]).all(axis=1) & (sounds[1:].sum(axis=1) > 1)
        before = voices[:-1]
        moved = np.diff(voices, axis=0)
        bad = np.zeros(len(moved), bool)
        for one in range(MAX_VOICES):
            for other in range(one + 1, MAX_VOICES):
                kept = (before[:, one] - before[:, other]) % 12
                both = (moved[:, one] == moved[:, other]) & (moved[:, one] != 0) & (before[:, other] >= 0)
                bad |= both & np.isin(kept, (0, 7))
        going = alike & (np.count_nonzero(moved, axis=1) > 1)
        words = Words(
            "parallel fifths and octaves in too many moves", "too few parallel fifths and octaves", topic="parallels"
        )
        self._mean("parallels", words, bar[going], bad[going])
        kept = np.isin((s.top - s.bass)[1:] % 12, (0, 7)) & (top == bass) & (s.top > s.bass)[1:]
        both = (top != 0) & (bass != 0)
        words = Words(
            "parallel fifths and octaves of the outer voices in too many moves",
            "too few parallel fifths and octaves of the outer voices",
            topic="parallels",
        )
        self._mean("outer parallels", words, bar[both], kept[both])
        words = Words("voices move too far", "voices move too little", " semitones a move", "voice steps")
        distance = np.where(sounds[1:] & sounds[:-1], np.minimum(np.abs(moved), 24), 0).sum(axis=1)
        self._mean("voice steps", words, bar[alike], distance[alike] / sounds[1:][alike].sum(axis=1))
        words = Words(
            "the number of voices changes too often", "the number of voices changes too seldom", topic="fullness"
        )
        self._mean("voices change", words, bar, np.diff(s.sounding.sum(axis=1)) != 0)
        same = (s.classes[1:] == s.classes[:-1]).all(axis=1)
        words = Words("harmonies change too seldom", "harmonies change too often", topic="harmonic rhythm")
        self._mean("same harmony", words, bar, same)

    def _silences(self) -> None:
        """How many notes sound for how long, and holes before onsets."""
        s = self._slices
        # all times at which something begins or ends, with the bar lines
        times = np.unique(np.concatenate([s.onsets, s.onsets + s.lengths, self.lines, [0, self._end]]))
        change = np.zeros(len(times), np.int64)
        np.add.at(change, np.searchsorted(times, s.onsets), 1)
        np.add.at(change, np.searchsorted(times, s.onsets + s.lengths), -1)
        sounding, lasting = np.cumsum(change)[:-1], np.diff(times)
        bar = self._bar_of(times[:-1])
        total = self._sum(bar, lasting)
        names = ("silence", "one note", "two notes", "three notes", "four notes", "five notes", "six notes or more")
        for number, name in enumerate(names):
            high = f"too much time with {name}" if number else "too much silence"
            low = f"too little time with {name}" if number else "too little silence"
            words = Words(high, low, topic="silence" if number == 0 else "voices")
            chosen = np.minimum(sounding, 6) == number
            self._quotient(f"time with {name}", words, self._sum(bar[chosen], lasting[chosen]), total)
        # notes that no other onset interrupts: do they reach the next one?
        free = s.last - s.first == 1
        following = np.append(s.times, self._end)[s.last]
        hole = (following - s.onsets - s.lengths)[free] > TOGETHER_TICKS
        words = Words(
            "too many notes stop before the next onset", "too few notes stop before the next onset", topic="holes"
        )
        self._mean("holes", words, self._bar[s.first][free], hole)

    def _degrees(self, notes: np.ndarray) -> None:
        """Pitch classes, laid aside for the key of each window, and what two bars have in common."""
        s = self._slices
        bar = self._bar[s.first]
        classes = s.pitches % 12
        self._classes = np.zeros((self.count, 12))
        np.add.at(self._classes, (bar, classes), s.lengths)
        since = np.minimum((s.onsets - self.lines[bar]) * 4 // TICKS_PER_QUARTER, 2 * SIXTEENTHS - 1)
        rhythm = np.zeros((self.count, 2 * SIXTEENTHS), bool)
        struck = np.zeros((self.count, 2 * SIXTEENTHS, 12), bool)
        rhythm[bar, since] = True
        struck[bar, since, classes] = True
        self._patterns |= {"rhythm": rhythm, "notes": struck.reshape(self.count, -1)}

    def _loudness(self, notes: np.ndarray) -> None:
        bar = self._bar_of(notes["onset_ticks"])
        loud = notes["velocity"].astype(np.float64)
        self._mean(
            "loudness", Words("the music is too loud", "the music is too soft", " of 127", "loudness"), bar, loud
        )
        middle = loud - np.repeat(loud.mean() if len(loud) else 0.0, len(loud))
        words = Words("loudness varies too much", "loudness varies too little", " of 127", "loudness")
        self._mean("loudness varies", words, bar, np.abs(middle))
        step = np.abs(np.diff(loud))
        words = Words(
            "loudness jumps too much from note to note",
            "loudness jumps too little from note to note",
            " of 127",
            "loudness",
        )
        self._mean("loudness jumps", words, bar[1:], step)

    def _instruments(self, score: Score) -> None:
        """Each instrument of musictool/music/instruments.py but the drums by itself."""
        playing = note_instruments(score)
        for number, name in enumerate(INSTRUMENTS):
            if number == DRUMS:
                continue
            notes = score.notes[playing == number]
            bar = self._bar_of(notes["onset_ticks"])
            count = self._sum(bar)
            words = Words(f"too many notes for {name}", f"too few notes for {name}", " a quarter note", name)
            self._quotient(f"{name} notes", words, count, self._quarters)
            words = Words(f"{name} is silent in too many bars", f"{name} is silent in too few bars", topic=name)
            self._quotient(f"{name} silent", words, (count == 0).astype(np.float64), np.ones(self.count))
            words = Words(f"{name} lies too high", f"{name} lies too low", " (60 is middle C)", name)
            self._mean(f"{name} pitch", words, bar, notes["pitch"])
            words = Words(f"notes of {name} are too long", f"notes of {name} are too short", " quarter notes", name)
            self._mean(f"{name} length", words, bar, np.minimum(notes["duration_ticks"] / TICKS_PER_QUARTER, 8))
            onsets = np.unique(notes["onset_ticks"])
            at = self._bar_of(onsets)
            words = Words(
                f"{name} strikes too many notes at once", f"{name} strikes too few notes at once", " notes", name
            )
            self._quotient(f"{name} chords", words, count, self._sum(at))
            on_beat = (onsets - self.lines[at]) % TICKS_PER_QUARTER <= TOGETHER_TICKS
            words = Words(f"{name} plays on beats too often", f"{name} plays on beats too seldom", topic=name)
            self._mean(f"{name} on beats", words, at, on_beat)
            steps = np.abs(np.diff(notes["pitch"].astype(np.int64)))
            words = Words(f"{name} repeats too many notes", f"{name} repeats too few notes", topic=name)
            self._mean(f"{name} repeats", words, bar[1:], steps == 0)
            words = Words(f"{name} leaps too far", f"{name} moves too little", " semitones a step", name)
            self._mean(f"{name} steps", words, bar[1:], np.minimum(steps, 24))

    def _drums(self, hits: np.ndarray) -> None:
        """Hits of each drum of the kit, by themselves and by their place in the bar."""
        bar = self._bar_of(hits["onset_ticks"])
        kind = _DRUM_OF[hits["pitch"]]
        since = hits["onset_ticks"] - self.lines[bar]
        grid = np.minimum(np.rint(since / (TICKS_PER_QUARTER / 4)).astype(np.int64), SIXTEENTHS - 1)
        for number, name in enumerate(KIT):
            words = Words(f"too many {name} hits", f"too few {name} hits", " a quarter note", f"drum {name}")
            self._quotient(f"{name} hits", words, self._sum(bar[kind == number]), self._quarters)
            for place in range(SIXTEENTHS) if number < 3 else ():
                where = f"{name} on sixteenth {place + 1} of a bar"
                words = Words(f"too often a {where}", f"too seldom a {where}", topic=f"drum {name}")
                chosen = (kind == number) & (grid == place)
                self._quotient(where, words, self._sum(bar[chosen]), np.ones(self.count))
        onsets = np.unique(hits["onset_ticks"])
        words = Words("too many drums are hit at once", "too few drums are hit at once", " drums", "drums at once")
        self._quotient("drums at once", words, self._sum(bar), self._sum(self._bar_of(onsets)))
        words = Words("drums are silent in too many bars", "drums are silent in too few bars", topic="drum silence")
        self._quotient("drums silent", words, (self._sum(bar) == 0).astype(np.float64), np.ones(self.count))
        pattern = np.zeros((self.count, SIXTEENTHS, len(KIT)), bool)
        pattern[bar, grid, kind] = True
        self._patterns["drums"] = pattern.reshape(self.count, -1)

    # -- windows ----------------------------------------------------------------------------------------------------

    def windows(self, bars: int, most: int) -> Windows:
        """The numbers of windows of so many bars that do not overlap: `most` of them, spread over the piece."""
        whole = self.count // bars
        if not whole:
            return Windows(np.zeros((0, 0)), self.words)
        starts = bars * np.unique(np.linspace(0, whole - 1, min(most, whole)).astype(np.int64))
        index = starts[:, None] + np.arange(bars)  # (W, bars)
        above, below = self._above[index].sum(axis=1), self._below[index].sum(axis=1)  # (W, F)
        with np.errstate(invalid="ignore", divide="ignore"):
            values = above / below
        values[below == 0] = np.nan
        words = dict(self.words)
        keys = self._key_numbers(index, words)
        others = np.array([self._of_window(int(start), bars, words) for start in starts])
        return Windows(np.concatenate([values, keys, others], axis=1), words)

    def _key_numbers(self, index: np.ndarray, words: dict[str, Words]) -> np.ndarray:
        """float64 (W, 16): shares of the degrees of the window's own key, and how clear that is."""
        classes = self._classes[index].sum(axis=1)  # (W, 12)
        total = classes.sum(axis=1, keepdims=True)
        share = np.divide(classes, total, out=np.full_like(classes, np.nan), where=total > 0)
        centred = share - share.mean(axis=1, keepdims=True)
        norm = np.linalg.norm(centred, axis=1)
        fit = np.nan_to_num(centred) @ PROFILES.T  # (W, 24)
        key = fit.argmax(axis=1)
        degrees = share[np.arange(len(share))[:, None], (key[:, None] % 12 + np.arange(12)) % 12]
        in_scale = np.where((key < 12)[:, None], degrees * _SCALE[0], degrees * _SCALE[1]).sum(axis=1)
        clarity = np.divide(fit.max(axis=1), norm, out=np.full(len(norm), np.nan), where=norm > 0)
        for degree in DEGREES:
            words[f"degree: {degree}"] = Words(
                f"too much of the key's {degree}", f"too little of the key's {degree}", topic="degree"
            )
        words["in scale"] = Words(
            "too few notes are outside of the scale", "too many notes are outside of the scale", topic="scale"
        )
        words["key is clear"] = Words("the key is too plain", "the key is unclear", " correlation with a key", "scale")
        words["minor"] = Words("too much is in minor", "too little is in minor", topic="mode")
        words["pitch classes"] = Words(
            "too many different pitch classes", "too few different pitch classes", "", "scale"
        )
        minor = np.where(total[:, 0] > 0, key >= 12, np.nan)
        return np.column_stack([degrees, in_scale, clarity, minor, (classes > 0).sum(axis=1)])

    def _of_window(self, start: int, bars: int, words: dict[str, Words]) -> list[float]:
        """What is no quotient: ranges, how varied it is, how it ends, and what its bars have in common."""
        s = self._slices
        first, last = np.searchsorted(self._bar, (start, start + bars))
        span = slice(int(first), int(last))
        top, bass, chords = s.top[span], s.bass[span], _bits(s.above_bass[span])
        nothing = first == last
        numbers: list[float] = []

        def add(name: str, high: str, low: str, unit: str, topic: str, value: float) -> None:
            words[name] = Words(high, low, unit, topic)
            numbers.append(np.nan if nothing else float(value))

        wide = " semitones"
        for name, voice, line in (("top", "the top voice", top), ("bass", "the bass", bass)):
            value = np.ptp(line) if len(line) else 0
            add(
                f"{name} range",
                f"{voice} ranges too widely",
                f"{voice} ranges too narrowly",
                wide,
                f"{name} range",
                value,
            )
            value = len(np.unique(line)) / max(1, len(line))
            add(
                f"{name} varies",
                f"{voice} returns to too few notes",
                f"{voice} has too few different notes",
                "%",
                f"{name} range",
                value,
            )
        ends = (top.max() - bass.min()) if len(top) else 0
        add("range", "the range is too wide", "the range is too narrow", wide, "range", ends)
        varied = len(np.unique(chords)) / max(1, len(chords))
        add("different chords", "chords are too varied", "chords are varied too little", "%", "variety", varied)
        waits = self._waits[span]
        high, low = "too long without an onset", "the music never pauses for long"
        add("longest wait", high, low, " quarter notes", "pauses", min(16.0, waits.max(initial=0)))
        kinds = np.digitize(waits, _RHYTHM_BOUNDS)
        add(
            "rhythms",
            "the rhythm is too varied",
            "the rhythm is varied too little",
            " kinds of length",
            "rhythms",
            len(np.unique(kinds)),
        )
        # figures of four notes in the top voice that come again
        steps = np.diff(top)
        figures = np.lib.stride_tricks.sliding_window_view(steps, 3) if len(steps) > 2 else np.zeros((0, 3))
        repeated = 1 - len(np.unique(figures, axis=0)) / len(figures) if len(figures) else 0.0
        high, low = "the top voice repeats its figures too often", "the top voice repeats its figures too seldom"
        add("figures again", high, low, "%", "figures", repeated)
        # how it ends
        final = int(last) - 1
        add(
            "last length",
            "last chords are too long",
            "last chords are too short",
            " quarter notes",
            "ending",
            min(8.0, self._waits[final]),
        )
        triad = not nothing and _CHORD_OF[chords[-1]] == _TRIAD
        add("last is a triad", "too many endings on a triad", "too few endings on a triad", "%", "ending", triad)
        fall = (bass[-1] - bass[-2]) % 12 if len(bass) > 1 else 0
        high, low = (
            "too many endings in which the bass falls a fifth",
            "too few endings in which the bass falls a fifth",
        )
        add("falling fifth", high, low, "%", "ending", fall == 5)
        # how much bars have in common
        for lag, place in ((1, "neighbouring bars"), (2, "bars two apart"), (4, "bars four apart")):
            if lag >= bars:
                continue
            for name, pattern in self._patterns.items():
                one, other = pattern[start : start + bars - lag], pattern[start + lag : start + bars]
                either = (one | other).sum(axis=1)
                same = np.divide((one & other).sum(axis=1), either, out=np.ones(len(one)), where=either > 0)
                high = f"{place} are too much alike in {name}"
                add(
                    f"{name} alike, {place}",
                    high,
                    f"{place} are too little alike in {name}",
                    "%",
                    f"alike {name}",
                    same.mean(),
                )
        return numbers


@dataclass(frozen=True)
class Slices:
    """The notes of a piece as a keyboard sounds them, N, and the S times at which any are struck.

    Attributes:
        pitches, onsets, lengths: int64 (N,), ticks; an onset is that of its slice.
        until_again: int64 (N,), ticks until the same pitch is struck again; 0 for never.
        first, last: int64 (N,), the slices in which each note sounds, half-open.
        times: int64 (S,), ticks.
        sounding, struck: bool (S, P).
        classes, above_bass: bool (S, 12), pitch classes, counted from C and from the bass.
        top, bass: int64 (S,), pitches.
        doubled_bass: bool (S,), whether the bass sounds in a higher octave too.
    """

    pitches: np.ndarray
    onsets: np.ndarray
    lengths: np.ndarray
    until_again: np.ndarray
    first: np.ndarray
    last: np.ndarray
    times: np.ndarray
    sounding: np.ndarray
    struck: np.ndarray
    classes: np.ndarray
    above_bass: np.ndarray
    top: np.ndarray
    bass: np.ndarray
    doubled_bass: np.ndarray

    @classmethod
    def of(cls, notes: np.ndarray, end_ticks: int) -> Slices:
        """The slices of NOTE (N,)."""
        pitches, onsets = notes["pitch"].astype(np.int64), notes["onset_ticks"].astype(np.int64)
        ends = onsets + notes["duration_ticks"]
        # onsets that follow each other within TOGETHER_TICKS are the first of them
        times = np.unique(onsets)
        times = times[np.append(True, np.diff(times) > TOGETHER_TICKS)] if len(times) else times
        onsets = times[np.searchsorted(times, onsets, side="right") - 1] if len(times) else onsets
        # of a pitch that is struck twice at once the longest; a pitch that is struck while it sounds ends there, and
        # the later end of both counts
        stride = end_ticks + 1
        places = pitches * stride + onsets
        order = np.lexsort((ends, places))
        places, reach = places[order], (pitches * stride + ends)[order]
        kept = np.append(np.diff(places) > 0, True)[: len(places)]
        places, reach = places[kept], np.maximum.accumulate(reach[kept])
        pitches, onsets = np.divmod(places, stride)
        next_place = np.append(places[1:], 0)
        again = np.append(pitches[1:] == pitches[:-1], False)[: len(pitches)]
        until_again = np.where(again, next_place - places, 0)
        lengths = reach - places
        lengths = np.where(again, np.minimum(lengths, until_again), lengths)
        # slices
        first = np.searchsorted(times, onsets)
        last = np.maximum(np.searchsorted(times, onsets + lengths - TOGETHER_TICKS), first + 1)
        change = np.zeros((len(times) + 1, PITCHES), np.int16)
        np.add.at(change, (first, pitches), 1)
        np.add.at(change, (last, pitches), -1)
        sounding = np.cumsum(change, axis=0)[:-1] > 0
        struck = np.zeros_like(sounding)
        struck[first, pitches] = True
        top, bass = PITCHES - 1 - sounding[:, ::-1].argmax(axis=1), sounding.argmax(axis=1)
        octaves = np.pad(sounding, ((0, 0), (0, -PITCHES % 12))).reshape(len(times), -1, 12)
        classes = octaves.any(axis=1)
        rows = np.arange(len(times))
        above = classes[rows[:, None], (bass[:, None] + np.arange(12)) % 12]
        doubled = octaves.sum(axis=1)[rows, bass % 12] > 1
        columns = (pitches, onsets, lengths, until_again, first, last, times)
        return cls(*columns, sounding, struck, classes, above, top, bass, doubled)

    def voices(self) -> np.ndarray:
        """int64 (S, MAX_VOICES): the pitches of each slice from the top down, -1 for none."""
        pitches = np.where(self.sounding, np.arange(PITCHES), -1)
        return -np.sort(-pitches, axis=1)[:, :MAX_VOICES]


def _bits(classes: np.ndarray) -> np.ndarray:
    """int64 (S,): bool (S, 12) as one number each."""
    return classes.astype(np.int64) @ (1 << np.arange(12))


@cache
def _roughness() -> np.ndarray:
    """float64 (P, P): of each two pitches, by Sethares (1993), from six partials that fade by 0.88; 0 for one pitch."""
    partials = np.arange(1, 7)
    hertz = 440.0 * 2 ** ((np.arange(PITCHES) - 69) / 12)[:, None] * partials  # (P, 6)
    loud = 0.88 ** (partials - 1)
    rough = np.zeros((PITCHES, PITCHES))
    for pitch in range(PITCHES):
        one, other = hertz[pitch][None, :, None], hertz[:, None, :]  # (P, 6, 6)
        distance = np.abs(one - other) * 0.24 / (0.0207 * np.minimum(one, other) + 18.96)
        both = loud[:, None] * loud
        rough[pitch] = (both * (np.exp(-3.51 * distance) - np.exp(-5.75 * distance))).sum(axis=(1, 2))
    np.fill_diagonal(rough, 0.0)
    return rough
