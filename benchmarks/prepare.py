"""Files per second, from files to an encoded corpus: musictool beside the tutorials' way, pretty_midi and MidiTok.

    python benchmarks/prepare.py [FOLDER] [--copies 4000] [--rounds 3] [--slow-files 40]

The files are copies of those in FOLDER (without one: of the 397 Bach chorales of music21's collection, exported as MIDI
once, about a minute, not timed), each with other content; --copies 0 takes them as they are. Every measurement runs in
a fresh process with one thread for each numerical library; what a contender imports is not counted, what `prepare`
starts (its children) is. benchmarks/README.md has more.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from functools import partial
from multiprocessing import get_context
from pathlib import Path

import _table
from _music import chorales, copies, midi_files
from _table import THREADS

ENCODINGS = {"note-chord": 3, "chord-roll": 1.5, "piano-roll": 1.5, "segments": 1.5, "performance": 1.5}  # goals


def musictool_prepare(folder: Path, encoding: str, workers: int) -> tuple[int, float]:
    """Cold, into an empty home: reading, notes.h5, files.csv, the vocabulary and every piece encoded."""
    from musictool.dataset.encode import DEFAULT_ENCODING, encode_corpus
    from musictool.preparation.prepare import prepare
    from musictool.workers.processes import LocalWorkers

    with tempfile.TemporaryDirectory() as home:
        os.environ["MUSICTOOL_HOME"] = home
        start = time.perf_counter()
        own = encoding == DEFAULT_ENCODING  # which prepare makes by itself; the others are made as train makes them
        corpus = prepare(folder, workers=workers, encode=own).corpus
        with LocalWorkers(workers) as hands:
            encode_corpus(corpus, encoding, workers=hands)
            seconds = time.perf_counter() - start
    return corpus.info["files"]["read"], seconds


def musictool_command(folder: Path, workers: int) -> tuple[int, float]:
    """The same as a command, from the prompt to the next prompt."""
    command = [sys.executable, "-m", "musictool", "prepare", str(folder), "--workers", str(workers), "--json"]
    with tempfile.TemporaryDirectory() as home:
        start = time.perf_counter()
        done = subprocess.run(
            command,
            env={**os.environ, "MUSICTOOL_HOME": home},
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            check=True,
        )
        seconds = time.perf_counter() - start
    return json.loads(done.stdout)["files"]["read"], seconds


def music21_tutorial(files: list[Path]) -> tuple[int, float]:
    """get_notes of Skuli's Classical-Piano-Composer, a vocabulary and integers; every file parsed, no pickles used."""
    from music21 import chord, converter, instrument, note

    start = time.perf_counter()
    notes: list[str] = []
    for path in files:
        midi = converter.parse(path, forceSource=True, storePickle=False)
        by_instrument = instrument.partitionByInstrument(midi)
        elements = by_instrument.parts[0].recurse() if by_instrument else midi.flatten().notes
        for element in elements:
            if isinstance(element, note.Note):
                notes.append(str(element.pitch))
            elif isinstance(element, chord.Chord):
                notes.append(".".join(str(n) for n in element.normalOrder))
    numbers = {name: number for number, name in enumerate(sorted(set(notes)))}
    encoded = [numbers[name] for name in notes]
    assert len(encoded) == len(notes)
    return len(files), time.perf_counter() - start


def pretty_midi_reading(files: list[Path]) -> tuple[int, float]:
    """Parsing only: no vocabulary, no encoding."""
    import warnings

    import pretty_midi

    warnings.simplefilter("ignore")
    start = time.perf_counter()
    read = 0
    for path in files:
        try:
            pretty_midi.PrettyMIDI(str(path))
            read += 1
        except Exception:  # whatever is wrong with a file, the others go on
            continue
    return read, time.perf_counter() - start


def miditok_remi(files: list[Path]) -> tuple[int, float]:
    """REMI as it comes, nothing trained: read by symusic and tokenised, file by file; nothing written to disk."""
    import miditok

    tokenizer = miditok.REMI()
    start = time.perf_counter()
    read = 0
    for path in files:
        try:
            tokenizer(path)
            read += 1
        except Exception:  # whatever is wrong with a file, the others go on
            continue
    return read, time.perf_counter() - start


def main() -> None:
    """Measure and print."""
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("folder", nargs="?", type=Path, help="MIDI files, at any depth  [the Bach chorales]")
    arguments.add_argument("--copies", type=int, default=4000, help="files to make of them; 0: as they are  [4000]")
    arguments.add_argument("--rounds", type=int, default=3, help="alternating rounds; medians count  [3]")
    arguments.add_argument("--slow-files", type=int, default=40, help="files for music21, spread evenly  [40]")
    given = arguments.parse_args()
    os.environ.update(dict.fromkeys(THREADS, "1"))
    files = midi_files(given.folder or chorales())
    if not files:
        arguments.error(f"no MIDI files in {given.folder}")
    folder = copies(files, given.copies) if given.copies else (given.folder or chorales())
    files = midi_files(folder)
    some, few = (files[:: max(1, len(files) // count)][:count] for count in (400, given.slow_files))
    tutorial = f"music21, the tutorials' way (on {len(few)} of the files)"
    midi_tok = f"MidiTok REMI, read and tokenise (on {len(some)})"
    mine = {
        (name, workers): partial(_rate, musictool_prepare, folder, name, workers)
        for name in ENCODINGS
        for workers in ((1, 2) if name == "note-chord" else (1,))
    }
    rates = _table.alternate(
        {
            **mine,
            "command": partial(_rate, musictool_command, folder, 1),
            midi_tok: partial(_rate, miditok_remi, some),
            "pretty": partial(_rate, pretty_midi_reading, some),
            tutorial: partial(_rate, music21_tutorial, few),
        },
        given.rounds,
    )
    names = {key: f"musictool prepare, {key[0]}, {key[1]} worker{'s' * (key[1] > 1)}" for key in mine}
    names |= {
        "command": "the command `musictool prepare`, 1 worker",
        "pretty": f"pretty_midi, reading alone ({len(some)})",
    }
    print(f"{_table.machine()}; {len(files)} files, medians of {given.rounds} alternating rounds\n")
    rows = [
        (names.get(key, key), f"{rate:,.1f}", f"{rate / rates[tutorial]:,.1f}", f"{rate / rates[midi_tok]:,.2f}")
        for key, rate in rates.items()
    ]
    print(_table.table(("", "files/s", "x music21", "x MidiTok"), rows) + "\n")
    print(_table.goal("note-chord, 1 worker, against music21's way", rates["note-chord", 1] / rates[tutorial], 20))
    for name, least in ENCODINGS.items():
        print(_table.goal(f"{name}, 1 worker, against MidiTok's REMI", rates[name, 1] / rates[midi_tok], least))
    print(_table.goal("note-chord, 2 workers against 1", rates["note-chord", 2] / rates["note-chord", 1], 1.8))


def _rate(measure: Callable[..., tuple[int, float]], *arguments: object) -> float:
    """Files per second, measured in a process of its own."""
    with get_context("spawn").Pool(1) as pool:
        count, seconds = pool.apply(measure, arguments)
    return count / seconds


if __name__ == "__main__":
    main()
