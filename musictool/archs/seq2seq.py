"""Encoder and decoder with attention, for a band: one track from another, step by step.

Each instrument has an encoder and a decoder (musictool/layers/sequence_to_sequence.py). The piano's encoder reads the
piano's last two bars, and its decoder writes the next two. The encoders of guitar, bass, strings and drums read what
the piano plays in these two bars and what the instrument itself played in the two before; their decoders write a frame
after another, and look at each step at whatever they have read: the same beat of the melody, the beat to come, or the
same place two bars ago. `musictool accompany melody.mid` is this, and nothing else.

Source: D. Bahdanau, K. Cho and Y. Bengio, "Neural Machine Translation by Jointly Learning to Align and Translate"
(2015); attention as in T. Luong, H. Pham and C. Manning (2015). From the melody to the chords, and back, is a task of
A. Shaw's MusicAutobot (2019), whose networks are Transformers over tokens.
Unlike in melody-cnn and vae the cells of a segment depend on those of the steps before, so that the likelihood is
exact. Limit: the keys of a step are independent of one another, as in roll-lstm; guitar, bass, strings and drums see
the piano and not one another. With the thresholds that are counted (`--threshold density`) there is one answer to every
melody; with `--threshold bernoulli` there is another for each seed.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any, ClassVar

from musictool.arch import StackOptions
from musictool.archs._melody_harmony import PianoLedArch, network_inputs
from musictool.archs._polyphony import binarise
from musictool.archs._segments import GeneratingNetwork, SamplingContext
from musictool.engine import ops
from musictool.errors import BadOption
from musictool.layers.sequence_to_sequence import SequenceToSequence
from musictool.music.instruments import DRUMS, INSTRUMENTS, PIANO
from musictool.options import option
from musictool.sampling.guidance import Guidance
from musictool.sampling.sampler import Sampler


class BandNetwork(GeneratingNetwork):
    """A SequenceToSequence for each instrument of segments of a shape (S, P, I); see there for the other arguments."""

    def __init__(self, shape: tuple[int, ...], options: StackOptions, **kwargs: Any):
        steps, pitches, instruments = shape
        super().__init__(instruments, **kwargs)
        self.instruments = [
            SequenceToSequence(
                steps,
                pitches,
                1 if i == PIANO else 2,
                options.embedding,
                options.width,
                options.layers,
                options.dropout,
                hold=i != DRUMS,  # each 1 of a drum is a hit of its own
                name=name,
            )
            for i, name in enumerate(INSTRUMENTS[:instruments])
        ]

    def build(self, shape: Any) -> None:
        for network in self.instruments:
            network.build()

    def call(self, previous: Any, segments: Any, training: bool = False) -> Any:
        """0/1 (N, S, P, I) twice -> nats (N, I): of each instrument's segment, after its last and with the piano's."""
        nats = []
        for i, network in enumerate(self.instruments):
            before, cells = previous[..., i], segments[..., i]
            logits = network(network_inputs(i, segments[..., PIANO], before), before[:, -1], cells, training=training)
            nats.append(ops.sum(ops.softplus(logits) - logits * ops.cast(cells, "float32"), axis=(1, 2)))
        return ops.stack(nats, axis=-1)


class Seq2seq(PianoLedArch):
    """For each instrument GRUs in both directions over what it follows, and one with attention that writes it."""

    name = "seq2seq"
    DEFAULT_NOISE_SD = 0.0  # there is none
    LEARNING_RATE = 2e-3
    USES_PER_WEIGHT: ClassVar[float] = 32.0  # once for each step

    @dataclass(frozen=True)
    class Options(StackOptions):
        embedding: int = option(64, "embedding size", least=1, most=8192)
        width: int = option(96, "hidden units per layer, in each direction", least=1, most=8192)
        layers: int = option(1, "number of layers of encoder and decoder", least=1, most=16)
        dropout: float = option(0.2, "dropout rate", least=0, most=0.95)

    SIZES: ClassVar = {
        "small": {},
        "medium": {"embedding": 128, "width": 192},
        "large": {"embedding": 256, "width": 384, "layers": 2},
    }

    @cached_property
    def network(self) -> BandNetwork:
        """The five networks as one, built."""
        network = BandNetwork(self.spec.shape, self.options, name="network")
        network.build((None, *self.spec.shape))
        return network

    def cells(self, instrument: int, piano: Any, previous: Any, thresholds: Any, temperature: Any, latents: Any) -> Any:
        network, steps = self.network.instruments[instrument], self.spec.shape[0]
        memory = network.memory(network_inputs(instrument, piano, previous))
        most = self.network.max_polyphony[instrument]
        thresholds = thresholds + ops.zeros((steps, 1), "float32")  # (B or 1, S, P or 1)
        thresholds = ops.transpose(thresholds, (1, 0, 2))

        def write_step(i: Any, carry: Any) -> Any:
            frame, state, written = carry
            logits, state = network.step(frame, i, memory, state)
            frame = binarise(logits[:, None], temperature, thresholds[i][:, None], most)[:, 0]
            frame = ops.cast(frame, "float32")
            return frame, state, ops.write(written, (i, 0, 0), frame[None])

        state = network.initial_state(ops.shape(previous)[0])
        written = ops.zeros_like(ops.transpose(previous, (1, 0, 2)))  # (S, B, P)
        *_, written = ops.fori_loop(0, steps, write_step, (previous[:, -1], state, written))
        return ops.transpose(written, (1, 0, 2))

    def cell_logits(self, instrument: int, piano: Any, previous: Any, cells: Any, latents: Any) -> Any:
        sources = network_inputs(instrument, piano, previous)
        return self.network.instruments[instrument](sources, previous[:, -1], cells)

    def context(self, sampler: Sampler, guidance: Guidance, seed: int) -> SamplingContext:
        if sampler.noise_sd is not None:
            raise BadOption(f"--noise-sd: {self.name} has no noise; take --threshold bernoulli for another answer")
        return super().context(sampler, guidance, seed)

    def latent_inputs(self, number: int, context: SamplingContext) -> tuple[()]:
        """Nothing: it has no latents."""
        return ()
