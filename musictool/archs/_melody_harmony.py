"""What melody-cnn and seq2seq share: the piano goes first, and the others play to it.

A segment's piano follows from the piano before it; guitar, bass, strings and drums follow each from the new piano and
from what the same instrument played before. So an arch of this kind is five networks that predict an instrument each,
and the likelihood of a segment is the product of theirs. They draw the cells of a segment all at once
(MelodyHarmonyArch: `instrument_logits`) or one part after another (PianoLedArch: `cells` and `cell_logits`).

Source: I. Tham and M. Kim, "Generating Music Using Deep Learning" (2021): MelodyCNN and four Conditional HarmonyCNNs,
MelodyNN and four ConditionalNNs. Limit: guitar, bass, strings and drums see the piano and not one another.
"""

from __future__ import annotations

from abc import abstractmethod
from functools import cached_property
from typing import Any

import numpy as np

from musictool.arch import AccompanimentArch, Stage
from musictool.archs._polyphony import binarise, top_k_per_step
from musictool.archs._segments import SamplingContext, SegmentsArch, default_context, flatten_windows, unflatten_windows
from musictool.backend.compile import compiled
from musictool.dataset.windows import Batch
from musictool.engine import ops
from musictool.engine.current import in_own_engine
from musictool.music.instruments import PIANO


class PianoLedArch(SegmentsArch, AccompanimentArch):
    """An arch in which the piano leads. A subclass gives its `network`, `cells`, `cell_logits` and `latent_inputs`. It
    is trained by the nats that the network gives of each instrument, unless it has other `stages`."""

    @cached_property
    def stages(self) -> list[Stage]:
        metrics = ("loss", *self.instruments)
        return [Stage("network", self.network, self._loss_and_metrics, metrics, calibrate=self.calibrate)]

    def _loss_and_metrics(self, batch: Batch, training: bool) -> tuple[Any, ...]:
        nats = self.network(flatten_windows(batch.x), flatten_windows(batch.y), training=training)  # (B x L, I)
        by_instrument = [unflatten_windows(nats[:, i], batch.y) for i in range(len(self.instruments))]
        return (sum(by_instrument), *by_instrument)

    @abstractmethod
    def cells(self, instrument: int, piano: Any, previous: Any, thresholds: Any, temperature: Any, latents: Any) -> Any:
        """What one instrument plays, drawn.

        Args:
            instrument: an index into `instruments`.
            piano: float32 0/1 (B, S, P), what the piano plays in the same segment; None for the piano itself.
            previous: float32 0/1 (B, S, P), what the instrument itself played in the segment before.
            thresholds: float32, broadcast to (B, S, P): what the probabilities are compared with.
            temperature: divides the logits.
            latents: as `latent_inputs` gives them.

        Returns:
            float32 0/1 (B, S, P).
        """

    @abstractmethod
    def cell_logits(self, instrument: int, piano: Any, previous: Any, cells: Any, latents: Any) -> Any:
        """The logits of what an instrument plays, float32 (N, S, P), each in view of what is drawn before it.

        Args:
            instrument, piano, previous, latents: as of `cells`.
            cells: float32 0/1 (N, S, P), what it plays.
        """

    @abstractmethod
    def latent_inputs(self, number: int, context: SamplingContext) -> Any:
        """What is drawn for a new segment of each of `number` pieces: a nest of float32 (number, I, ...)."""

    @in_own_engine
    def next_segment(
        self, history: np.ndarray, context: SamplingContext, melody: np.ndarray | None = None
    ) -> np.ndarray:
        previous = history[:, -1]
        thresholds = self.thresholds(len(previous), context)
        latents = self.latent_inputs(len(previous), context)
        temperature = np.float32(context.sampler.temperature)
        if melody is None:
            segments = self._write(previous, thresholds, temperature, latents)
        else:
            segments = self._accompany(previous, thresholds, temperature, latents, melody)
        return np.asarray(ops.convert_to_numpy(segments))

    @in_own_engine
    def probabilities(self, history: np.ndarray, segments: np.ndarray) -> np.ndarray:
        latents = self.latent_inputs(len(history), default_context(0))
        return np.asarray(ops.convert_to_numpy(self._predict(history[:, -1], segments, latents)))

    @cached_property
    def _write(self) -> Any:
        """Compiled: previous uint8 0/1 (B, S, P, I), thresholds broadcast to it, temperature, latents -> 0/1 the same
        shape."""

        def write(previous: Any, thresholds: Any, temperature: Any, latents: Any) -> Any:
            previous = ops.cast(previous, "float32")
            piano = self.cells(PIANO, None, previous[..., PIANO], thresholds[..., PIANO], temperature, latents)
            return self._band(piano, previous, thresholds, temperature, latents)

        return compiled(write)

    @cached_property
    def _accompany(self) -> Any:
        """Compiled: the same with what the piano plays, uint8 0/1 (B, S, P), as the last argument."""

        def accompany(previous: Any, thresholds: Any, temperature: Any, latents: Any, piano: Any) -> Any:
            piano, previous = ops.cast(piano, "float32"), ops.cast(previous, "float32")
            return self._band(piano, previous, thresholds, temperature, latents)

        return compiled(accompany)

    @cached_property
    def _predict(self) -> Any:
        """Compiled: previous, segments, uint8 0/1 (N, S, P, I), latents -> probabilities of the same shape."""

        def predict(previous: Any, segments: Any, latents: Any) -> Any:
            previous, segments = ops.cast(previous, "float32"), ops.cast(segments, "float32")
            logits = [
                self.cell_logits(i, segments[..., PIANO], previous[..., i], segments[..., i], latents)
                for i in range(len(self.instruments))
            ]
            return ops.sigmoid(top_k_per_step(ops.stack(logits, axis=-1), self.network.max_polyphony))

        return compiled(predict)

    def _band(self, piano: Any, previous: Any, thresholds: Any, temperature: Any, latents: Any) -> Any:
        """0/1 (B, S, P, I), the piano as given and all others to it."""
        cells = [
            piano if i == PIANO else self.cells(i, piano, previous[..., i], thresholds[..., i], temperature, latents)
            for i in range(len(self.instruments))
        ]
        return ops.cast(ops.stack(cells, axis=-1), self.spec.dtype.name)


class MelodyHarmonyArch(PianoLedArch):
    """An arch that draws all cells of an instrument at once. A subclass gives its networks, `instrument_logits` and
    `latent_inputs`."""

    @abstractmethod
    def instrument_logits(self, instrument: int, piano: Any, previous: Any, latents: Any) -> Any:
        """The logits of the cells of one instrument, float32 (N, S, P); see PianoLedArch.cells. The piano is not looked
        at for the piano itself."""

    def cells(self, instrument: int, piano: Any, previous: Any, thresholds: Any, temperature: Any, latents: Any) -> Any:
        logits = self.instrument_logits(instrument, piano, previous, latents)
        return ops.cast(binarise(logits, temperature, thresholds, self.network.max_polyphony[instrument]), "float32")

    def cell_logits(self, instrument: int, piano: Any, previous: Any, cells: Any, latents: Any) -> Any:
        return self.instrument_logits(instrument, piano, previous, latents)


def network_inputs(instrument: int, piano: Any, previous: Any) -> tuple[Any, ...]:
    """The input segments of an instrument's network: its own last one, and the piano's new one if it is another."""
    return (previous,) if instrument == PIANO else (previous, piano)
