"""Files a second: `musictool prepare` beside the tutorials' way, pretty_midi and MidiTok, on one folder of MIDI.

    python benchmarks/prepare.py [FOLDER] [--rounds 5] [--slow-files 40]

Without a FOLDER it takes the Bach chorales of music21's collection, exported as MIDI once (about a minute, not timed)
into the temporary folder. Every measurement runs in a fresh process with one thread for each numerical library; what a
contender imports is not counted, what `prepare` starts (its reading processes) is. benchmarks/README.md has more.
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

THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
SUFFIXES = {".mid", ".midi"}


def musictool_prepare(folder: Path, workers: int) -> tuple[int, float]:
    """Cold, into an empty home: reading, notes.h5, files.csv, the note-chord vocabulary and encoding."""
    from musictool.preparation import prepare as preparation

    with tempfile.TemporaryDirectory() as home:
        os.environ["MUSICTOOL_HOME"] = home
        start = time.perf_counter()
        prepared = preparation.prepare(folder, workers=workers)
        seconds = time.perf_counter() - start
    assert prepared.encoded, prepared.remark
    return prepared.corpus.info["files"]["read"], seconds


def musictool_command(folder: Path, workers: int) -> tuple[int, float]:
    """The same as a command, from the prompt to the next prompt."""
    command = [sys.executable, "-m", "musictool.cli._main", "prepare", str(folder), "--workers", str(workers), "--json"]
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


def chorales() -> Path:
    """The Bach chorales as MIDI, written by music21 on the first call."""
    from musictool.atomic import replacing_folder
    from musictool.preparation import sources

    folder = Path(tempfile.gettempdir()) / "musictool-benchmarks" / "bach-midi"
    if not folder.is_dir():
        import tqdm
        from music21 import converter

        bach = sources.find("bach")
        folder.parent.mkdir(exist_ok=True)
        with replacing_folder(folder) as growing:
            for name in tqdm.tqdm(bach.files, "exporting chorales", leave=False):
                converter.parse(bach.root / name).write("midi", growing / f"{Path(name).stem}.mid")
    return folder


def main() -> None:
    """Measure and print."""
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("folder", nargs="?", type=Path, help="MIDI files, at any depth  [the Bach chorales]")
    arguments.add_argument("--rounds", type=int, default=5, help="alternating rounds; medians count  [5]")
    arguments.add_argument("--slow-files", type=int, default=40, help="files for music21, spread evenly  [40]")
    given = arguments.parse_args()
    import _table

    os.environ.update(dict.fromkeys(THREADS, "1"))
    folder = (given.folder or chorales()).resolve()
    files = sorted(path for path in folder.rglob("*") if path.suffix.lower() in SUFFIXES)
    if not files:
        arguments.error(f"no MIDI files in {folder}")
    some = files[:: max(1, len(files) // given.slow_files)][: given.slow_files]
    mine, command = "musictool prepare", "musictool prepare, the command"
    tutorial = f"music21, the tutorials' way (on {len(some)} of the files)"
    midi_tok = "MidiTok REMI, read and tokenise"
    rates = _table.alternate(
        {
            f"{mine}, 1 worker": partial(_rate, musictool_prepare, folder, 1),
            midi_tok: partial(_rate, miditok_remi, files),
            f"{mine}, 2 workers": partial(_rate, musictool_prepare, folder, 2),
            f"{command}, 1 worker": partial(_rate, musictool_command, folder, 1),
            "pretty_midi, reading alone": partial(_rate, pretty_midi_reading, files),
            tutorial: partial(_rate, music21_tutorial, some),
        },
        given.rounds,
    )
    print(f"{_table.machine()}; {len(files)} files, medians of {given.rounds} alternating rounds\n")
    rows = [(name, f"{rate:,.1f}", f"{rate / rates[tutorial]:,.1f}") for name, rate in rates.items()]
    print(_table.table(("", "files/s", "x music21"), rows) + "\n")
    one = rates[f"{mine}, 1 worker"]
    print(_table.goal("prepare with 1 worker against music21's way", one / rates[tutorial], 20))
    print(_table.goal("prepare with 1 worker against MidiTok's REMI", one / rates[midi_tok], 1))


def _rate(measure: Callable[..., tuple[int, float]], *arguments: object) -> float:
    """Files a second, measured in a process of its own."""
    with get_context("spawn").Pool(1) as pool:
        count, seconds = pool.apply(measure, arguments)
    return count / seconds


if __name__ == "__main__":
    main()
