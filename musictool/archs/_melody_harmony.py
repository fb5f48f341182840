"""What melody-cnn and vae share: the piano goes first, and the others play to it.

A segment's piano follows from the piano before it; guitar, bass, strings and drums follow each from the new piano and
from what the same instrument played before. So an arch of this kind is five parts that `expect` an instrument, and the
likelihood of a segment is the product of theirs.

Source: I. Tham and M. Kim, "Generating Music Using Deep Learning" (2021): MelodyCNN and four Conditional HarmonyCNNs,
MelodyNN and four ConditionalNNs. Honest limit: guitar, bass, strings and drums hear the piano and not one another.
"""

from __future__ import annotations

from abc import abstractmethod
from functools import cached_property
from typing import Any

import numpy as np
from keras import ops

from musictool.archs._segments import COUNTED, Drawing, SegmentsArch, SegmentsNetwork, pairs, plain_drawing
from musictool.compiling import compiled
from musictool.encoded.dataset import Encoded
from musictool.music.instruments import INSTRUMENTS, PIANO
from musictool.music.score import PITCHES

USUAL_CHORDS = 0.99  # of the steps in which an instrument plays have no more keys than are allowed at once


class LedNetwork(SegmentsNetwork):
    """It knows besides how many keys of an instrument sound at once at the most."""

    def __init__(self, **kwargs: Any):
        super().__init__(**kwargs)
        self.most = self.counted("most", PITCHES)


class MelodyHarmonyArch(SegmentsArch):
    """An arch in which the piano leads. A subclass gives its networks, `expect` and `drawn`."""

    @property
    @abstractmethod
    def network(self) -> LedNetwork:
        """That holds what is counted."""

    @property
    def thresholds(self) -> Any:
        return self.network.thresholds

    def settle_thresholds(self, encoded: Encoded) -> None:
        self.network.most.assign(usual_chords(encoded))
        super().settle_thresholds(encoded)

    @abstractmethod
    def expect(self, instrument: int, piano: Any, before: Any, drawn: Any) -> Any:
        """Log-odds of the cells of one instrument.

        Args:
            instrument: an index into INSTRUMENTS.
            piano: float32 0/1 (N, S, P), what the piano plays in the same segment; not looked at for the piano itself.
            before: float32 0/1 (N, S, P), what the instrument itself played in the segment before.
            drawn: a nest of float32 (N, I, ...), as `drawn` gives it.

        Returns:
            float32 (N, S, P).
        """

    @abstractmethod
    def drawn(self, number: int, drawing: Drawing) -> Any:
        """What a new segment of each of `number` pieces is made of besides: a nest of float32 (number, I, ...)."""

    def follow(self, before: np.ndarray, drawing: Drawing, melody: np.ndarray | None = None) -> np.ndarray:
        cut = self.cut(len(before), drawing)
        drawn = self.drawn(len(before), drawing)
        heat = np.float32(drawing.sampler.temperature)
        if melody is None:
            segments = self._write(before, cut, heat, drawn)
        else:
            segments = self._play_to(before, cut, heat, drawn, melody)
        return np.asarray(ops.convert_to_numpy(segments))

    def probabilities(self, before: np.ndarray, segments: np.ndarray) -> np.ndarray:
        drawn = self.drawn(len(before), plain_drawing(0))
        return np.asarray(ops.convert_to_numpy(self._foretell(before, segments, drawn)))

    @cached_property
    def _write(self) -> Any:
        """Compiled: before uint8 0/1 (B, S, P, I), cut that can be broadcast to it, heat, drawn -> 0/1 like before."""

        def write(before: Any, cut: Any, heat: Any, drawn: Any) -> Any:
            before = ops.cast(before, "float32")
            piano = self._sounding(PIANO, None, before, cut, heat, drawn)
            return self._others(piano, before, cut, heat, drawn)

        return compiled(write)

    @cached_property
    def _play_to(self) -> Any:
        """Compiled: the same with what the piano plays, uint8 0/1 (B, S, P), at the end."""

        def play(before: Any, cut: Any, heat: Any, drawn: Any, piano: Any) -> Any:
            return self._others(ops.cast(piano, "float32"), ops.cast(before, "float32"), cut, heat, drawn)

        return compiled(play)

    @cached_property
    def _foretell(self) -> Any:
        """Compiled: before, segments, uint8 0/1 (N, S, P, I), drawn -> probabilities of the same shape."""

        def foretell(before: Any, segments: Any, drawn: Any) -> Any:
            before, segments = ops.cast(before, "float32"), ops.cast(segments, "float32")
            said = [self.expect(i, segments[..., PIANO], before[..., i], drawn) for i in range(len(INSTRUMENTS))]
            return ops.sigmoid(ops.stack(said, axis=-1))

        return compiled(foretell)

    def _sounding(self, instrument: int, piano: Any, before: Any, cut: Any, heat: Any, drawn: Any) -> Any:
        """float32 0/1 (B, S, P). Heat over 1 moves a probability towards a half.

        Of each step only the likeliest keys sound, as many as the instrument plays at once in the corpus: what was a
        little too full would else be answered by what is fuller, and so on.
        """
        logits = self.expect(instrument, piano, before[..., instrument], drawn)
        most = ops.cast(self.network.most[instrument], "int32")
        least = ops.take(ops.sort(logits, axis=-1), logits.shape[-1] - most, axis=-1)[..., None]  # (B, S, 1)
        return ops.cast((ops.sigmoid(logits / heat) > cut[..., instrument]) & (logits >= least), "float32")

    def _others(self, piano: Any, before: Any, cut: Any, heat: Any, drawn: Any) -> Any:
        others = [
            piano if i == PIANO else self._sounding(i, piano, before, cut, heat, drawn) for i in range(len(INSTRUMENTS))
        ]
        return ops.cast(ops.stack(others, axis=-1), self.spec.dtype.name)


def usual_chords(encoded: Encoded) -> np.ndarray:
    """float32 (I,): how many keys of each instrument sound at once, but for the fullest of its steps; at least 1."""
    at_once = [segments.sum(axis=2).reshape(-1, len(INSTRUMENTS)) for _, segments in pairs(encoded, COUNTED)]
    counts = np.concatenate(at_once).T  # (I, steps)
    most = [np.quantile(each[each > 0], USUAL_CHORDS, method="higher") if each.any() else 1 for each in counts]
    return np.array(most, np.float32)
