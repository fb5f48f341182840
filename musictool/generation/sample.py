"""Model + primer + sampler -> music.

`sample` is the function behind `musictool sample`. A request says how much to write and how; the same request on the
same model gives the same notes.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path

import numpy as np

from musictool.encoding import Encoding
from musictool.errors import BadOption, NoMusic
from musictool.generation.constraints import Constraints
from musictool.generation.joining import joined
from musictool.generation.primers import (
    GRID_TICKS,
    encoded,
    is_file,
    left_out_ticks,
    own_primers,
    read_primer,
    semitones_moved,
)
from musictool.generation.style import Style
from musictool.generation.validation import check_length, check_primer
from musictool.models.model import Model
from musictool.music import gm
from musictool.music.score import DEFAULT_BPM, METRE, PITCHES, TEMPO, Score, Track
from musictool.sampling.sampler import Sampler

log = logging.getLogger(__name__)

MOST_ROWS = 1_000_000  # a piece that needs more than this to reach its bars or seconds is not getting there
FIRST_ROWS = 256  # drawn before it is known how many a bar or a second takes
PACED_ROWS = 2048  # after so many it is known how far MOST_ROWS lead, but for a factor of 2
SILENT_ROWS = 4096  # this many rows without a note, and it never will
TOKENS_ONLY = ("top_k", "top_p", "min_p", "repetition_penalty", "loop_guard")  # of a Sampler
SEGMENTS_ONLY = ("threshold", "noise_sd")


@dataclass(frozen=True)
class Request:
    """What to write.

    Attributes:
        length: symbols for tokens, else time steps, rounded up to whole rows; the primer not counted; or
        bars: whole bars of the piece's metre; or
        seconds: playing time. Exactly one of the three is set.
        num: how many pieces, drawn as one batch.
        sampler: how each row is drawn.
        wanted: which notes, how dense, ... (musictool/generation/constraints.py).
        style: what other music it shall be like, for models that know latents (musictool/generation/style.py).
        primer: a music file to continue, or notes such as "C4 E4 G4:2"; None for one of the model's own primers.
        primer_length: rows that are heard, at most: the last ones of a primer that is given, the first ones of the
            model's own; None for all.
        from_scratch: hear no primer at all.
        keep_primer: put the primer before what is written; the user's own just as it is, and all of it.
        bpm: quarter notes a minute; None for those of a primer's file, or the corpus's own. A file that is kept keeps
            its own.
        instrument: General MIDI name or number for every track that is no drum; None for the encoding's own. A file
            that is kept keeps its own.
        seed: fixes primer and draws.
    """

    length: int | None = None
    bars: int | None = None
    seconds: float | None = None
    num: int = 1
    sampler: Sampler = field(default_factory=Sampler)
    wanted: Constraints = field(default_factory=Constraints)
    style: Style = field(default_factory=Style)
    primer: Path | str | None = None
    primer_length: int | None = None
    from_scratch: bool = False
    keep_primer: bool = False
    bpm: float | None = None
    instrument: str | None = None
    seed: int = 0

    def __post_init__(self) -> None:
        check_length(self.length, self.bars, self.seconds)
        if self.seed < 0:
            raise BadOption(f"--seed {self.seed} is below 0")
        if self.num < 1:
            raise BadOption(f"--num {self.num} is not at least 1")
        if self.primer_length is not None and self.primer_length < 1:
            raise BadOption(f"--primer-length {self.primer_length} is not at least 1; --from-scratch hears no primer")
        check_primer(self.from_scratch, self.primer, self.primer_length, self.keep_primer)
        if self.bpm is not None and not 4 <= self.bpm <= 1000:
            raise BadOption(f"--tempo {self.bpm} is not from 4 to 1000 quarter notes a minute")

    @property
    def primer_file(self) -> Path | None:
        """The primer, if it is a file and not notes."""
        return Path(self.primer) if self.primer is not None and is_file(self.primer) else None

    @property
    def sources(self) -> tuple[Path, ...]:
        """The files that are read."""
        return (*filter(None, [self.primer_file]), *self.style.files)


Progress = Callable[[int], object]  # told how many rows of each piece have been drawn


def sample(model: Model, request: Request, progress: Progress | None = None) -> list[Score]:
    """Write `request.num` pieces.

    Raises:
        NoMusic: if a piece has no note, or does not get on in time.
        BadOption: for more bars or seconds than MOST_ROWS hold.
        BadFile, BadOption, UnknownName: for a primer or an instrument that cannot be used.
    """
    return Generation(model, request, progress or (lambda rows: None)).scores()


def check_choices(model: Model, names: Iterable[str]) -> None:
    """Raises BadOption for any of some names of a Sampler that the kind of the model's rows has no use for."""
    for name in names:
        if name in TOKENS_ONLY and model.spec.kind != "tokens":
            raise BadOption(
                f"--{name.replace('_', '-')} is for models that choose among symbols, and {model.name} draws keys; "
                "--temperature works"
            )
        if name in SEGMENTS_ONLY and model.spec.kind != "segments":
            raise BadOption(
                f"--{name.replace('_', '-')} is for models of segments, and {model.name} writes {model.spec.kind}"
            )


def rows_of(model: Model, length: int) -> int:
    """Rows that hold so many symbols or time steps."""
    return -(-length // model.spec.steps)


class Generation:
    """One request on one model, under way."""

    def __init__(self, model: Model, request: Request, progress: Progress = lambda rows: None):
        self.progress = progress
        self.model = model
        self.encoding: Encoding = model.encoding
        self.request = request
        self.program = None if request.instrument is None else gm.program_number(request.instrument)
        changed = (
            name for name in (*TOKENS_ONLY, *SEGMENTS_ONLY) if getattr(request.sampler, name) != getattr(Sampler, name)
        )
        check_choices(model, changed)
        repetitions = request.sampler.repetition_penalty != 1
        bound = request.wanted.guidance(model, self._moved, repetitions)
        self.guidance = replace(bound, style=request.style.segments(model), alpha=request.style.share)

    def scores(self) -> list[Score]:
        """The pieces. Raises NoMusic if one has no note."""
        pieces = self.pieces()
        for i, piece in enumerate(pieces):
            if not len(piece.notes):
                raise NoMusic(
                    f"piece {i + 1} of {len(pieces)} has no note; try another --seed, a higher --temperature, "
                    "a greater length, or more training"
                )
        return pieces

    def pieces(self) -> list[Score]:
        """The pieces, even those without a note."""
        rows = self._rows()
        return [Written(self, self.primers[i], rows[i]).finished() for i in range(self.request.num)]

    @cached_property
    def primers(self) -> np.ndarray:
        """spec.dtype (num, T, *spec.shape): what each piece continues, T >= 0, without the start row."""
        request, spec = self.request, self.model.spec
        nothing = np.zeros((request.num, 0, *spec.shape), spec.dtype)
        if request.from_scratch:
            return nothing
        if self._given is not None:
            return np.stack([self._read[0]] * request.num)
        return own_primers(self.model, request.num, request.primer_length, request.seed)

    @cached_property
    def _read(self) -> tuple[np.ndarray, float]:
        """The rows of the user's own primer, and the share of them that the vocabulary lacks."""
        assert self._given is not None
        rows, unknown = encoded(self.encoding, self._given.transpose(self._moved))
        primer = self.request.primer
        if not len(rows):
            raise NoMusic(f"the primer {primer} has no music that the encoding {self.encoding.name} writes")
        if unknown:
            log.warning(
                "primer %s: %.1f%% of its symbols are not in the vocabulary; the model hears the nearest",
                primer,
                100 * unknown,
            )
        return rows, unknown

    @cached_property
    def _heard(self) -> np.ndarray:
        """spec.dtype (num, 1 + T, *spec.shape): what the model hears of the primers, behind the start row."""
        start = np.broadcast_to(self.model.spec.start, (self.request.num, 1, *self.model.spec.shape))
        return np.concatenate([start, self.primers[:, -(self.request.primer_length or 0) :]], axis=1)

    @cached_property
    def _given(self) -> Score | None:
        """The user's own primer; of a file, in the tempo and metre in which it is played where it names none."""
        if self.request.primer is None:
            return None
        score = read_primer(self.request.primer)
        if self.request.primer_file is None:
            return score
        if not len(score.tempos):
            score = replace(score, tempos=np.array([(0, DEFAULT_BPM)], TEMPO))
        return score if len(score.metres) else replace(score, metres=np.array([(0, 4, 4)], METRE))

    @cached_property
    def _moved(self) -> int:
        """Semitones that the model's music is higher than the user's."""
        return semitones_moved(self.model, self._given, self.request.wanted.key_index)

    def _rows(self) -> np.ndarray:
        """spec.dtype (num, n, *spec.shape): enough new rows for the request."""
        if self.request.length is not None:
            return self._draw(rows_of(self.model, self.request.length))
        wanted = max(1, FIRST_ROWS // self.model.spec.steps)
        while True:
            rows = self._draw(wanted)
            reached = min(Written(self, primer, piece).share for primer, piece in zip(self.primers, rows, strict=True))
            if reached >= 1:
                return rows
            self._check_pace(wanted, reached)
            if wanted >= MOST_ROWS or (reached == 0 and wanted >= SILENT_ROWS):
                raise NoMusic(f"after {wanted} rows the piece has come {reached:.0%} of the way; try another --seed")
            wanted = min(MOST_ROWS, int(wanted * min(8.0, 1.1 / max(reached, 0.1))) + 1)

    def _check_pace(self, rows: int, reached: float) -> None:
        """Raises BadOption for a piece that gets on, and will not be done in MOST_ROWS."""
        bars, seconds = self.request.bars, self.request.seconds
        unit, asked = ("seconds", seconds or 0) if bars is None else ("bars", bars)
        foreseen = reached * MOST_ROWS / rows
        is_too_long = rows >= MOST_ROWS or (rows >= PACED_ROWS and foreseen < 0.5)
        if is_too_long and reached * asked >= 1:
            raise BadOption(
                f"--{unit} {asked} is too long; {MOST_ROWS:,} rows, the most that are written, hold about "
                f"{int(foreseen * asked):,} {unit} of it"
            )

    def _draw(self, wanted: int) -> np.ndarray:
        """The first `wanted` new rows of every piece; keeps what was drawn before and goes on from there."""
        while self._drawn.shape[1] < wanted:
            self._drawn = np.concatenate([self._drawn, next(self._stream)], axis=1)
            self.progress(min(wanted, self._drawn.shape[1]))
        return self._drawn[:, :wanted]

    @cached_property
    def _drawn(self) -> np.ndarray:
        return np.zeros((self.request.num, 0, *self.model.spec.shape), self.model.spec.dtype)

    @cached_property
    def _stream(self) -> Iterator[np.ndarray]:
        return self.model.arch.continuation(self._heard, self.request.sampler, self.request.seed, self.guidance)

    def music(self, rows: np.ndarray) -> Score:
        """What the rows say, at the user's pitch and where the user's primer begins, as the encoding says it."""
        music = self.encoding.decode(rows).transpose(-self._moved)
        return music.later(self.lead) if self.lead else music

    @cached_property
    def lead(self) -> int:
        """Ticks of silence before the first note of the user's primer that the encoding leaves out."""
        return 0 if self._given is None else left_out_ticks(self._given, self.encoding.decode(self.primers[0]))

    @cached_property
    def kept(self) -> Score | None:
        """The user's own primer as it stands before what is written; typed notes are played as the model plays."""
        if self._given is None or self.request.primer_file is not None:
            return self._given
        return replace(self._given, tracks=playing(self.dressed(self.music(self.primers[0]))).tracks[:1])

    @cached_property
    def drift(self) -> int:
        """Ticks by which the user's primer ends later than it does as the model hears it; what a grid moves is none.

        A model hears another length where its vocabulary lacks what is played, or its encoding counts seconds.
        """
        if self._given is None:
            return 0
        late = self._given.end_ticks - self.music(self.primers[0]).end_ticks
        is_of_the_grid = abs(late) <= GRID_TICKS and not self._read[1] and not self.encoding.stretches
        return 0 if is_of_the_grid else late

    def place_ticks(self, start: int, knows_bars: bool) -> int:
        """Where in the user's primer that is which the model hears at `start`, behind all or nearly all of it; of an
        encoding that knows bars, on a bar line."""
        if self._given is None or not self.drift:
            return start
        place = max(0, start + self.drift)
        if knows_bars:
            return self._given.bar_line_ticks(len(self._given.bar_onsets_ticks(place)))
        return max(place, self._given.end_ticks)

    def dressed(self, score: Score, late: int = 0) -> Score:
        """With tempo, metre, program and track names, where the encoding brings none of its own: those of a primer that
        is given, else those of the corpus.

        Args:
            score: that begins where the primer's file does.
            late: ticks by which the same moment is later in the file.
        """
        bpm, metre = self.model.info["music"]["bpm"], self.model.info["music"]["metre"]
        tempos, metres = np.array([(0, self.request.bpm or bpm)], TEMPO), np.array([(0, *metre)], METRE)
        if self._given is not None and not self.encoding.stretches:  # it counts beats, and they are the primer's
            if self.request.bpm is None and len(self._given.tempos):
                tempos = _earlier(self._given.tempos, late)
            metres = _earlier(self._given.metres, late) if len(self._given.metres) else metres
        if self.request.bpm is not None or not len(score.tempos):
            score = replace(score, tempos=tempos)
        if not len(score.metres):
            score = replace(score, metres=metres)
        return replace(score, tracks=tuple(self._dressed_track(track) for track in score.tracks))

    def _dressed_track(self, track: Track) -> Track:
        program = track.program if self.program is None or track.is_drum else self.program
        name = track.name or ("Drums" if track.is_drum else gm.program_name(program))
        return replace(track, program=program, name=name)


class Written:
    """One piece: rows that continue a primer, and are read together with it.

    What a primer has set holds on behind it: who plays, how loud, how fast, in which metre. So both are decoded as one,
    and the piece is what begins where the first of the new rows takes effect. Where the encoding knows bars, it begins
    on the bar line before that, so that bar lines stay where they are. Before it may be put the primer: the user's own
    as it is in its file, where the model may have heard it otherwise; the model's own as decoded.

    Args:
        generation: whose request and model.
        primer: spec.dtype (T, *spec.shape), T >= 0.
        rows: spec.dtype (n, *spec.shape), n >= 1.
    """

    def __init__(self, generation: Generation, primer: np.ndarray, rows: np.ndarray):
        self.request = generation.request
        heard = generation.music(primer)
        both = np.concatenate([primer, rows])
        said = generation.music(both)
        positions = generation.encoding.positions(both) + generation.lead
        begin = int(positions[len(primer)]) if len(primer) else 0
        start = int(said.bar_onsets_ticks(begin + 1)[-1]) if len(said.metres) else begin
        self._place = generation.place_ticks(start, knows_bars=bool(len(said.metres)))
        self.whole = generation.dressed(said, self._place - start)
        self._kept = generation.kept
        self._start = start
        self._ticks = int(positions[-1]) - start  # that are filled for good
        own = said.notes["onset_ticks"] >= begin
        own &= ~np.isin(_places(said), _places(heard))  # of a chord that the primer was cut in, the rest
        own &= said.is_drum | self.request.wanted.pitches()[said.notes["pitch"]]  # a pitch that it was cut behind
        self.piece = replace(self.whole, notes=self.whole.notes[own]).since(start)

    @property
    def goal_ticks(self) -> int:
        """Where the piece shall end."""
        if self.request.bars is not None:
            return self.piece.bar_line_ticks(self.request.bars)
        return self.piece.to_ticks(float(self.request.seconds or 0))

    @property
    def share(self) -> float:
        """How much of the wanted bars or seconds is filled."""
        return self._ticks / max(1, self.goal_ticks)

    def finished(self) -> Score:
        """The piece, cut to length, after the primer if that is wanted."""
        is_own = self.request.keep_primer and self._kept is None
        piece, begin = (self.whole, self._start) if is_own else (self.piece, 0)
        piece = playing(piece if self.request.length is not None else piece.until(begin + self.goal_ticks))
        if self.request.keep_primer and self._kept is not None:
            return joined(self._kept, piece, self._place)
        return piece


def playing(score: Score) -> Score:
    """Without the tracks that do not play."""
    used, track = np.unique(score.notes["track"], return_inverse=True)
    notes = score.notes.copy()
    notes["track"] = track
    return replace(score, notes=notes, tracks=tuple(score.tracks[i] for i in used) or score.tracks[:1])


def _earlier(table: np.ndarray, ticks: int) -> np.ndarray:
    """A TEMPO or METRE table, so many ticks earlier; what then stands before 0 holds there."""
    moved = table.copy()
    moved["onset_ticks"] -= ticks
    return moved


def _places(score: Score) -> np.ndarray:
    """int64 (N,): onset and pitch of each note as one number."""
    return score.notes["onset_ticks"].astype(np.int64) * PITCHES + score.notes["pitch"]
