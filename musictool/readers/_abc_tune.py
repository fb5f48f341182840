"""One ABC tune -> a Score: its fields, and the tokens of its music (standard 2.1).

Every voice has its own time line, and its own key, metre, note length and accidentals; it begins with what the header
says. Grace notes, chord symbols, decorations, slurs and lyrics do not sound. Repeats, endings and `P:` parts are not
played: the tune is read once through. All notes of a chord are as long as its first ("the chord duration is that of
the first note", 4.17). An accidental holds for its letter in all octaves up to the end of the bar (11.3, the default)
and for the note that it is tied to.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from functools import lru_cache

import numpy as np

from musictool.errors import BadFile
from musictool.music.chords import symbols
from musictool.music.score import CHORD, KEY, METRE, TEMPO, Score, Track, bar_ticks
from musictool.readers import _abc_fields as fields
from musictool.readers._abc_text import FIELD, Macros, text_string
from musictool.readers._abc_voice import LENGTH, NOTE, PARTS, QUARTER, Head, Voice, scaled
from musictool.reading import check_count, check_length

MAX_VOICES = 1000
DRUM_CHANNEL = 10  # counted from 1
LOUDNESS = {"pppp": 13, "ppp": 19, "pp": 32, "p": 44, "mp": 57, "mf": 70, "f": 89, "ff": 108, "fff": 114, "ffff": 121}

_ENDING = r"\d+(?:[,-]\d+)*"
_TOKEN = re.compile(
    rf"""
    (?P<note>(?:[\^_=]+[\d/]*)?[A-Ga-g][,']*{LENGTH})
  | (?P<bar>\.?(?:\[(?=[|\]])|[|:])(?:[|:\]]|\[(?=[|\]]))*(?:\s*\[?{_ENDING})?)
  | (?P<symbol>"[^"]*(?:"|$))
  | (?P<silent>[\s`*;?@\#$\\)~.] | y{LENGTH} | \((?![\d&])[',]?
      | \[(?:{_ENDING}|"[^"]*"(?=[^\]|]{{0,200}}(?:\||$))))
  | (?P<comment>%.*)
  | (?P<broken>>+|<+)
  | (?P<tuplet>\(\d+(?::\d*){{0,2}})
  | (?P<grace>\{{[^{{}}]*\}})
  | (?P<tie>-)
  | (?P<field>\[[A-Za-z]:[^\[\]]*\])
  | (?P<chord>\[)
  | (?P<chord_end>\]{LENGTH})
  | (?P<rest>[zx]{LENGTH})
  | (?P<bars_rest>[ZX]\d*)
  | (?P<decoration>![^!|\s]+! | !(?=\S)(?=[^!|]*[H-Yh-y][a-z])[^!|]+(?<=\S)! | \+[^+|\s]+\+ | [H-Wh-w])
  | (?P<overlay>\(&|&\)|&)
  | (?P<unknown>.)
    """,
    re.VERBOSE,
)
_OLD_CHORD = re.compile(rf"\+((?:[\^_=]*[A-Ga-g][,']*{LENGTH}){{2,}})\+")  # of ABC 1.3
_VOICE = re.compile(r"\s*(\S+)\s*(.*)")


def read(lines: list[str], remarks: Counter[str]) -> Score | None:
    """The Score of one tune; None if nothing in it sounds.

    Args:
        lines: as `_abc_text.tunes` gives them.
        remarks: gains, once each, what was passed over or mended.

    Raises:
        BadFile: "too many notes", "too long", "unreadable" (too many voices, endless macros).
    """
    tune = _Tune()
    body = tune.header(lines)
    for line in lines[body:]:
        tune.line(line)
    score = tune.score()
    remarks.update(tune.remarks)
    return score


class _Tune:
    """What has been read of a tune."""

    def __init__(self) -> None:
        self.remarks: set[str] = set()
        self._title = ""
        self._macros = Macros()
        self._symbols: dict[str, str] = {}  # what U: makes of a letter
        self._line_break = False  # whether ! ends a line, by I:linebreak
        self._tempos: list[tuple[int, float]] = []
        self._chord_symbols: list[tuple[int, str]] = []
        self._template = self._voice = Voice()  # what holds for all voices, until the first of them
        self._voices: dict[str, Voice] = {}
        self._declared: dict[str, list[str]] = {}  # the header's lines about each voice
        self._names: dict[str, int] = {}  # voices by the order in which they are named, from 1
        self._channel_programs: dict[int, int] = {}
        self._chord: list[tuple[Head, bool]] | None = None
        self._chord_length = QUARTER

    # ---- fields ----

    def header(self, lines: list[str]) -> int:
        """Read the fields up to the first K:; where the body begins."""
        last = next((i for i, line in enumerate(lines) if line.startswith("K:")), None)
        if last is None:
            self.remarks.add("no K: field")
            last = next((i for i, line in enumerate(lines) if not _is_field(line)), len(lines)) - 1
        head = [line for line in lines[: last + 1] if _is_field(line)]
        for line in [line for line in head if line.startswith("M:")][-1:]:
            self._field("M", line[2:])
        if self._voice.metre and not any(line.startswith("L:") for line in head):
            numerator, denominator = self._voice.metre
            self._voice.unit = QUARTER // (4 if numerator / denominator < 0.75 else 2)
        voice = ""
        for line in sorted(head, key=lambda line: line.startswith("Q:")):  # a tempo may count in the unit length
            if line.startswith("V:") and line[2:].split():
                voice = line[2:].split()[0]
                self._names.setdefault(voice, len(self._names) + 1)
            if voice and line.startswith(("V:", "%%MIDI", "I:MIDI")):
                self._declared.setdefault(voice, []).append(line)
            elif line.startswith("T:"):
                self._title = self._title or text_string(line[2:])
            elif not line.startswith("M:"):
                self._any_field(line)
        return last + 1

    def line(self, line: str) -> None:
        """Read a line of the body."""
        if _is_field(line):
            self._any_field(line)
            return
        if self._line_break:
            line = line.replace("!", " ")
        if "+" in line:
            line = _OLD_CHORD.sub(_new_chord, line)
        self._music(self._macros.expand(line))

    def _any_field(self, line: str) -> None:
        if line.startswith("%%"):
            self._instruction(line[2:])
        else:
            self._field(line[0], line[2:])

    def _field(self, letter: str, text: str) -> None:
        """Read a field of a line of its own, or one that stands in the music."""
        try:
            if letter == "K":
                self._set_key(text)
            elif letter == "V":
                self._set_voice(text)
            elif letter == "M":
                self._voice.set_metre(fields.metre(text))
            elif letter == "L":
                numerator, denominator = fields.unit_length(text)
                self._voice.unit = 4 * QUARTER * numerator // denominator
            elif letter == "Q":
                bpm = fields.tempo(text, self._voice.unit / QUARTER)
                self._tempos += [(self._voice.at, bpm)] if bpm else []
            elif letter == "m":
                self._macros.define(text)
            elif letter == "U":
                symbol, _, meaning = text.partition("=")
                self._symbols[symbol.strip()] = meaning.strip(' !+"')
            elif letter == "I":
                self._instruction(text)
        except ValueError:
            self.remarks.add(f"{letter}: fields that are not understood")

    def _set_key(self, text: str) -> None:
        self._set_properties(text)
        key = fields.key(text)
        if key is not None:
            self._voice.set_key(key)
            if not key.understood:
                self.remarks.add("K: fields that are not understood")

    def _set_voice(self, text: str) -> None:
        match = _VOICE.match(text)
        if not match:
            raise ValueError(text)
        self._select(match[1])
        self._set_properties(match[2])

    def _select(self, ident: str) -> None:
        """Go on with this voice; a new one begins with what the header says."""
        if ident not in self._voices:
            if len(self._voices) == MAX_VOICES:
                raise BadFile("unreadable", f"a tune has more than {MAX_VOICES:,} voices")
            self._voice = self._voices[ident] = self._template.fork()
            number = self._names.setdefault(ident, len(self._names) + 1)
            self._voice.channel = self._voice.channel or number
            self._voice.program = self._channel_programs.get(self._voice.channel, self._voice.program)
            for line in self._declared.pop(ident, []):
                if line.startswith("V:"):
                    self._set_properties(line[2:].strip().partition(" ")[2])
                else:
                    self._any_field(line)
        self._voice = self._voices[ident]

    def _sounding(self) -> Voice:
        """The voice that is to sound; where no V: has been, the first that the header names."""
        if self._voice is self._template:
            self._select(next(iter(self._declared), "1"))
        return self._voice

    def _set_properties(self, text: str) -> None:
        """Clef, octave, transposition and name of a V: or K: field."""
        voice = self._voice
        for name, value in fields.properties(text).items():
            if name == "clef":
                voice.clef_octave = {"": 0, "8": 12, "15": 24}[value[1:]] * (-1 if value[:1] == "-" else 1)
            elif name == "octave":
                voice.octave = 12 * _small(value)
            elif name in ("transpose", "t"):
                voice.transpose = _small(value)
            elif name in ("name", "nm"):
                voice.name = text_string(value.replace(r"\n", " "))

    def _instruction(self, text: str) -> None:
        """Obey an I: field or a %% directive, if it is one that changes what sounds."""
        words = text.partition("%")[0].replace("=", " ").split()
        try:
            if words[:1] == ["MIDI"] and len(words) > 2:
                self._midi(words[1], words[2:])
            elif words[:1] == ["propagate-accidentals"]:
                self._voice.propagate = words[-1]
            elif words[:1] in (["score"], ["staves"]):
                self._synchronise()
            elif words[:1] == ["linebreak"]:
                self._line_break = "!" in text
        except ValueError:
            self.remarks.add("instructions that are not understood")

    def _synchronise(self) -> None:
        """Where the staves change within a tune, all voices go on together, also those that paused until then."""
        latest = max((voice.at for voice in self._voices.values()), default=0)
        for voice in (self._template, *self._voices.values()):
            voice.go_on_at(latest)

    def _midi(self, name: str, values: list[str]) -> None:
        """A %%MIDI directive of abc2midi."""
        voice = self._voice
        if name == "program":  # [channel] program
            program = _small(values[-1]) & 127
            if voice is self._template and values[1:]:
                self._channel_programs[_small(values[0])] = program
            if voice is not self._template or not values[1:] or voice.channel == _small(values[0]):
                voice.program = program
        elif name == "channel":
            voice.channel = _small(values[0])
            voice.is_drum = voice.channel == DRUM_CHANNEL
            voice.program = self._channel_programs.get(voice.channel, voice.program)
        elif name == "transpose":
            voice.midi_transpose = _small(values[0])
        elif name == "rtranspose":
            voice.midi_transpose += _small(values[0])
        elif name == "drummap" and (note := NOTE.match(values[0])):
            head = Head.of(note)
            voice.drums[head.pitch(head.alteration or 0)] = _small(values[-1]) & 127

    # ---- music ----

    def _music(self, line: str) -> None:
        for match in _TOKEN.finditer(line):
            if handler := _HANDLERS.get(match.lastgroup or ""):
                handler(self, match[0])
        self._close_chord()

    def _note(self, token: str) -> None:
        head, written, is_microtone = _parsed(token)
        if is_microtone:
            self.remarks.add("microtones, which are rounded")
        length = scaled(self._sounding().unit, written)
        if not length:
            self.remarks.add("notes without length")
        if self._chord is None:
            self._voice.sound([(head, False)], length)
        else:
            self._chord_length = self._chord_length if self._chord else length
            self._chord.append((head, False))

    def _rest(self, token: str) -> None:
        if self._chord is None:
            self._sounding().sound([], scaled(self._voice.unit, token[1:]))

    def _bars_rest(self, token: str) -> None:
        self._close_chord()
        self._sounding().rest_bars(fields.number(token[1:]))

    def _open_chord(self, token: str) -> None:
        self._close_chord()
        self._chord = []

    def _end_chord(self, token: str) -> None:
        if self._chord:
            self._sounding().sound(self._chord, scaled(self._chord_length, token[1:]))
        self._chord = None

    def _close_chord(self) -> None:
        """End a chord that has no bracket."""
        if self._chord is not None:
            self.remarks.add("chords without end")
            self._end_chord("]")

    def _symbol(self, token: str) -> None:
        self._chord_symbols.append((self._voice.at, token.strip('"')))

    def _tie(self, token: str) -> None:
        if self._chord:
            self._chord[-1] = self._chord[-1][0], True
        elif self._chord is None:
            self._voice.tie()

    def _bar(self, token: str) -> None:
        self._close_chord()
        self._sounding().bar_line(token)

    def _overlay(self, token: str) -> None:
        self._close_chord()
        self._sounding().overlay(token)

    def _broken(self, token: str) -> None:
        if not self._voice.broken_rhythm(token):
            self.remarks.add("broken rhythm without notes")

    def _tuplet(self, token: str) -> None:
        self._sounding().begin_tuplet(token)

    def _grace(self, token: str) -> None:
        for match in NOTE.finditer(token):
            if match[1]:
                self._sounding().note_sign(Head.of(match))

    def _inline_field(self, token: str) -> None:
        self._close_chord()
        self._field(token[1], token[3:-1])

    def _decoration(self, token: str) -> None:
        name = self._symbols.get(token, token).strip("!+")
        if name in LOUDNESS:
            self._sounding().velocity = LOUDNESS[name]

    def _unknown(self, token: str) -> None:
        if token != "!":  # the end of a line in ABC 1.6
            self.remarks.add("signs that are not understood")

    # ---- result ----

    def score(self) -> Score | None:
        """All voices together."""
        voices = list(self._voices.values())
        if any(voice.lost for voice in voices):
            self.remarks.add("notes beyond MIDI's range")
        if any(voice.uneven for voice in voices):
            self.remarks.add("broken rhythm between notes of different lengths, which stay as written")
        tracks: dict[tuple[int, int, int], int] = {}  # voice, program, is_drum
        rows = [
            (onset, end, pitch, velocity, tracks.setdefault((i, program, is_drum), len(tracks)))
            for i, voice in enumerate(voices)
            for onset, end, pitch, velocity, program, is_drum in voice.rows
        ]
        if not rows:
            return None
        check_count(len(rows))
        check_length(max(row[1] for row in rows) / QUARTER)
        onset, end, pitch, velocity, track = np.array(rows, np.int64).T
        onset, end = (onset + PARTS // 2) // PARTS, (end + PARTS // 2) // PARTS
        first = next(voice for voice in voices if voice.rows)
        keyed = next((voice for voice in voices if voice.rows and not voice.shift % 12), None)
        return Score.from_columns(
            onset,
            end - onset,
            pitch,
            velocity,
            track,
            tracks=tuple(Track(0 if drum else program, bool(drum), voices[i].name) for i, program, drum in tracks),
            tempos=_table([(at // PARTS, bpm) for at, bpm in self._tempos], TEMPO),
            metres=_table(_metres(first, int(end.max())), METRE),
            keys=_table(_keys(keyed) if keyed else [], KEY),
            chords=_table(symbols((at // PARTS, name) for at, name in self._chord_symbols), CHORD),
            title=self._title,
        )


_HANDLERS = {
    "note": _Tune._note,
    "symbol": _Tune._symbol,
    "rest": _Tune._rest,
    "bars_rest": _Tune._bars_rest,
    "chord": _Tune._open_chord,
    "chord_end": _Tune._end_chord,
    "tie": _Tune._tie,
    "bar": _Tune._bar,
    "overlay": _Tune._overlay,
    "broken": _Tune._broken,
    "tuplet": _Tune._tuplet,
    "grace": _Tune._grace,
    "field": _Tune._inline_field,
    "decoration": _Tune._decoration,
    "unknown": _Tune._unknown,
}


def _is_field(line: str) -> bool:
    return line.startswith("%%") or FIELD.match(line) is not None


@lru_cache(4096)
def _parsed(token: str) -> tuple[Head, str, bool]:
    """The head of a note, its length as it is written, and whether it is a microtone."""
    match = NOTE.match(token)
    assert match is not None
    return Head.of(match), match[5], bool(match[2])


def _new_chord(match: re.Match[str]) -> str:
    return match[0] if match[0].strip("+") in LOUDNESS else f"[{match[1]}]"


def _small(text: str) -> int:
    """An integer of a property or a directive. Raises ValueError beyond three digits."""
    if not re.fullmatch(r"[+-]?\d{1,3}", text):
        raise ValueError(text)
    return int(text)


def _metres(voice: Voice, end_ticks: int) -> list[tuple[int, int, int]]:
    """The voice's metres, written again after each incomplete bar (a pickup), so that bars are counted right.

    A bar that a repeat or a double bar parts in two is one bar.
    """
    changes = dict(voice.metres)
    lines = dict(voice.bars)
    rows: dict[int, tuple[int, int]] = {}
    begin, length = 0, 0
    metre: tuple[int, int] | None = None
    for at in sorted({*changes, *lines}):
        if at in changes:
            metre = changes[at]
            length = bar_ticks(*metre) * PARTS if metre else 0
        since = (at - begin) % length if length else 0
        if metre and (at in changes or (since and not (lines[at] and at + length - since in lines))):
            rows[at] = metre
        begin = begin if since and at not in rows else at
    return [(at // PARTS, *row) for at, row in sorted(rows.items()) if at // PARTS < end_ticks]


def _keys(voice: Voice) -> list[tuple[int, int, bool]]:
    return [(at // PARTS, key.sharps, key.minor) for at, key in voice.keys if key.sharps is not None]


def _table(rows: Sequence[tuple[float, ...]], dtype: np.dtype) -> np.ndarray:
    """Sorted rows as a table; of several at one time the last holds."""
    return np.array(sorted({row[0]: row for row in rows}.values()), dtype)
