"""The worker process of the page with one thing replaced: pieces come from arithmetic and not from a model.

A seed of 666 never ends, one of 667 ends the process, and 668 is a mistake in the program.
"""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import Any

import numpy as np

from musictool.atomic import write_json
from musictool.music.score import Score
from musictool.web import child
from musictool.writing import write


def write_piece(tell: Any, midi: Path, model: str, request: dict[str, Any]) -> None:
    seed, bars = request["seed"], request["bars"]
    while seed == 666:
        tell("writing", 0.5)
        time.sleep(0.02)
    if seed == 667:
        os._exit(3)
    if seed == 668:
        raise KeyError("a mistake")
    tell("writing", 1.0)
    pitches = np.random.default_rng(seed).integers(48, 84, bars * 4)
    write(Score.from_notes([(int(pitch), beat, 1) for beat, pitch in enumerate(pitches)]), midi)
    origin = {"model": {"name": model, "folder": "/somewhere/saved_models/x"}, "request": {**request}}
    write_json(midi.with_suffix(".json"), {**origin, "primer_sha256": None})


def excerpt(tell: Any, corpus: str, source: str, seed: int, out: str, counts: str) -> dict[str, Any]:
    tell("choosing")
    pitches = np.random.default_rng(seed).integers(48, 84, 60)
    write(Score.from_notes([(int(pitch), beat, 1) for beat, pitch in enumerate(pitches)]), Path(out))
    return {"piece": f"seed {seed}"}


def run() -> None:
    child._write_piece = write_piece
    child.JOBS |= {"excerpt": excerpt, "count": lambda tell, corpus, folder: {}}
    child.main()
