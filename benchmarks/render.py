"""Rendering as a multiple of real time: musictool's own synthesiser, beside FluidSynth if it is installed.

    python benchmarks/render.py [FILE...] [--rounds 3]

Without files: a Bach chorale, a ragtime and a string quartet from music21's collection. Seconds of music per second,
from a Score in memory to a finished file at -14 LUFS; the SoundFont is in memory already. `play` is the player alone,
without loudness and file. `fluidsynth` is the program by itself on the same notes as a MIDI file: it starts, loads its
SoundFont and renders, with reverb and chorus. `lofi` is all that `musictool lofi` does, reading included.

Two goals for each piece: three minutes of music as .wav in 2 s, and as .mp3 in 3 s.
"""

from __future__ import annotations

import argparse
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import _table

GOALS = {"render .wav": 180 / 2, "render .mp3": 180 / 3}  # times real time
PIECES = ("bach/bwv66.6", "joplin/maple_leaf_rag", "haydn/opus74no1/movement3")


def pieces() -> list[Path]:
    """Pieces of music21's collection."""
    from music21 import corpus

    return [Path(corpus.getWork(name)) for name in PIECES]


def contenders(path: Path, folder: Path) -> dict[str, Callable[[], float]]:
    """What is measured on one file: each returns seconds of music per second."""
    from musictool.apps.lofi.lofi import lofi
    from musictool.apps.lofi.options import LofiOptions
    from musictool.reading import read
    from musictool.sound.soundfont import default_path, load
    from musictool.sound.synthesis import sections
    from musictool.writing import write

    score = read(path).scores[0]
    font, out, midi = load(default_path()), folder / "out.wav", folder / "in.mid"
    write(score, midi)
    program = [
        "fluidsynth",
        "-n",
        "-i",
        "-q",
        "-r",
        "44100",
        "-T",
        "wav",
        "-F",
        str(out),
        str(default_path()),
        str(midi),
    ]

    def rate(work: Callable[[], object], seconds: float = score.seconds) -> float:
        start = time.perf_counter()
        work()
        return seconds / (time.perf_counter() - start)

    def whole_lofi() -> float:
        start = time.perf_counter()
        return lofi(path, out, LofiOptions(drums="boom-bap")).seconds / (time.perf_counter() - start)

    measured: dict[str, Callable[[], float]] = {
        "render .wav": lambda: rate(lambda: write(score, out)),
        "render .mp3": lambda: rate(lambda: write(score, folder / "out.mp3")),
        "play": lambda: rate(lambda: list(sections(score, font))),
        "lofi": whole_lofi,
    }
    if shutil.which("fluidsynth"):
        measured["render .wav --fluidsynth"] = lambda: rate(lambda: write(score, out, fluidsynth=True))
        measured["fluidsynth"] = lambda: rate(lambda: subprocess.run(program, check=True, capture_output=True))
    return measured


def main() -> None:
    """Measure and print."""
    from musictool.reading import read

    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("files", nargs="*", type=Path)
    arguments.add_argument("--rounds", type=int, default=3)
    given = arguments.parse_args()
    with tempfile.TemporaryDirectory() as name:
        files = given.files or pieces()
        measured = [_table.alternate(contenders(path, Path(name)), given.rounds) for path in files]
        scores = [read(path).scores[0] for path in files]
    heads = [
        f"{path.stem[:30]} ({len(score.notes):,} notes, {score.seconds:.0f} s)"
        for path, score in zip(files, scores, strict=True)
    ]
    rows = [(what, *(f"{rates[what]:,.0f}" for rates in measured)) for what in measured[0]]
    print(f"{_table.machine()}\n")
    print(_table.table(("times real time", *heads), rows) + "\n")
    for what, least in GOALS.items():
        for path, rates in zip(files, measured, strict=True):
            print(_table.goal(f"{what} of {path.stem} in real time", rates[what], least))


if __name__ == "__main__":
    main()
