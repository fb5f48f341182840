"""partitura and verovio, which share no code with these readers, as witnesses of what real scores say.

partitura reads MusicXML; of Humdrum it misplaces notes where spines split. verovio holds humlib, by those who maintain
Humdrum.
"""

from __future__ import annotations

import base64
import random
import re
import warnings
from collections import Counter
from pathlib import Path

import pytest

from musictool import reading
from musictool.errors import BadFile
from musictool.music.score import Score
from tests.readers.smf import DATA

pytestmark = [pytest.mark.slow, pytest.mark.skipif(not DATA.is_dir(), reason="no real music beside the checkout")]

Notes = Counter[tuple[int, int, int]]
TOLERANCE_TICKS = 2  # partitura rounds to its own grid


def ours(score: Score) -> Notes:
    """(onset, duration, pitch) of the notes that have a pitch."""
    columns = (score.notes[name].tolist() for name in ("onset_ticks", "duration_ticks", "pitch"))
    return Counter(
        row for row, drum in zip(zip(*columns, strict=True), score.is_drum.tolist(), strict=True) if not drum
    )


def theirs(path: Path) -> Notes:
    """The same through partitura, where its file begins counted from its first note."""
    import partitura

    notes: Notes = Counter()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for part in partitura.load_score(str(path)).parts:
            for note in part.notes_tied:
                if isinstance(note, partitura.score.GraceNote) or getattr(note, "midi_pitch", None) is None:
                    continue
                begin, end = (float(part.quarter_map(at.t)) for at in (note.start, note.end_tied))
                notes[round(begin * 480), round((end - begin) * 480), note.midi_pitch] += 1
    return notes


def agree(one: Notes, other: Notes) -> bool:
    """Whether the same notes are in both, a rounding apart; they may begin at another time as a whole."""
    if not one or sum(one.values()) != sum(other.values()):
        return not one and not other
    shift = min(other)[0] - min(one)[0]
    by_pitch = (
        (sorted((pitch, onset, duration) for onset, duration, pitch in notes.elements())) for notes in (one, other)
    )
    return all(
        pitch == pitch2
        and abs(onset2 - shift - onset) <= TOLERANCE_TICKS
        and abs(duration2 - duration) <= TOLERANCE_TICKS
        for (pitch, onset, duration), (pitch2, onset2, duration2) in zip(*by_pitch, strict=True)
    )


def sample(folder: str, suffixes: tuple[str, ...], count: int) -> list[Path]:
    files = sorted(path for path in (DATA / folder).rglob("*") if path.suffix in suffixes)
    return random.Random(5).sample(files, min(count, len(files)))


@pytest.mark.parametrize(
    "folder, count, share",
    [("scores", 40, 0.85), ("genres/romantic-lieder", 12, 0.75)],  # it plays cues, and drops ties that begin nowhere
)
def test_partitura_reads_the_same_notes_of_musicxml(folder: str, count: int, share: float):
    pytest.importorskip("partitura")
    verdicts = []
    for path in sample(folder, (".xml", ".musicxml", ".mxl"), count):
        try:
            score = reading.read(path).scores[0]
            witness = theirs(path)
        except (BadFile, OSError, KeyError, SyntaxError):  # no notes; or partitura does not find or parse the root file
            continue
        verdicts.append(agree(ours(score), witness))
    assert len(verdicts) >= count // 2
    assert sum(verdicts) >= share * len(verdicts)


STEP_TICKS = 20


def plain_kern(text: str) -> str:
    """A piece without what verovio plays and these readers do not: repeats, grace notes, ornaments, arpeggios; and
    without marks of octaves, which it counts although the pitches have them."""
    lines = []
    for line in text.splitlines():
        tokens = line.split("\t")
        if line.startswith("*"):
            tokens = ["*" if re.match(r"\*(>|X?(8va|8ba|15))", token) else token for token in tokens]
        elif line.startswith("="):
            tokens = [re.match(r"=+\d*", token)[0] for token in tokens]  # type: ignore[index]
        elif line and not line.startswith("!"):
            tokens = ["." if "q" in token else re.sub(r"[TtMmWwS$O'`^~:]", "", token) or "." for token in tokens]
            if "q" in line and not re.search(r"\d", "".join(tokens)):
                continue
        if {*tokens} != {"*"}:
            lines.append("\t".join(tokens))
    return "\n".join(lines) + "\n"


def struck(score: Score) -> Counter[tuple[int, int]]:
    """(pitch, onset) of each note."""
    steps = (score.notes["onset_ticks"] + STEP_TICKS // 2) // STEP_TICKS
    return Counter(zip(score.notes["pitch"].tolist(), steps.tolist(), strict=True))


def test_verovio_strikes_the_same_notes_of_humdrum(tmp_path: Path):
    verovio = pytest.importorskip("verovio")
    verovio.enableLog(verovio.LOG_OFF)
    toolkit = verovio.toolkit()
    toolkit.setOptions({"inputFrom": "humdrum"})
    files = [path for path in sample("genres/romantic-chopin", (".krn",), 30) if path.stat().st_size < 16_000]
    same = common = count = 0
    for path in files:
        text = plain_kern(path.read_text(encoding="utf-8", errors="replace"))
        (tmp_path / "a.krn").write_text(text, encoding="utf-8")
        assert toolkit.loadData(text)
        (tmp_path / "a.mid").write_bytes(base64.b64decode(toolkit.renderToMIDI()))
        ours, theirs = (struck(reading.read(tmp_path / name).scores[0]) for name in ("a.krn", "a.mid"))
        same += ours == theirs
        common += sum((ours & theirs).values())
        count += sum(ours.values())
    assert len(files) >= 8
    assert same >= 0.5 * len(files)  # in most others it is one note that lies at another end of a rounded step
    assert common >= 0.995 * count
