"""LSTM over four voices: what each sings next, voice after voice, so that each always has one note or a rest.

    P(frame) = product over soprano, bass, tenor, alto of P(what the voice does | all frames before, voices before it)

An LSTM reads the frames. What a voice does is one of 90 things: it strikes one of 88 keys, goes on as it is, or falls
silent. A small network that all keys and voices share sees, around each key, what was sung in the last four frames and
what the voices before it sing now, by distance, and, if `harmony` is true, which pitch classes were sung in the last
bars and to which key the voice would go in parallel with another, and if `rhythm` is true, which of those voices strike
a key now (musictool/layers/voice_head.py). So the likelihood is exact, and what is learnt of a chord holds for its
transpositions.

Source: Liang, "BachBot" (2016), chorales as one sequence of held and struck notes for an LSTM; Hadjeres et al.,
"DeepBach" (2017), a symbol per voice and sixteenth, one of which is "hold"; Johnson (2017), tied weights.
Limit: four voices of one note each; for chords of any number of notes there is chain.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, ClassVar

from musictool.archs._frames import FramesArch, FrameStackOptions, used_keys
from musictool.dataset.dataset import Encoded
from musictool.encoding import Spec
from musictool.errors import BadOption, KindMismatch
from musictool.layers.recurrent_stack import RecurrentStack
from musictool.layers.voice_head import KEYS, VoiceHead
from musictool.music.voices import VOICES
from musictool.options import option


class VoiceLstm(FramesArch):
    """Sum of the keys' embeddings -> `layers` x (LSTM of `width`, dropout) -> a softmax per voice, one by one."""

    name = "voice-lstm"
    DEFAULT_ENCODING = "voices"
    ROW_SHAPE = (2 * VOICES * KEYS,)
    UNNAMED: ClassVar[dict[str, Any]] = {**FramesArch.UNNAMED, "harmony": False, "rhythm": False}
    WINDOW = 128
    BATCH_SIZE = 16
    LEARNING_RATE = 3e-3
    DECAY = "cosine"
    USES_PER_WEIGHT = 20.0  # once for every key of every voice

    @dataclass(frozen=True)
    class Options(FrameStackOptions):
        width: int = option(192, "hidden units per layer", least=1, most=8192)
        layers: int = option(1, "number of LSTM layers", least=1, most=16)
        dropout: float = option(0.2, "dropout rate", least=0, most=0.95)
        hidden: int = option(48, "hidden units per key and voice", least=1, most=1024)
        harmony: bool = option(
            True, "a voice sees the pitch classes of the last bars, and where it would move in parallel with another"
        )
        rhythm: bool = option(True, "a voice sees which of the voices before it strike a key now, and which hold one")
        lowest: int = option(
            0, "lowest key of the network, counted from 0; by default the lowest of the corpus", least=0, most=KEYS - 2
        )
        highest: int = option(KEYS - 1, "highest key; by default the highest of the corpus", least=1, most=KEYS - 1)

        def __post_init__(self) -> None:
            if self.highest <= self.lowest:
                raise BadOption(f"option highest: {self.highest} is not above lowest, {self.lowest}")

    SIZES: ClassVar = {
        "small": {},
        "medium": {"embedding": 256, "width": 512, "hidden": 96},
        "large": {"embedding": 512, "width": 1024, "layers": 2, "hidden": 128},
    }

    def __init__(self, spec: Spec, settings: Any = None, conditions: int = 0):
        super().__init__(spec, settings, conditions)
        if not self.learns_rows_of(spec.shape):
            raise KindMismatch(
                f"the arch {self.name} learns frames of {VOICES} voices x {KEYS} keys, held and struck, and this "
                f"encoding writes {spec.size} numbers per frame; take --encoding voices, or --arch chain"
            )

    def check(self, encoded: Encoded) -> None:
        """Leave out the keys that no training piece uses at any of its transpositions."""
        if (self.options.lowest, self.options.highest) == (0, KEYS - 1):
            self.options = replace(self.options, **used_keys(encoded, KEYS))

    def body(self) -> Any:
        return RecurrentStack("LSTM", self.options.width, self.options.layers, self.options.dropout)

    def head(self) -> VoiceHead:
        settings = self.options
        keys = range(settings.lowest, settings.highest + 1)
        return VoiceHead(self.spec.size, settings.hidden, settings.dropout, keys, settings.harmony, settings.rhythm)
