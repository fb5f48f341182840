"""The contents of a new model beside its weights: primers, the corpus's typical tempo and metre, its provenance."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Iterable
from itertools import islice
from typing import Any

import numpy as np

from musictool import __version__
from musictool.arch import Arch
from musictool.backend import backend
from musictool.corpus.corpus import Corpus
from musictool.dataset.dataset import Encoded
from musictool.encoding import Encoding
from musictool.music import dynamics
from musictool.music.instruments import DRUM_PROGRAM
from musictool.music.key import KEY_NAMES, NO_KEY
from musictool.music.score import DEFAULT_BPM, Score

PRIMERS = 16  # openings kept in a model
PRIMER_ROWS = 64  # rows of each
MIN_PRIMER_ROWS = 4  # where a row is many time steps
TYPICAL_PIECES = 1000  # pieces that the typical tempo and metre are taken from
DYNAMICS_PIECES = 200  # pieces that the dynamics are measured in


def primers(encoded: Encoded, corpus: Corpus) -> tuple[list[np.ndarray], list[np.ndarray]]:
    """Openings of validation pieces (of training pieces, if there are none), spread evenly over them; and the METRE of
    each of these pieces, as far as the opening goes."""
    pieces = encoded.held_out()
    chosen = pieces[np.linspace(0, len(pieces) - 1, min(PRIMERS, len(pieces))).astype(int)]
    rows = max(MIN_PRIMER_ROWS, PRIMER_ROWS // encoded.spec.steps)
    openings = [np.array(encoded.piece(index)[:rows]) for index in chosen]
    metres = []
    for index, opening in zip(chosen.tolist(), openings, strict=True):
        (score,) = corpus.packed(index, index + 1)
        ends = encoded.encoding.positions(opening)[-1]
        metres.append(score.metres[score.metres["onset_ticks"] <= ends])
    return openings, metres


def typical_music(corpus: Corpus, encoding: Encoding) -> dict[str, Any]:
    """The median tempo, the commonest metre and the dynamics of the corpus, which are those of a sample whose encoding
    has none; how many pieces are in each key, in the order of KEY_NAMES; the programs of the encoding's parts, if most
    pieces have the same; and for tokens that choose instruments, which of them play together."""
    tempos, metres = [], []
    played: list[Score] = []
    for score in islice(corpus.scores(), TYPICAL_PIECES):
        played += [score] * (len(played) < DYNAMICS_PIECES)
        if len(score.tempos):
            tempos.append(float(score.tempos["bpm"][0]))
        if len(score.metres):
            metres.append((int(score.metres["numerator"][0]), int(score.metres["denominator"][0])))
    metre = max(sorted(set(metres)), key=metres.count) if metres else (4, 4)
    bpm = round(float(np.median(tempos)), 2) if tempos else DEFAULT_BPM
    keys = np.bincount(corpus.keys[corpus.keys != NO_KEY], minlength=len(KEY_NAMES)).tolist()
    music = {"bpm": bpm, "metre": list(metre), "dynamics": dynamics.measured(played).to_json(), "keys": keys}
    programs = _programs(played, len(encoding.parts))
    together = ensembles(played) if any(track is not None for track in encoding.instruments()) else []
    return music | ({"programs": programs} if any(programs) else {}) | ({"ensembles": together} if together else {})


def _programs(scores: list[Score], parts: int) -> list[int]:
    """The programs of so many tracks, if most of the pieces that have so many have the same."""
    all_programs = (tuple(track.program for track in score.tracks if not track.is_drum) for score in scores)
    counts = Counter(programs for programs in all_programs if len(programs) == parts)
    return next((list(programs) for programs, count in counts.items() if count > counts.total() / 2), [])


def ensembles(scores: Iterable[Score]) -> list[list[int]]:
    """The different sets of programs, DRUM_PROGRAM for drums, that play in pieces of two instruments or more."""
    sets = {
        tuple(sorted({DRUM_PROGRAM if track.is_drum else track.program for track in score.tracks})) for score in scores
    }
    return [list(programs) for programs in sorted(sets) if len(programs) > 1]


def parameters(arch: Arch) -> int:
    """Trainable numbers in all networks."""
    return sum(int(stage.network.count_params()) for stage in arch.stages)


def provenance(seed: int) -> dict[str, Any]:
    """How a model was made: versions, device, seed, command line."""
    import keras

    return {
        "musictool": __version__,
        "keras": keras.__version__,
        **backend.versions(),
        "numpy": np.__version__,
        "python": sys.version.split()[0],
        "device": backend.device_name(),
        "seed": seed,
        "argv": sys.argv[1:],
    }
