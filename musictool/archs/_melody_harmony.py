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

from musictool.archs._chords import likeliest, sounding
from musictool.archs._segments import Drawing, SegmentsArch, plain_drawing
from musictool.backend.compile import compiled
from musictool.music.instruments import INSTRUMENTS, PIANO


class MelodyHarmonyArch(SegmentsArch):
    """An arch in which the piano leads. A subclass gives its networks, `expect` and `drawn`."""

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
            return ops.sigmoid(likeliest(ops.stack(said, axis=-1), self.network.most))

        return compiled(foretell)

    def _sounding(self, instrument: int, piano: Any, before: Any, cut: Any, heat: Any, drawn: Any) -> Any:
        """float32 0/1 (B, S, P)."""
        logits = self.expect(instrument, piano, before[..., instrument], drawn)
        return ops.cast(sounding(logits, heat, cut[..., instrument], self.network.most[instrument]), "float32")

    def _others(self, piano: Any, before: Any, cut: Any, heat: Any, drawn: Any) -> Any:
        others = [
            piano if i == PIANO else self._sounding(i, piano, before, cut, heat, drawn) for i in range(len(INSTRUMENTS))
        ]
        return ops.cast(ops.stack(others, axis=-1), self.spec.dtype.name)
