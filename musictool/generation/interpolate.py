"""From one piece to another through the latents between them.

`interpolate` is the function behind `musictool interpolate`. Both pieces are cut into segments, and the first segment
of one is interpolated with the first of the other, the second with the second, and so on; the shorter piece begins
again until the longer one ends. Latents of a Gaussian lie near a sphere, so interpolation is spherical (White,
"Sampling Generative Networks", 2016). Limit: the ends are the pieces as the model reconstructs them, which is not note
for note.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np

from musictool.errors import BadOption
from musictool.generation.latents import require_latent_arch, require_segments
from musictool.models.model import Model
from musictool.music.grid import to_ticks
from musictool.music.score import METRE, TEMPO, Score
from musictool.progress import Progress
from musictool.reading import MAX_QUARTERS, read_named
from musictool.sampling.sampler import Sampler

DEFAULT_STEPS = 8
PLAIN = Sampler()
_PARALLEL = 1e-4  # radians; nearer than this the way over the sphere is the straight one


def interpolate(
    model: Model,
    first: Path,
    second: Path,
    steps: int = DEFAULT_STEPS,
    bars: int | None = None,
    sampler: Sampler = PLAIN,
    seed: int = 0,
    velocity: str = "expressive",
    progress: Progress = lambda done, total: None,
) -> Score:
    """All versions one after another, from the first piece to the second, both included.

    Args:
        model: one with latents.
        first, second: music files; of one with several pieces, the first.
        steps: versions, at least 2.
        bars: of each version, from the beginning of the pieces, rounded up to whole segments of two; None for all.
        sampler: its temperature and threshold.
        seed: fixes the draws of a threshold that draws, and the velocities.
        velocity: "expressive", as loud as the corpus plays, or "flat".
        progress: called with how many versions are written, and how many there will be.

    Raises:
        BadOption: if the model has no latents, a number is too small, or all versions together are longer than what is
            read again (musictool/reading.py).
        BadFile, NoMusic: for a piece that cannot be read, or has no note.
    """
    arch = require_latent_arch(model, "interpolate")
    if steps < 2:
        raise BadOption(f"--steps {steps} is not at least 2, the two pieces themselves")
    if bars is not None and bars < 1:
        raise BadOption(f"--bars {bars} is not at least 1")
    scores = [read_named(path).scores[0] for path in (first, second)]
    rows = [require_segments(model, score, str(path)) for score, path in zip(scores, (first, second), strict=True)]

    # the latents of each segment, those of the shorter piece repeated
    length = max(map(len, rows)) if bars is None else -(-bars // 2)  # T
    _check_length(model, steps, length)
    ends = (arch.latents(piece[:length]) for piece in rows)
    a, b = (np.resize(latents, (length, *latents.shape[1:])) for latents in ends)  # (T, ..., Z)
    shares = np.linspace(0, 1, steps)
    written = np.zeros((steps * length, *model.spec.shape), model.spec.dtype)
    for number, share in enumerate(shares):
        version = arch.decode_latents(between(a, b, share), sampler, _seed_of(seed, number))
        written[number * length : (number + 1) * length] = version
        progress(number + 1, steps)
    music = model.encoding.decode(written).transpose(-model.semitones_for(scores[0]))
    music = replace(music, tempos=_tempos(model, scores, shares, length), metres=_metre(model)).drop_empty_tracks()
    return model.with_velocities(music, velocity, seed)


def _check_length(model: Model, steps: int, length: int) -> None:
    """Raises BadOption for so many versions of so many segments that no program of ours would read them."""
    quarters = length * model.spec.steps / model.encoding.options.steps_per_quarter
    if steps * quarters > MAX_QUARTERS:
        raise BadOption(
            f"--steps {steps} make {steps * quarters:,.0f} quarter notes of these pieces, and {MAX_QUARTERS:,} are the "
            "most that are read; take fewer, or less of each version with --bars"
        )


def _seed_of(seed: int, number: int) -> int:
    """Of each version another; of the first that of all."""
    return int(np.random.SeedSequence((seed, number)).generate_state(1)[0]) if number else seed


def between(a: np.ndarray, b: np.ndarray, share: float) -> np.ndarray:
    """float32 (..., Z): so far on the way from `a` to `b` over the sphere; at 0 and 1 exactly these.

    Spherical interpolation of the directions (Shoemake 1985), and linear interpolation of the lengths.
    """
    # length and direction of each vector, and the angle between both
    lengths = [np.linalg.norm(vector, axis=-1, keepdims=True) for vector in (a, b)]  # (..., 1)
    units = [vector / np.maximum(length, 1e-9) for vector, length in zip((a, b), lengths, strict=True)]  # (..., Z)
    angle = np.arccos(np.clip((units[0] * units[1]).sum(axis=-1, keepdims=True), -1, 1))  # (..., 1)

    # a straight line where the vectors are parallel, or one has no direction
    is_straight = (angle < _PARALLEL) | (angle > np.pi - _PARALLEL) | (np.minimum(*lengths) < 1e-9)
    sine = np.where(is_straight, 1, np.sin(angle))
    direction = (np.sin((1 - share) * angle) * units[0] + np.sin(share * angle) * units[1]) / sine
    arc = ((1 - share) * lengths[0] + share * lengths[1]) * direction  # (..., Z)
    return np.where(is_straight, (1 - share) * a + share * b, arc).astype(np.float32)


def _tempos(model: Model, scores: list[Score], shares: np.ndarray, length: int) -> np.ndarray:
    """TEMPO (steps,): one for each version, on the way from the first piece's to the second's."""
    bpm = [float(score.tempos["bpm"][0]) if len(score.tempos) else model.info["music"]["bpm"] for score in scores]
    steps = np.arange(len(shares)) * length * model.spec.steps
    onsets = to_ticks(steps, model.encoding.options.steps_per_quarter)
    return np.array(list(zip(onsets, (1 - shares) * bpm[0] + shares * bpm[1], strict=True)), TEMPO)


def _metre(model: Model) -> np.ndarray:
    return np.array([(0, *model.info["music"]["metre"])], METRE)
