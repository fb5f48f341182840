"""ABC tunes and tune books, after the standard 2.1; what older files have beside it is read as they mean it.

Kept: notes at sounding pitch with ties joined, each voice as a track (more where its program changes), programs and
drums of `%%MIDI` lines, loudness of !p! to !f!, tempo, metre, key, titles. Not sounded: grace notes, ornaments, chord
symbols. Repeats are not played: the tune is read once through, with all its endings. A file of many tunes gives many
Scores. `--reader music21` reads it through music21 instead, which knows ABC 1.3.
"""

from __future__ import annotations

from collections import Counter
from pathlib import Path

from musictool.errors import BadFile
from musictool.music.score import Score
from musictool.readers import _abc_text as abc_text
from musictool.readers import _abc_tune as abc_tune
from musictool.reading import Reading

SUFFIXES = (".abc",)


def read(path: Path, parser: str = "") -> Reading:
    """The tunes of an ABC file that have notes.

    Returns:
        `remark` counts the tunes of which something was passed over or mended, by what it was; grace notes and the
        like, which never sound, are no remark.

    Raises:
        BadFile: "not ABC", "no notes"; of the first tune, where none can be read: "too many notes", "too long",
            "unreadable".
    """
    text = abc_text.decode(path.read_bytes())
    if "X:" not in text and "K:" not in text:
        raise BadFile("not ABC", f"{path.name} has neither an X: nor a K: line")
    if parser == "music21":
        from musictool.readers import _abc_music21 as abc_music21

        return abc_music21.read(text)
    remarks: Counter[str] = Counter()
    tunes, lost_lines = abc_text.tunes(text)
    scores: list[Score] = []
    failures: list[BadFile] = []
    for tune in tunes:
        try:
            score = abc_tune.read(tune, remarks)
            scores += [] if score is None else [score]
        except BadFile as error:
            failures.append(error)
            remarks[error.reason] += 1
    if not scores:
        raise failures[0] if failures else BadFile("no notes")
    texts = [f"{count} of {len(tunes)} tunes: {what}" for what, count in sorted(remarks.items())]
    if lost_lines:  # the standard: an empty line ends a tune
        texts.append(f"{lost_lines} lines that look like music outside tunes")
    return Reading(scores, "; ".join(texts))
