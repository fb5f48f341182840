"""ABC text (standard 2.1), cut into tunes and lines; macros and text strings.

A tune begins at `X:` and ends at an empty line or at the next `X:`. What stands before the first tune is the file's
header; what stands between tunes is free text, and never music.
"""

from __future__ import annotations

import codecs
import re
import unicodedata
from functools import partial
from html import unescape

from musictool.errors import BadFile

# at the beginning of a line; A:| and :: close a bar behind a note A, and d: is the s: of older files
FIELD = re.compile(r"([H-Zmrsw+]:(?![|:])|[A-G]:(?!\s*[|:]|\s*\[\d)|d:(?=\s*[!+*]))")
NOTE = r"[\^_=]*[A-Ga-g][,']*"
_FILE_FIELDS = ("L:", "M:", "Q:", "I:", "m:", "U:", "%%")  # what a file's header may set for all its tunes
_BLOCK = re.compile(r"%%begin(\w+)")
_COMMENT = re.compile(r"(?<!\\)%.*")
_WORD = re.compile(r"[A-Za-z]*[H-Yh-w][A-Za-z]")
_MACRO = re.compile(r"\s*(\S[^=]*?)\s*=\s*(.*)")
_MAX_LINE = 2**20  # characters of a line whose macros are written out
_ENTITY = re.compile(r"(?<!\\)&#?\w+;")
_LETTERS = "CDEFGAB"
_MARKS = {"`": 0x300, "'": 0x301, "^": 0x302, "~": 0x303, '"': 0x308, ",": 0x327, "v": 0x30C, "u": 0x306, "c": 0x327}
_LIGATURES = {"ss": "ß", "ae": "æ", "AE": "Æ", "oe": "œ", "OE": "Œ", "aa": "å", "AA": "Å", "/o": "ø", "/O": "Ø"}
_ESCAPE = re.compile(r"""\\(u[0-9A-Fa-f]{4}|ss|[aAoO][eE]|aa|AA|/[oO]|[`'^~",vuc][A-Za-z]|[%\\&])""")


def decode(data: bytes) -> str:
    """UTF-16 with its mark, UTF-8 where that fits, else Latin-1."""
    if data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return data.decode("utf-16", "replace")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:
        return data.decode("latin-1")


def tunes(text: str) -> tuple[list[list[str]], int]:
    """The lines of each tune, after those of the file's header, and how many lines outside tunes look like music.

    A text without X: is one tune from its first field on.
    """
    if not re.search(r"^\s*X:", text, re.MULTILINE):
        first = re.search(r"^\s*[A-Z]:", text, re.MULTILINE)
        text = "X:1\n" + text[first.start() :].lstrip() if first else ""
    header: list[str] = []
    found: list[list[str]] = []
    tune: list[str] | None = None
    block, lost = "", 0
    for line in map(str.strip, text.replace("\r\n", "\n").replace("\r", "\n").split("\n")):
        if line.startswith("X:"):
            tune, block = [], ""
            found.append(tune)
        elif block:
            block = "" if line.startswith(f"%%end{block}") else block
        elif match := _BLOCK.match(line):
            block = match[1]
        elif not line:
            tune = None
        elif tune is not None:
            _add(tune, line)
        elif not found and line.startswith(_FILE_FIELDS):
            _add(header, line)
        else:
            lost += "|" in line and not line.startswith("%") and not FIELD.match(line) and not _WORD.search(line)
    return [header + tune for tune in found], lost


def _add(lines: list[str], line: str) -> None:
    """Append a line without its comment; `+:` goes on with the field before it."""
    if line.startswith("%") and not line.startswith("%%"):
        return
    if FIELD.match(line):
        line = _COMMENT.sub("", line).rstrip()
    if not line.startswith("+:"):
        lines.append(line)
    elif lines and FIELD.match(lines[-1]):
        lines[-1] += " " + line[2:].strip()


def text_string(text: str) -> str:
    r"""A text string as it is meant: \"u and &uuml; are ü; one line of at most 200 characters."""
    text = _ENTITY.sub(lambda match: unescape(match[0]), text[:1000])
    text = _ESCAPE.sub(lambda match: _character(match[1]), text)
    return unicodedata.normalize("NFC", " ".join(text.split()))[:200]


def _character(code: str) -> str:
    if code in _LIGATURES or len(code) == 1:
        return _LIGATURES.get(code, code)
    if len(code) == 5:
        return chr(int(code[1:], 16))
    return code[1] + chr(_MARKS[code[0]])


class Macros:
    """What the `m:` fields of a tune define: `m: ~G2 = {A}G{F}G`, and relative to any note n, `m: ~n2 = {o}n{m}n`."""

    def __init__(self) -> None:
        self._macros: list[tuple[re.Pattern[str], str]] = []

    def define(self, text: str) -> None:
        """Take on the text of one `m:` field."""
        if match := _MACRO.match(text):
            before, relative, after = match[1].partition("n")
            pattern = re.escape(before) + (f"({NOTE})" if relative else "") + re.escape(after) + r"(?![\d/])"
            self._macros.append((re.compile(pattern), match[2]))

    def expand(self, line: str) -> str:
        """A line of music with its macros written out. Raises BadFile where that never ends."""
        for pattern, replacement in self._macros:
            line = pattern.sub(partial(_relative, replacement), line)
            if len(line) > _MAX_LINE:
                raise BadFile("unreadable", f"macros make a line longer than {_MAX_LINE:,} characters")
        return line


def _relative(replacement: str, match: re.Match[str]) -> str:
    """The replacement with the letters h to z as notes as far from the matched note as they are from n."""
    if not match.re.groups:
        return replacement
    note = match[1].lstrip("^_=")
    octave = note[0].islower() + note.count("'") - note.count(",")
    step = _LETTERS.index(note[0].upper()) + 7 * octave

    def note_of(letter: re.Match[str]) -> str:
        return match[1] if letter[0] == "n" else _name(step + ord(letter[0]) - ord("n"))

    return re.sub("[h-z]", note_of, replacement)


def _name(step: int) -> str:
    """The note so many steps above middle C: 0 is C, 7 is c, -1 is B,."""
    octave, letter = divmod(step, 7)
    name = _LETTERS[letter]
    return name + "," * -octave if octave <= 0 else name.lower() + "'" * (octave - 1)
