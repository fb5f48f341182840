"""Transformer that fills in: bars, tracks or notes of several tracks, given what stands before, beside and behind them.

In training a part of each window is taken out, and written behind the rest: spans of bars, whole tracks, the melody or
what goes with it, single notes (musictool/dataset/blanks.py). All blanks are seen before the first one is filled, so
the network need only look back: it is the causal Transformer of `transformer`, which writes a token at a time from a
cache, gives each infill an exact likelihood, and writes as many notes as it likes. Masked tokens in place, as in BERT
and in MusicAutobot's multitask model, would see both sides in one pass, but fix how many tokens a part has, give no
likelihood, and run the whole window again for each token. What is lost: what is given is read from left to right, so
that a bar before a blank is read without what comes behind it.

Source: Donahue, Lee, Liang, "Enabling Language Models to Fill in the Blanks" (2020); Ens and Pasquier, "MMM: Exploring
Conditional Multi-Track Music Generation with the Transformer" (2020); the tasks after Shaw, MusicAutobot (2019).
Limit: it finds bars in note-duration alone; of any other encoding it learns the next token, and cannot fill in. What it
sees at once are `context` tokens, with the part to write among them: the bars around it, if a piece is longer.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from musictool.arch import BlanksArch
from musictool.archs._attention import BandedArch, BandedOptions
from musictool.backend.compile import compiled
from musictool.dataset.blanks import TASKS, Blanks, BlankTasks
from musictool.dataset.dataset import Encoded
from musictool.encoding import Encoding
from musictool.engine import ops
from musictool.engine.current import in_own_engine
from musictool.errors import BadOption
from musictool.options import option

log = logging.getLogger(__name__)


class MaskTransformer(BandedArch, BlanksArch):
    """embedding -> `layers` x (banded attention, feed-forward) -> logits; trained on windows with blanks."""

    name = "mask-transformer"
    DEFAULT_ENCODING = "note-duration"
    supports_conditions = False  # behind a blank they would stand beside other music than theirs
    WINDOW = 512
    BATCH_SIZE = 8

    @dataclass(frozen=True)
    class Options(BandedOptions):
        context: int = option(512, "tokens that each layer attends to; at most the training window", least=2, most=8192)
        bars: float = option(3.0, "how often bars are masked, relative to the other tasks", least=0, most=1000)
        tracks: float = option(3.0, "how often whole tracks are", least=0, most=1000)
        lines: float = option(1.0, "how often the melody, the bass or all but the melody are", least=0, most=1000)
        notes: float = option(1.0, "how often single notes are", least=0, most=1000)
        plain: float = option(1.0, "how often nothing is, and only the next token is learnt", least=0, most=1000)

        def __post_init__(self) -> None:
            super().__post_init__()
            if not sum(getattr(self, task) for task in TASKS):
                raise BadOption(
                    f"options {', '.join(TASKS)}: one of them must be above 0, or there is nothing to learn"
                )

    @property
    def context(self) -> int:
        return int(self.options.context)

    def check(self, encoded: Encoded) -> None:
        if not Blanks.fits(encoded.encoding):
            log.warning("bars are found in note-duration alone: without it %s cannot fill in", self.name)

    def task(self, encoding: Encoding) -> BlankTasks | None:
        if not Blanks.fits(encoding):
            return None
        return BlankTasks(Blanks(encoding), [getattr(self.options, task) for task in TASKS])

    @in_own_engine
    def answer(self, rows: np.ndarray, choose: Callable[[np.ndarray], int | None]) -> list[int]:
        row, state = self.prefill(rows[None])
        constants = self.network.constants()
        written: list[int] = []
        conditions = np.zeros((1, self.conditions), np.float32)
        while True:
            logits, state = self._step(row, conditions, state, constants)
            token = choose(ops.convert_to_numpy(logits)[0])
            if token is None:
                return written
            written.append(token)
            row = ops.convert_to_tensor(np.array([token], np.int32))

    @cached_property
    def _step(self) -> Callable[..., Any]:
        """Compiled: a token int32 (1,), its conditions, the state before it -> logits (1, V), the state after it."""

        def step(row: Any, conditions: Any, state: Any, constants: Any) -> tuple[Any, Any]:
            features, state = self.network.step(row, conditions, state, constants)
            return self.network.logits(features, constants), state

        return compiled(step)
