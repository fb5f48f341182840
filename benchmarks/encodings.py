"""Each encoding on real music: vocabulary, rows per second, what is kept, whether it can be heard, pieces per second.

    python benchmarks/encodings.py [SOURCE...] [--encodings "note-chord piano-roll:onsets=true"] [--home FOLDER]

A SOURCE is whatever `musictool prepare` takes; without one it is bach and the built-in quartets and folk tunes. Each is
prepared once (kept in --home, if that is given), then encoded cold with one worker. An encoding may have options behind
its name: piano-roll:onsets=false

exact       part of the validation rows that the vocabulary of the training pieces, at every transposition from -3 to 3,
            holds; the others become their nearest neighbour
onset       part of the notes of which there is one of that pitch and onset after going there and back, drums included
length      the same, with its end
instrument  the same, on the same of the five instruments
told apart  how surely a classifier tells what went there and back from the pieces themselves, of one bar / of eight
            (musictool/metrics/told_apart.py); 0.50: not at all, 1.00: always
but for     the same, against the pieces without what the encoding says it loses: both ends of each note on its grid,
            and drums and instruments left out, or all on one keyboard, where it knows none; what is heard besides

Onsets and ends count as the same within half a sixteenth. A row is a token, a step of a roll or a segment; `rows/s` are
those per second of music. What is kept is measured on at most --pieces, those of validation first.
"""

from __future__ import annotations

import argparse
import os
import shutil
import tempfile
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import _table
import numpy as np

HEAD: tuple[str, ...] = (
    "encoding",
    "corpus",
    "vocabulary",
    "rows/s of music",
    "exact",
    "onset",
    "length",
    "instrument",
)
HEAD += ("told apart", "but for that", "pieces/s")
SOURCES = ("bach", "quartets", "folk")
NEAR_TICKS = 60  # half a sixteenth


def measure(source: str, name: str, settings: Sequence[str], pieces: int, transpositions: range) -> tuple[str, ...]:
    """The line of one source in one encoding."""
    from musictool.corpus.corpus import Corpus
    from musictool.dataset.encode import encode_corpus
    from musictool.errors import MusictoolError
    from musictool.workers.processes import LocalWorkers

    corpus, title = Corpus.open(source), ":".join((name, *filter(None, [",".join(settings)])))
    shutil.rmtree(corpus.folder / "encoded", ignore_errors=True)
    start = time.perf_counter()
    try:
        with LocalWorkers(1) as workers:
            encoded = encode_corpus(corpus, name, settings, transpositions=transpositions, workers=workers)
    except MusictoolError as error:
        return title, corpus.name, str(error), *[""] * (len(HEAD) - 3)
    seconds = time.perf_counter() - start
    order = np.argsort(~corpus.is_validation, kind="stable")[:pieces].tolist()
    before = [score for index in order if len((score := corpus.score(index)).notes)]
    after = [there_and_back(encoded.encoding, score) for score in before]
    kept = [f"{share:.1%}" for share in shares_kept(before, after)]
    reduced = without_losses(encoded.encoding, before)
    return (
        title,
        corpus.name,
        f"{encoded.spec.size:,}",
        f"{int(encoded.offsets[-1]) / corpus.info['seconds']:.3g}",
        f"{encoded.summary['coverage']:.1%}",
        *kept,
        auc_text(after, before),
        auc_text(after, reduced),
        f"{len(corpus) / seconds:,.0f}",
    )


def there_and_back(encoding: Any, score: Any) -> Any:
    """A piece encoded and decoded, in its own beats, tempo and metre."""
    from musictool.generation.primers import leading_silence_ticks

    decoded = encoding.decode(encoding.encode(score))
    if encoding.stretches:  # it counts seconds: to the piece's own beats
        onsets, ends = decoded.notes["onset_ticks"], decoded.notes["onset_ticks"] + decoded.notes["duration_ticks"]
        onsets, ends = (np.array([score.to_ticks(s) for s in decoded.to_seconds(t)], np.int64) for t in (onsets, ends))
        notes = decoded.notes.copy()
        notes["onset_ticks"], notes["duration_ticks"] = onsets, np.maximum(1, ends - onsets)
        decoded = replace(decoded, notes=notes, tempos=score.tempos[:0], metres=score.metres[:0])
    if (silence := leading_silence_ticks(score, decoded)) > 2 * NEAR_TICKS:  # less is what a grid moves
        decoded = decoded.later(silence)
    return replace(decoded, tempos=score.tempos, metres=score.metres)


def without_losses(encoding: Any, scores: Sequence[Any]) -> list[Any]:
    """Pieces without what an encoding says it loses: times off its grid, drums, instruments."""
    from musictool.music.instruments import TRACKS, note_instruments
    from musictool.music.score import Score, Track, sort_notes

    steps = getattr(encoding.options, "steps_per_quarter", None) or getattr(encoding.options, "steps_per_beat", None)
    # what it does with a drum and a bass says what it knows
    probe = Score.from_notes([(36, 0, 1), (40, 0, 1)], (Track(33), Track(is_drum=True)))
    probe.notes["track"][1:] = 1
    encoding = type(encoding)(encoding.options)
    encoding.fit([probe])
    known = encoding.decode(encoding.encode(probe))
    reduced = []
    for score in scores:
        score = score if steps is None else on_grid(score, steps)
        if not known.is_drum.any():
            score = replace(score, notes=score.notes[~score.is_drum])
        if len(known.tracks) == 1:  # all on one keyboard
            score = replace(score, notes=sort_notes(_on_tracks(score.notes, 0)), tracks=(Track(),))
        elif known.tracks == TRACKS:
            instruments = note_instruments(score)
            notes = _on_tracks(score.notes, instruments)[instruments >= 0]
            score = replace(score, notes=sort_notes(notes), tracks=TRACKS)
        reduced.append(score)
    return reduced


def _on_tracks(notes: np.ndarray, tracks: Any) -> np.ndarray:
    notes = notes.copy()
    notes["track"] = tracks
    return notes


def on_grid(score: Any, steps_per_quarter: int) -> Any:
    """A piece with both ends of each note on a grid."""
    from musictool.music.grid import in_steps, to_ticks
    from musictool.music.score import sort_notes

    onsets, lengths = in_steps(score.notes, steps_per_quarter)
    notes = score.notes.copy()
    notes["onset_ticks"] = to_ticks(onsets, steps_per_quarter)
    notes["duration_ticks"] = to_ticks(onsets + lengths, steps_per_quarter) - notes["onset_ticks"]
    return replace(score, notes=sort_notes(notes))


def shares_kept(before: Sequence[Any], after: Sequence[Any]) -> np.ndarray:
    """float64 (3,): of the notes, the shares with the same onset, the same length too, and the same instrument too."""
    kept = sum((notes_kept(*pair).sum(axis=0) for pair in zip(before, after, strict=True)), np.zeros(3))
    return np.asarray(kept / max(1, sum(len(score.notes) for score in before)))


def notes_kept(before: Any, after: Any) -> np.ndarray:
    """bool (N, 3): whether each note of a piece has one of its pitch and onset; and end; and instrument."""
    from musictool.music.instruments import note_instruments

    def columns(score: Any) -> np.ndarray:
        notes = score.notes
        onsets = notes["onset_ticks"].astype(np.int64)
        kind = notes["pitch"].astype(np.int64) + 128 * score.is_drum
        return np.stack([kind, onsets, onsets + notes["duration_ticks"], note_instruments(score)], axis=1)

    original, there = columns(before), columns(after)
    there = there[np.lexsort((there[:, 1], there[:, 0]))]
    stride = int(max(original[:, 1].max(initial=0), there[:, 1].max(initial=0))) + 2 * NEAR_TICKS + 1
    places = there[:, 0] * stride + there[:, 1]
    first = np.searchsorted(places, original[:, 0] * stride + original[:, 1] - NEAR_TICKS)
    last = np.searchsorted(places, original[:, 0] * stride + original[:, 1] + NEAR_TICKS, side="right")
    kept = np.zeros((len(original), 3), bool)
    for note, (begin, end) in enumerate(zip(first.tolist(), last.tolist(), strict=True)):
        near = there[begin:end]
        ends = (np.abs(near[:, 2] - original[note, 2]) <= NEAR_TICKS) | (
            original[note, 0] >= 128
        )  # a drum has no length
        kept[note] = len(near) > 0, ends.any(), (ends & (near[:, 3] == original[note, 3])).any()
    return kept


def auc_text(samples: Sequence[Any], people: Sequence[Any]) -> str:
    """ "0.51 / 0.50": the AUC of one bar and of eight."""
    from musictool.metrics.told_apart import told_apart

    pairs = [(one, other) for one, other in zip(samples, people, strict=True) if len(one.notes)]
    if not pairs:
        return ""
    there, here = zip(*pairs, strict=True)
    result = told_apart(there, here, paired=True, bars=(1, 8), halves=False)
    return " / ".join(f"{result.samples[bars].auc:.2f}" if bars in result.samples else "-" for bars in (1, 8))


def main() -> None:
    """Measure and print."""
    from musictool.preparation.prepare import prepare
    from musictool.registry import ENCODINGS

    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("sources", nargs="*")
    arguments.add_argument("--encodings", default=" ".join(ENCODINGS.names()))
    arguments.add_argument("--pieces", type=int, default=60)
    arguments.add_argument("--home", type=Path)
    given = arguments.parse_args()
    sources = given.sources or SOURCES
    with tempfile.TemporaryDirectory() as folder:
        os.environ["MUSICTOOL_HOME"] = str(given.home or folder)
        names = [prepare(source, encode=False).corpus.name for source in sources]
        rows = []
        for encoding in given.encodings.replace(" ", "\n").split():
            name, _, settings = encoding.partition(":")
            rows += [measure(n, name, [*filter(None, settings.split(","))], given.pieces, range(-3, 4)) for n in names]
    print(f"{_table.machine()}\n")
    print(_table.table(HEAD, rows))


if __name__ == "__main__":
    main()
