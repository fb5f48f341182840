"""The worker process of the page with one thing replaced: pieces come from arithmetic and not from a model.

A seed of 666 never ends, one of 667 ends the process, and 668 is a mistake in the program.
"""

from __future__ import annotations

import os
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from musictool.atomic import write_json
from musictool.errors import MusictoolError
from musictool.music.score import Score, sort_notes
from musictool.web import child, jobs
from musictool.writing import write


def write_piece(report: Any, midi: Path, model: str, request: dict[str, Any]) -> None:
    seed, bars = request["seed"], request["bars"]
    while seed == 666:
        report("writing", 0.5)
        time.sleep(0.02)
    if seed == 667:
        os._exit(3)
    if seed == 668:
        raise KeyError("a mistake")
    report("writing", 1.0)
    pitches = np.random.default_rng(seed).integers(48, 84, bars * 4)
    write(Score.from_notes([(int(pitch), beat, 1) for beat, pitch in enumerate(pitches)]), midi)
    origin = {"model": {"name": model, "folder": "/somewhere/saved_models/x"}, "request": {**request}}
    write_json(midi.with_suffix(".json"), {**origin, "primer_sha256": None})


def excerpt(report: Any, corpus: str, source: str, seed: int, out: str, counts: str) -> dict[str, Any]:
    report("choosing")
    pitches = np.random.default_rng(seed).integers(48, 84, 60)
    write(Score.from_notes([(int(pitch), beat, 1) for beat, pitch in enumerate(pitches)]), Path(out))
    return {"piece": f"seed {seed}"}


def write_infill(report: Any, source: Path, midi: Path, model: str, request: dict[str, Any]) -> None:
    """Every other note that is not locked, a semitone higher, to the end of the piece."""
    while request["seed"] == 666:
        report("writing", 0.5)
        time.sleep(0.02)
    score = jobs._read(source)
    if request.get("bars") == "99":
        raise MusictoolError(f"--bars 99: {source.name} has {score.bars} bars")
    notes = score.notes.copy()
    if request.get("voices"):
        bass = notes.copy()
        bass["pitch"] -= 12
        notes = np.concatenate([notes, bass])
    else:
        locked = {int(number) - 1 for number in request.get("lock", "").split(",") if number}
        free = [index for index in range(0, len(notes), 2) if index not in locked]
        notes["pitch"][free] += 1
    write(replace(score, notes=sort_notes(notes)), midi)
    values = {"command": "infill", "file": str(source), **request}
    origin = {"model": {"name": model, "folder": "/somewhere/saved_models/x"}, "request": values}
    write_json(midi.with_suffix(".json"), {**origin, "primer_sha256": "of the source"})


def run() -> None:
    jobs._write_piece, jobs._write_infill = write_piece, write_infill
    jobs.JOBS |= {"excerpt": excerpt, "count": lambda report, corpus, folder: {}}
    child.main()
