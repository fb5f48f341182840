"""Reading ABC beside an independent reader: of how many tunes do all pitches, onsets and lengths agree?

    python benchmarks/reading.py [FOLDER ...] [--show 5] [--written 500]

The other reader is abc2midi, which the symusic package holds. It plays repeats and ornaments out, and chord symbols as
an accompaniment; so repeats, grace notes, ornaments and quoted text are taken out of each tune, for both. The tunes are
those of music21's collections, and of every .abc file below the FOLDERs. A tune that abc2midi refuses is counted apart.

--written also writes so many pieces (chorales, and tunes) as .abc with musictool and has
abc2midi read them back: each with the notes it had, on the writer's grid of twelfths of a quarter note.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import re
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

import _table
import numpy as np
import tqdm

from musictool.errors import BadFile
from musictool.music.score import Score
from musictool.preparation import sources
from musictool.readers import abc
from musictool.reading import read
from musictool.writers.abc import text_of

COLLECTIONS = ("ryans-mammoth", "oneills", "airds", "essen")
GOAL = 0.995
TOLERANCE_TICKS = 3  # abc2midi rounds tuplets, and begins one tick late
_SILENT = re.compile(
    r'"[^"]*"|(?P<keep>\[[A-Za-z]:[^\]]*\]|%.*)|![^!|\s]+!|\{[^}]*\}|(?P<bar>[:|]*\|[:|\]]*|\[\||::?)(?:\s*\[?\d[\d,-]*|\s*\["[^"]*"(?=[^\]|]*(?:\||$)))?'
    r"|\[\d[\d,-]*|[~.H-Wh-w]"
)
_TUNE = re.compile(r"^(?=X:)", re.MULTILINE)
Notes = list[tuple[int, int, int]]  # pitch, onset and end in ticks


def tunes(path: Path) -> Iterator[str]:
    """The tunes of a file as ABC of their own: the file's header, then one tune."""
    data = path.read_bytes()
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError:
        text = data.decode("latin-1")
    header, *parts = _TUNE.split(text.replace("\r\n", "\n").replace("\r", "\n"))
    fields = "".join(line + "\n" for line in header.splitlines() if re.match(r"[LMIUm]:|%%", line))
    for part in parts:
        yield plain(fields + part)


def plain(tune: str) -> str:
    """A tune without what one reader plays and the other does not."""
    lines = []
    for line in tune.splitlines():
        if re.match(r"\s*([A-Za-z+]:(?![|:])|%)", line):
            lines += [] if line.startswith(("P:", "R:", "U:", "Q:", "w:", "W:", "s:")) else [line]
        else:
            lines.append(_SILENT.sub(lambda match: match["keep"] or ("|" if match["bar"] else ""), line))
    return "\n".join(lines) + "\n"


def by_musictool(text: str) -> Notes:
    """What musictool reads."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "tune.abc"
        path.write_text(text, encoding="utf-8")
        return [note for score in abc.read(path).scores for note in notes_of(score)]


def notes_of(score: Score) -> Notes:
    """The notes of a Score, sorted."""
    notes = score.notes
    ends = notes["onset_ticks"] + notes["duration_ticks"]
    return sorted(zip(notes["pitch"].tolist(), notes["onset_ticks"].tolist(), ends.tolist(), strict=True))


def by_abc2midi(text: str) -> Notes | None:
    """What abc2midi reads; None if it refuses the tune."""
    import symusic

    # chords struck together, notes not cut short, no accompaniment
    text = re.sub(r"^(X:.*\n)", r"\1%%MIDI chordattack 0\n%%MIDI trim 0\n", text, count=1, flags=re.MULTILINE)
    with silence():
        try:
            score = symusic.Score.from_abc(text)
        except Exception:  # whatever the other reader does
            return None
    scale = 480 / score.ticks_per_quarter
    return sorted(
        (note.pitch, int(note.time * scale), int((note.time + note.duration) * scale))
        for track in score.tracks
        for note in track.notes
    )


@contextlib.contextmanager
def silence() -> Iterator[None]:
    """Nothing that a program started within prints is seen."""
    kept = os.dup(1), os.dup(2)
    with open(os.devnull, "w", encoding="utf-8") as nowhere:
        os.dup2(nowhere.fileno(), 1)
        os.dup2(nowhere.fileno(), 2)
        try:
            yield
        finally:
            os.dup2(kept[0], 1)
            os.dup2(kept[1], 2)
            os.close(kept[0])
            os.close(kept[1])


def agree(ours: Notes, theirs: Notes, tolerance: int = TOLERANCE_TICKS) -> bool:
    """Whether all notes are the same."""
    if len(ours) != len(theirs):
        return False
    return not ours or bool((np.abs(np.array(ours) - np.array(theirs)) <= [0, tolerance, tolerance]).all())


def difference(ours: Notes, theirs: Notes) -> str:
    """The first notes that one reader has and the other has not."""
    first, second = (sorted((onset, pitch, end) for pitch, onset, end in notes) for notes in (ours, theirs))
    allowed = np.array([TOLERANCE_TICKS, 0, TOLERANCE_TICKS])
    apart = (
        i for i, pair in enumerate(zip(first, second, strict=False)) if (np.abs(np.subtract(*pair)) > allowed).any()
    )
    at = next(apart, min(len(first), len(second)))
    return f"musictool {first[at : at + 3]}, abc2midi {second[at : at + 3]} (onset, pitch, end in ticks)"


def compare(name: str, paths: Sequence[Path], show: int) -> list[str]:
    """A row of the table; prints the first disagreements."""
    count = refused = same = 0
    for path in tqdm.tqdm(paths, name, leave=False):
        for tune in tunes(path):
            try:
                ours = by_musictool(tune)
            except BadFile as error:
                ours = []
                reason = str(error)
            else:
                reason = ""
            theirs = by_abc2midi(tune)
            if theirs is None or not (ours or theirs):
                refused += theirs is None and bool(ours)
                continue
            count += 1
            same += agree(ours, theirs)
            if not agree(ours, theirs) and show > count - same - 1:
                number = re.search(r"^X:\s*(\S*)", tune, re.MULTILINE)
                print(f"{path} X:{number[1] if number else ''}: {reason or difference(ours, theirs)}", file=sys.stderr)
    share = same / count if count else 0.0
    return [name, f"{count:,}", f"{same:,}", f"{share:.2%}", str(refused)]


def written(most: int) -> list[str]:
    """A row: pieces that abc2midi reads from musictool's ABC with the notes that they had."""
    count = same = 0
    files = [(source, name) for source in map(sources.find, ("bach", "airds", "oneills")) for name in source.files]
    with tqdm.tqdm(total=most, desc="written", leave=False) as bar:
        for source, name in files:
            if count >= most:
                break
            try:
                scores = read(source.root / name).scores[:10]
            except BadFile:
                continue
            for score in scores[: most - count]:
                count += 1
                bar.update()
                same += agree(on_grid(score), by_abc2midi(text_of(score)) or [])
    return ["written, read back", f"{count:,}", f"{same:,}", f"{same / count:.2%}", "0"]


def on_grid(score: Score) -> Notes:
    """What the writer writes of a Score: its notes without overlaps, in twelfths of a quarter note."""
    from musictool.music.grid import to_steps, without_overlaps

    notes = without_overlaps(score.notes)
    onsets = to_steps(notes["onset_ticks"], 12) * 40
    ends = np.maximum(to_steps(notes["onset_ticks"].astype(np.int64) + notes["duration_ticks"], 12) * 40, onsets + 40)
    columns = (notes["track"], notes["pitch"], onsets, ends)
    rows = set(zip(*(column.tolist() for column in columns), strict=True))  # of a track's equal notes one is written
    return sorted(row[1:] for row in rows)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folders", nargs="*", type=Path)
    parser.add_argument("--show", type=int, default=5, help="disagreements that are printed, of each collection")
    parser.add_argument("--written", type=int, default=500, help="pieces that are written and read back")
    parser.add_argument("--only", nargs="*", default=COLLECTIONS, help="collections of music21's")
    chosen = parser.parse_args()
    rows = []
    for name in chosen.only:
        source = sources.find(name)
        rows.append(compare(name, [source.root / file for file in source.files], chosen.show))
    for folder in chosen.folders:
        rows.append(compare(folder.name, sorted(folder.rglob("*.abc")), chosen.show))
    if chosen.written:
        rows.append(written(chosen.written))
    print(_table.machine())
    print(_table.table(["", "tunes", "agree", "share", "refused by abc2midi"], rows))
    for name, _, _, share, _ in rows:
        print(_table.goal(f"{name}, share that agrees", float(share.rstrip("%")) / 100, GOAL))


if __name__ == "__main__":
    main()
