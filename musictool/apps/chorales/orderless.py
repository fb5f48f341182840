"""The chorales in sixteenths without an order: nats per frame, each frame in view of others on both sides of it.

The model is coconet, on what the voices hold in each step. It is scored as Huang et al. (2017) score theirs (their
Algorithm 1): the frames of a piece are put in a random order, and each is predicted from those before it in that order,
as they stand in the piece; the voices of a frame one after another, in a random order too, each in view of what the
model takes those before it to be, and not of what they are. The probability of a frame is the product of those of its
voices, and its mean over several orders is what counts. A frame late in the order sees nearly all the others, so that
these nats are no rival of those of models that see the past only.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from keras import ops

from musictool.apps.chorales.batches import ChoraleWindows, Form
from musictool.apps.chorales.kept import KeptResults
from musictool.apps.chorales.options import SCORING, OrderlessSettings
from musictool.apps.chorales.pieces import REST, VOICES, Chorales, Piece, read
from musictool.apps.chorales.published import ORDERLESS_ROWS, is_known
from musictool.apps.chorales.voice_leading import faults, ranges_of
from musictool.apps.polyphony import windows
from musictool.apps.polyphony.course import Course, benchmark_stage, fit
from musictool.apps.polyphony.windows import CLOCK, Window
from musictool.arch import Stage
from musictool.archs.coconet import Coconet
from musictool.backend import backend
from musictool.backend.compile import compiled
from musictool.dataset.windows import Batch
from musictool.encoding import Spec
from musictool.errors import BadFile
from musictool.music.score import KEYBOARD
from musictool.options import build, from_settings
from musictool.sampling.sampler import Sampler
from musictool.training.reporter import Reporter

CROP = 128  # steps of a piece that are scored: eight bars
ESTIMATED = 4096  # steps of a batch of which the nats are estimated
TOGETHER = 96  # frames that are scored side by side


class HeldVoices(Form):
    """Four keyboards of 88 keys, soprano to bass, behind one another; a rest is silence."""

    spec = Spec("frames", (VOICES * len(KEYBOARD),), VOICES * len(KEYBOARD))
    side_inputs = CLOCK

    def rows(self, piece: Piece) -> np.ndarray:
        rows = np.zeros((len(piece) + 1, VOICES, len(KEYBOARD)), np.uint8)
        step, voice = np.nonzero(piece != REST)
        rows[step + 1, voice, piece[step, voice] - KEYBOARD.start] = 1
        return rows.reshape(len(rows), -1)

    def batch(self, pieces: Sequence[np.ndarray], plan: Sequence[Window], steps: int) -> Batch:
        return windows.batch(pieces, plan, steps)


@dataclass(frozen=True)
class OrderlessResult:
    """A finished benchmark: see musictool/apps/chorales/chorales.py.

    Attributes:
        scores: "validation" and, if the file has one, "test" -> nats per frame.
        uniform: nats per frame of all classes as likely as one another.
        faults: "harmonised" and "as they are" -> faults of voice leading (musictool/apps/chorales/voice_leading.py) of
            the sopranos that were harmonised, and of the pieces that these are of; empty if none was.
    """

    chorales: Chorales
    settings: OrderlessSettings
    options: Sequence[str]
    course: Course
    scores: dict[str, float]
    uniform: float
    faults: dict[str, dict[str, float]]
    parameters: int

    def to_json(self) -> dict[str, Any]:
        """All numbers, and the published rows."""
        return {
            "file": self.chorales.name,
            "arch": Coconet.name,
            "protocol": "orderless",
            "parameters": self.parameters,
            "settings": self.settings.to_json(),
            "options": list(self.options),
            "course": asdict(self.course),
            "scores": self.scores,
            "uniform": self.uniform,
            "faults": self.faults,
            "published": [asdict(row) for row in (ORDERLESS_ROWS if is_known(self.chorales) else ())],
        }


def benchmark_orderless(
    data: Chorales | Path,
    *,
    options: Sequence[str] = (),
    folder: Path | None = None,
    reporter: Reporter | None = None,
    **given: Any,
) -> OrderlessResult:
    """Train coconet on the training pieces, choose by the validation pieces, and score.

    Args:
        data: the set, or its JSON file.
        options: "key=value" options of coconet.
        folder: keeps the run, which is then resumed if it was stopped; None to keep nothing.
        reporter: is called as training goes on.
        given: fields of OrderlessSettings.

    Raises:
        BadFile: for a file that is no such set, or has pitches outside of the keyboard.
        BadOption: for a folder that holds a run of other settings.
    """
    data = data if isinstance(data, Chorales) else read(data)
    settings = build(OrderlessSettings, given)
    shifts = settings.transpose.semitones
    for split, pieces in data.splits.items():
        _check_range(pieces, shifts if split == "train" else (0,), data.name)
    backend.configure("float32", settings.seed)
    model = OrderlessModel(data.splits["train"], shifts, options)
    results = None
    if folder is not None:
        results = KeptResults.of_run(folder, "orderless", options, settings.to_json(), SCORING)
    stage = model.stage(settings.weight_decay, lambda: model.estimate(data.splits["validation"]))
    source = ChoraleWindows(data.splits["train"], model.form, settings.frames, shifts, settings.seed)
    course = fit(stage, source, settings.run, reporter or Reporter(), results)
    splits = [split for split in ("validation", "test") if split in data.splits]
    scores: dict[str, float] = {
        split: model.score(data.splits[split], settings.orders, settings.scored, settings.seed) for split in splits
    }
    uniform = float(VOICES * np.log(model.arch.network.classes))
    composed = data.splits["validation"][: settings.harmonise]
    counted: dict[str, dict[str, float]] = {}
    if composed:
        ranges, written = ranges_of(data.splits["train"]), model.harmonised(composed, settings.seed)
        counted = {"harmonised": faults(written, ranges), "as they are": faults(composed, ranges)}
    return OrderlessResult(data, settings, options, course, scores, uniform, counted, model.parameters)


class OrderlessModel:
    """coconet, and its score.

    Args:
        training: the training pieces.
        shifts: semitones by which they will be transposed.
        settings: "key=value" options of the arch.
    """

    def __init__(self, training: Sequence[Piece], shifts: Sequence[int], settings: Sequence[str] = ()):
        self.form = HeldVoices()
        pitches = np.concatenate([piece[piece != REST] for piece in training]) - KEYBOARD.start
        lowest = max(0, int(pitches.min(initial=len(KEYBOARD) - 12)) + min(shifts))
        highest = min(len(KEYBOARD) - 1, int(pitches.max(initial=0)) + max(shifts))
        lowest = min(lowest, len(KEYBOARD) - 12)
        keys = {"lowest": lowest, "highest": max(highest, lowest + 11), "bar_positions": False}
        self.arch = Coconet(self.form.spec, from_settings(Coconet.Options, settings, keys))
        self.network = self.arch.network
        self._losses = compiled(lambda *batch: self.arch.loss_and_metrics(Batch(*batch), False)[0])

    @property
    def parameters(self) -> int:
        """Numbers in the network that are trained."""
        return sum(int(np.prod(weight.shape)) for weight in self.network.trainable_variables)

    def stage(self, weight_decay: float, evaluate: Callable[[], float]) -> Stage:
        """What is trained: all weights by AdamW, chosen by the smallest of what `evaluate` returns."""
        return benchmark_stage(self.network, self.arch.loss_and_metrics, weight_decay, evaluate)

    def estimate(self, pieces: Sequence[Piece], steps: int = ESTIMATED) -> float:
        """Nats per frame as the loss estimates them, from one random part of each piece that is hidden; the part is the
        same in every call. It is quick, and what an epoch is chosen by.

        Args:
            steps: in a batch at most; of the pieces in a batch, shares are hidden that are spread from none to all.
        """
        rows, sums = [self.form.rows(piece) for piece in pieces], np.zeros(2)
        plan = windows.scoring_windows(rows)
        for group in windows.grouped(plan, steps):
            batch = self.form.batch(rows, [plan[index] for index in group], steps)
            nats = ops.convert_to_numpy(self._losses(*batch)).astype(np.float64)
            sums += (nats * batch.mask).sum(), batch.mask.sum()
        return float(sums[0] / sums[1])

    def score(self, pieces: Sequence[Piece], orders: int, scored: int, seed: int) -> float:
        """Nats per frame by Algorithm 1, the mean over frames of eight bars, drawn by the seed, of each piece.

        Args:
            orders: of the frames of each piece; the probability of a frame is the mean over them.
            scored: frames of each piece that are scored, drawn as well; 0 for all. As each is predicted from others as
                they stand in the piece, the mean over some is that over all, but for chance.
        """
        rng = np.random.default_rng(seed)
        crops = [self._crop(piece, rng) for piece in pieces]
        truth, is_there = np.zeros((len(crops), CROP, VOICES), np.int32), np.zeros((len(crops), CROP), np.float32)
        number, frame, is_hidden = [], [], []
        for index, crop in enumerate(crops):
            steps = len(crop)
            truth[index, :steps], is_there[index, :steps] = crop, 1
            chosen = rng.choice(steps, min(scored or steps, steps), replace=False)
            ranks = np.stack([np.append(rng.permutation(steps), np.full(CROP - steps, steps)) for _ in range(orders)])
            for each in chosen:  # what comes no earlier in an order is hidden
                number += [index] * orders
                frame += [each] * orders
                is_hidden.append(ranks >= ranks[:, each, None])
        nats = self._frame_nats(truth, is_there, np.array(number), np.array(frame), np.concatenate(is_hidden), rng)
        by_order = -nats.reshape(-1, orders)
        return float((np.log(orders) - np.logaddexp.reduce(by_order, axis=1)).mean())

    def harmonised(self, pieces: Sequence[Piece], seed: int) -> list[Piece]:
        """The pieces with all voices but the soprano written anew."""
        written = []
        for number, piece in enumerate(pieces):
            rows = self.form.rows(piece)[1:]
            is_free = np.broadcast_to(np.arange(VOICES) > 0, piece.shape)
            rows = self.arch.infill(rows, is_free, Sampler(), seed + number)[0].reshape(len(piece), VOICES, -1)
            written.append(np.where(rows.any(axis=-1), rows.argmax(axis=-1) + KEYBOARD.start, REST))
        return written

    def _crop(self, piece: Piece, rng: np.random.Generator) -> np.ndarray:
        """int32 (T, V): the classes of CROP steps of a piece, or of all of a shorter one."""
        begin = int(rng.integers(0, max(0, len(piece) - CROP) + 1))
        rows = self.form.rows(piece[begin : begin + CROP])[1:]
        return np.asarray(ops.convert_to_numpy(self.arch.classes_of(rows)), np.int32)

    def _frame_nats(
        self,
        truth: np.ndarray,
        is_there: np.ndarray,
        number: np.ndarray,
        frame: np.ndarray,
        is_hidden: np.ndarray,
        rng: np.random.Generator,
    ) -> np.ndarray:
        """float64 (F,): nats of each of F frames, given those of its piece that are not hidden.

        Args:
            truth, is_there: int32 (P, CROP, V) and float32 (P, CROP), the pieces.
            number, frame: int (F,), of which piece it is, and which frame of it.
            is_hidden: bool (F, CROP), the frame itself among them.
        """
        voices = np.argsort(rng.random((len(frame), VOICES)), axis=1)
        nats = np.zeros(len(frame))
        for first in range(0, len(frame), TOGETHER):
            part = slice(first, first + TOGETHER)
            pieces, at = number[part], frame[part]
            rows = np.arange(len(at))
            seen = truth[pieces].copy()  # (n, CROP, V)
            hidden = np.repeat(is_hidden[part, :, None], VOICES, axis=2).astype(np.float32)
            for voice in voices[part].T:
                log_p = self._log_probabilities(seen, hidden, is_there[pieces], at.astype(np.int32))
                log_p = ops.convert_to_numpy(log_p)[rows, voice]  # (n, C)
                nats[part] -= log_p[rows, truth[pieces, at, voice]]
                seen[rows, at, voice], hidden[rows, at, voice] = log_p.argmax(axis=-1), 0
        return nats

    @cached_property
    def _log_probabilities(self) -> Callable[..., Any]:
        """Compiled: classes int32 (n, T, V), what is hidden (n, T, V), what is there (n, T), a frame of each int32 (n,)
        -> log probabilities of the voices of that frame, (n, V, C)."""

        def log_probabilities(classes: Any, is_hidden: Any, is_there: Any, frame: Any) -> Any:
            logits = self.network(classes, 1.0 - is_hidden, is_there, ops.zeros((*ops.shape(is_there), 0)))
            chosen = ops.take_along_axis(logits, frame[:, None, None, None], axis=1)[:, 0]
            return ops.log_softmax(chosen, axis=-1)

        return compiled(log_probabilities)


def _check_range(pieces: Sequence[Piece], shifts: Sequence[int], name: str) -> None:
    pitches = np.concatenate([piece[piece != REST] for piece in pieces])
    if len(pitches) and not (
        int(pitches.min()) + min(shifts) in KEYBOARD and int(pitches.max()) + max(shifts) in KEYBOARD
    ):
        raise BadFile(
            "pitches out of range",
            f"{name} has pitches that leave the piano, {KEYBOARD.start} to {KEYBOARD[-1]}, as they are or transposed",
        )
