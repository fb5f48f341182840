"""What the encodings share whose tokens are MidiTok's: the library, the vocabulary, transposing.

MidiTok (Fradet et al. 2021) turns a piece into tokens and tokens into a piece. Here its ids become base tokens of
this program (FIRST_TOKEN.., its own special tokens left out), notes are put on its grid before it gets them (see
_miditok_score.py), and, if asked for, tokens are merged (see _merges.py). The vocabulary holds the base tokens as text,
so that a saved model keeps its tokens where a later MidiTok counts in another order.

MidiTok is imported when an encoding is made, not before: musictool installs and lists without it.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from functools import cache
from typing import Any, ClassVar

import numpy as np

from musictool.encoding import FIRST_TOKEN, Encoding, Spec
from musictool.encodings._merges import Merges
from musictool.encodings._miditok_score import (
    BEATS,
    BPM_STEP,
    FASTEST_BPM,
    LONG_BEATS,
    LONGEST_BEATS,
    PITCH_RANGE,
    SLOWEST_BPM,
    Grid,
)
from musictool.errors import BadModel, BadOption, MusictoolError
from musictool.music.score import PITCHES, Score, fold_octaves
from musictool.options import option

VELOCITIES = 32  # levels of loudness, evenly spread over 1..127
_SPECIAL = "PAD_None"  # the one token of no music that MidiTok insists on


@cache
def tokenizer(class_name: str, settings: Any) -> Any:
    """MidiTok's tokenizer of a name for the options of an encoding.

    Raises:
        MusictoolError: MidiTok is not installed.
    """
    try:
        import miditok
    except ImportError:
        raise MusictoolError(
            f"the encoding {class_name.lower()} needs MidiTok, not installed; try: pip install 'musictool[miditok]'"
        ) from None

    grid = grid_of(settings)
    beats = list(BEATS)
    return getattr(miditok, class_name)(
        miditok.TokenizerConfig(
            pitch_range=(0, PITCHES - 1),
            drums_pitch_range=(0, PITCHES - 1),
            beat_res={(0, LONG_BEATS): grid.steps_per_beat, (LONG_BEATS, LONGEST_BEATS): grid.coarse_steps},
            num_velocities=VELOCITIES,
            special_tokens=[_SPECIAL],
            use_velocities=grid.velocity,
            use_chords=settings.chords,
            use_tempos=grid.tempo,
            tempo_range=(SLOWEST_BPM, FASTEST_BPM),
            num_tempos=(FASTEST_BPM - SLOWEST_BPM) // BPM_STEP + 1,
            use_time_signatures=grid.metre,
            time_signature_range={4: beats, 8: beats},
            use_programs=grid.programs,
            one_token_stream_for_programs=True,
            use_pitchdrum_tokens=grid.programs,
        )
    )


def grid_of(settings: Any) -> Grid:
    """How the options of an encoding lay out a piece; metres are kept by those that have an option for it."""
    metre = getattr(settings, "metre", False)
    return Grid(settings.steps_per_beat, metre, settings.tempo, settings.programs, settings.velocity)


@dataclass(frozen=True)
class MidiTokOptions:
    """What can be set."""

    programs: bool = option(True, "whether programs and drums are kept; false: one piano, no drums")
    tempo: bool = option(True, "whether tempos are kept")
    velocity: bool = option(True, "whether velocities are kept, in 32 levels")
    chords: bool = option(False, "whether chords are announced by a token")
    steps_per_beat: int = option(12, "steps of the grid in a beat", least=1, most=24)
    vocabulary: int = option(
        0, "vocabulary size at most, by merging what often stands together (BPE); 0: no merging", least=0, most=65536
    )


class MidiTokEncoding(Encoding):
    """An encoding whose tokens are those of one of MidiTok's tokenizers: int32 (T,).

    Its options are MidiTokOptions, and perhaps `metre`.

    The range of its pitches ends one short of MIDI's. Tokens of notes that begin together stand in the order of their
    pitches; a pitch that transposing folds back into the range would have to change places with others.

    Class attributes:
        tokenizer_name: the class of MidiTok.
        opener: the kind of tokens that begin a run of merged ones; "" for none.
    """

    kind = "tokens"
    pitches = PITCH_RANGE
    Options = MidiTokOptions
    tokenizer_name: ClassVar[str]
    opener: ClassVar[str] = ""

    def __init__(self, settings: Any = None):
        super().__init__(settings)
        self.grid = grid_of(self.options)
        self._merges: Merges | None
        self._tokenizer = tokenizer(self.tokenizer_name, replace(self.options, vocabulary=0))
        self._use(tuple(name for name in self._tokenizer.vocab if name != _SPECIAL))
        least = self.merges.size + 1
        if 0 < self.options.vocabulary < least:
            raise BadOption(f"option vocabulary: {self.options.vocabulary} is neither 0 nor at least {least}")
        if self.options.vocabulary:
            self._merges = None  # until they are learned

    @property
    def spec(self) -> Spec:
        return Spec("tokens", (), self.merges.size, self._features)

    @property
    def merges(self) -> Merges:
        """The tokens. Raises ValueError before `fit` or `load_vocabulary` where tokens are merged."""
        if self._merges is None:
            raise ValueError(f"{self.name} has no vocabulary yet: call fit or load_vocabulary first")
        return self._merges

    @abstractmethod
    def clock(self, numbers: np.ndarray) -> np.ndarray:
        """int64 (B,), units of the grid: MidiTok's time behind each of the base tokens (B,), by number."""

    def fit(self, scores: Iterable[Score], transpositions: Iterable[int] = (0,)) -> None:
        """Learn what to merge, if anything; pitches are never merged, so transpositions change nothing."""
        if self.options.vocabulary:
            self._use(self.base_texts)
            pieces = (numbers for score in scores if len(numbers := self._numbers(score)))
            self._use(self.base_texts, self.merges.learned(pieces, self.options.vocabulary).pairs)

    def vocabulary(self) -> dict[str, Any]:
        return {"symbols": list(self.base_texts), "pairs": [list(pair) for pair in self.merges.pairs]}

    def load_vocabulary(self, values: dict[str, Any]) -> None:
        """The inverse of vocabulary(). Raises BadModel for texts that MidiTok does not make with these options."""
        try:
            texts = tuple(values["symbols"])
            pairs = [(int(left), int(right)) for left, right in values["pairs"]]
            if len(texts) != len(self.base_texts) or set(texts) != set(self.base_texts):
                raise BadModel(f"the vocabulary has other tokens than MidiTok has for {self.name}; train again")
            self._use(texts, pairs)
        except (KeyError, TypeError, ValueError, OverflowError) as error:
            raise BadModel(f"the vocabulary is damaged ({error!r}); prepare or train again") from None

    def encode(self, score: Score) -> np.ndarray:
        """int32 (T,): MidiTok's tokens, merged where there is something to merge."""
        numbers = self._numbers(score)
        return self.merges.merge(numbers) if len(numbers) else np.zeros(0, np.int32)

    def decode(self, rows: np.ndarray) -> Score:
        """What MidiTok reads in the tokens; at velocity 80 where velocities are not kept."""
        import miditok

        numbers, _ = self.merges.base_of(np.asarray(rows, np.int64).reshape(-1))
        if not len(numbers):
            return Score.from_notes([])
        sequence = miditok.TokSequence(tokens=self._names[numbers].tolist())
        return self.grid.to_score(self._tokenizer.decode(sequence if self.grid.programs else [sequence]))

    def transpose(self, rows: np.ndarray, semitones: int) -> np.ndarray:
        """Each pitch moved by `semitones`, off the ends of the range by octaves; all else stays."""
        table = np.arange(self.merges.size, dtype=np.int32)
        transposed = fold_octaves(np.arange(PITCHES) + semitones, self.pitches)
        table[FIRST_TOKEN + self._of_pitch] = FIRST_TOKEN + self._of_pitch[transposed]
        return table[rows]

    def positions(self, rows: np.ndarray) -> np.ndarray:
        """int64 (T,), ticks: the earliest time that the row or one behind it speaks of."""
        numbers, owners = self.merges.base_of(np.asarray(rows, np.int64).reshape(-1))
        if not len(numbers):
            return np.zeros(len(rows), np.int64)
        earliest = np.minimum.accumulate(self.clock(numbers)[::-1])[::-1]
        first = np.searchsorted(owners, np.arange(len(rows)))
        return self.grid.to_ticks(earliest[first.clip(max=len(numbers) - 1)])

    def reached(self, rows: np.ndarray) -> np.ndarray:
        """int64 (T,), ticks: MidiTok's time behind each row."""
        numbers, owners = self.merges.base_of(np.asarray(rows, np.int64).reshape(-1))
        times = np.append(self.clock(numbers), 0) if len(numbers) else np.zeros(1, np.int64)
        last = np.searchsorted(owners, np.arange(len(rows)), side="right") - 1  # before any the 0 behind them
        return self.grid.to_ticks(times[last])

    def onset_pitches(self) -> np.ndarray:
        """bool (V, P): the pitches among the base tokens of each token.

        Where a drum sound follows a program that is not the drums, MidiTok plays its number as a pitch.
        """
        numbers, owners = self.merges.base_of(np.arange(self.merges.size))
        pitch_of = np.full(len(self.base_texts), -1)
        pitch_of[self._of_pitch] = np.arange(PITCHES)
        onsets, is_pitch = np.zeros((self.merges.size, PITCHES), bool), pitch_of[numbers] >= 0
        onsets[owners[is_pitch], pitch_of[numbers[is_pitch]]] = True
        return onsets

    def _numbers(self, score: Score) -> np.ndarray:
        """int64 (B,): the base tokens of a piece, by number."""
        music = self.grid.to_symusic(score)
        if music is None:
            return np.zeros(0, np.int64)
        sequence = self._tokenizer.encode(music, encode_ids=False)
        return self._number_of[(sequence if self.grid.programs else sequence[0]).ids]

    def _use(self, texts: tuple[str, ...], pairs: Sequence[tuple[int, int]] = ()) -> None:
        """Take the base tokens in an order, and what is merged of them."""
        self.base_texts = texts
        self._names = np.array(texts, object)
        self.kinds, self.values = (
            np.array(column) for column in zip(*(name.split("_") for name in texts), strict=True)
        )
        self._of_pitch = np.array([texts.index(f"Pitch_{pitch}") for pitch in range(PITCHES)])
        self._number_of = np.full(len(texts) + 1, -1, np.int64)
        self._number_of[[self._tokenizer.vocab[name] for name in texts]] = np.arange(len(texts))
        merges = Merges(self.kinds == "Pitch", self.kinds == self.opener, pairs)
        self._merges = merges
        self._features = self._made_of(merges)

    def _made_of(self, merges: Merges) -> np.ndarray:
        """uint8 (V, F), 0 or 1: the base tokens that each token is made of, their kinds and their pitch classes."""
        numbers, owners = merges.base_of(np.arange(merges.size))
        has = np.zeros((merges.size, len(self.base_texts)), np.uint8)
        has[owners, numbers] = 1
        kinds = self.kinds[:, None] == np.unique(self.kinds)
        classes = np.zeros((len(self.base_texts), 12), bool)
        classes[self._of_pitch, np.arange(PITCHES) % 12] = True
        return np.concatenate([has, has @ kinds > 0, has @ classes > 0], axis=1).astype(np.uint8)
