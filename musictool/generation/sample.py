"""Model + primer + sampler -> music.

`sample` is the function behind `musictool sample`. A request (musictool/generation/request.py) says how much to write
and how; the same request on the same model gives the same notes.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import cached_property

import numpy as np

from musictool.engine.current import Engine
from musictool.errors import BadOption, NoMusic
from musictool.generation import ensembles
from musictool.generation.chord_plan import ChordPlan
from musictool.generation.continuation import Continuation, Primer
from musictool.generation.guidance import allowed_instruments, guidance_of
from musictool.generation.latents import segments_of_style
from musictool.generation.primers import encode_nearest, metres_of_beginning, model_primers, read_primer
from musictool.generation.request import Request
from musictool.models.model import Model
from musictool.music.bar_positions import BarPositions
from musictool.music.score import DEFAULT_BPM, METRE, TEMPO, Score, Track, transposed_chords
from musictool.progress import Progress

log = logging.getLogger(__name__)

MOST_ROWS = 1_000_000  # a piece that needs more than this to reach its bars or seconds is not getting there
FIRST_ROWS = 256  # drawn before it is known how many rows a bar or a second takes
PACED_ROWS = 2048  # after so many it is known how far MOST_ROWS lead, but for a factor of 2
TOKENS_PER_BAR, SECONDS_PER_BAR = 32, 2  # or time steps; about, to foresee how much there is to compute
SILENT_ROWS = 4096  # a piece without a note in so many rows will never have one


def sample(model: Model, request: Request, progress: Progress | None = None) -> list[Score]:
    """Write `request.num` pieces.

    Args:
        progress: called with how many rows of each piece are drawn, and how many will be, as far as is known.

    Raises:
        NoMusic: if a piece has no note, or does not get on in time.
        BadOption: for more tokens, bars or seconds than MOST_ROWS hold, or an option that is not for such models.
        BadFile, UnknownName: for a primer, a style or a label that cannot be used.
    """
    return Generation(model, request, progress).scores()


def rows_for(model: Model, length: int) -> int:
    """Rows that hold so many tokens or time steps."""
    return -(-length // model.spec.steps)


def engine_of(model: Model, request: Request) -> Engine:
    """The engine that writes what is asked for: `request.engine`, or by how much it is."""
    return model.engine_for(rows_foreseen(model, request), request.num, request.engine)


def rows_foreseen(model: Model, request: Request) -> float:
    """Rows that a piece has, or about so many."""
    tokens = request.length or TOKENS_PER_BAR * (request.bars or (request.seconds or 0) / SECONDS_PER_BAR)
    return tokens / model.spec.steps


class Generation:
    """One request on one model, under way.

    Attributes:
        guidance: what binds the arch.
        engine: what computes.
    """

    def __init__(self, model: Model, request: Request, progress: Progress | None = None):
        request.check_model(model)
        if request.length is not None and rows_for(model, request.length) > MOST_ROWS:
            raise BadOption(f"--length {request.length} is too long; {MOST_ROWS:,} rows are the most that are written")
        self.model, self.request, self.progress = model, request, progress
        needs_onset_mask = request.sampler.repetition_penalty != 1
        guidance = guidance_of(model, request.constraints, self.transposition, needs_onset_mask)
        style = segments_of_style(model, request.style)
        self.guidance = replace(guidance, style=style, alpha=request.style.share)
        self.engine = engine_of(model, request)

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
        return [continuation.finished() for continuation in self.continuations()]

    def continuations(self) -> list[Continuation]:
        """Enough new rows for the request, behind the primer of each piece."""
        if self.request.length is not None:
            return self._continuations(rows_for(self.model, self.request.length))
        target = max(1, FIRST_ROWS // self.model.spec.steps)
        while True:
            continuations = self._continuations(target)
            reached = min(continuation.share for continuation in continuations)
            if reached >= 1:
                return continuations
            self._check_pace(target, reached)
            if target >= MOST_ROWS or (reached == 0 and target >= SILENT_ROWS):
                raise NoMusic(f"after {target} rows the piece has come {reached:.0%} of the way; try another --seed")
            target = min(MOST_ROWS, int(target * min(8.0, 1.1 / max(reached, 0.1))) + 1)

    def _continuations(self, target: int) -> list[Continuation]:
        rows = self._draw(target)
        return [Continuation(primer, piece) for primer, piece in zip(self.primers, rows, strict=True)]

    def _check_pace(self, rows: int, reached: float) -> None:
        """Raises BadOption for a piece that gets on, and will not be done in MOST_ROWS."""
        bars, seconds = self.request.bars, self.request.seconds
        unit, goal = ("seconds", seconds or 0) if bars is None else ("bars", bars)
        foreseen = reached * MOST_ROWS / rows
        is_too_long = rows >= MOST_ROWS or (rows >= PACED_ROWS and foreseen < 0.5)
        if is_too_long and reached * goal >= 1:
            raise BadOption(
                f"--{unit} {goal} is too long; {MOST_ROWS:,} rows, the most that are written, hold about "
                f"{int(foreseen * goal):,} {unit} of it"
            )

    def _draw(self, target: int) -> np.ndarray:
        """spec.dtype (num, target, *spec.shape): so many new rows of every piece; keeps what was drawn before and
        goes on from there."""
        while self._drawn.shape[1] < target:
            self._drawn = np.concatenate([self._drawn, next(self._stream)], axis=1)
            if self.progress is not None:
                self.progress(min(target, self._drawn.shape[1]), target)
        return self._drawn[:, :target]

    @cached_property
    def _drawn(self) -> np.ndarray:
        return np.zeros((self.request.num, 0, *self.model.spec.shape), self.model.spec.dtype)

    @cached_property
    def _stream(self) -> Iterator[np.ndarray]:
        request = self.request
        arch = self.model.player(self.engine)
        banned = ensembles.banned_tokens(self.model, self.players)
        if banned is not None and self.guidance.banned is not None:
            banned = banned | self.guidance.banned
        guidance = replace(
            self.guidance,
            banned=self.guidance.banned if banned is None else banned,
            bar_positions=self._bar_positions,
            row_conditions=self._chord_plan,
        )
        return arch.continuation(self.model_input, request.sampler, request.seed, guidance)

    @property
    def _chord_plan(self) -> ChordPlan | None:
        """For a model that is asked for chords and takes them as conditions."""
        halves, conditions = self.request.constraints.chord_halves, self.model.conditions
        if halves is None or "chords" not in conditions.controls:
            return None
        vector = self.guidance.conditions
        return ChordPlan(
            self.primers,
            self.model_input.shape[1] - 1,
            transposed_chords(np.array(halves), self.transposition).tolist(),
            conditions,
            np.zeros(conditions.size, np.float32) if vector is None else vector,
        )

    @property
    def _bar_positions(self) -> BarPositions:
        """Of the rows behind the start row of `model_input`, for an encoding whose rows do not say them."""
        rows_per_quarter = self.model.encoding.rows_per_quarter
        if rows_per_quarter is None:
            return BarPositions()
        metres, read = [primer.metres for primer in self.primers], self.model_input.shape[1] - 1
        return BarPositions(metres, rows_per_quarter, [len(primer.rows) - read for primer in self.primers])

    @cached_property
    def model_input(self) -> np.ndarray:
        """spec.dtype (num, 1 + T, *spec.shape): what the model reads of the primers, behind the start row."""
        spec, primers = self.model.spec, self.primers
        shortest = min(len(primer.rows) for primer in primers)
        last = min(shortest, self.request.primer_length or shortest)  # as many of each
        start = np.broadcast_to(spec.start, (self.request.num, 1, *spec.shape))
        return np.concatenate([start, np.stack([primer.rows[len(primer.rows) - last :] for primer in primers])], axis=1)

    @cached_property
    def primers(self) -> list[Primer]:
        """What each piece continues."""
        model, request = self.model, self.request
        tracks = request.constraints.tracks
        allowed = [] if tracks is None else allowed_instruments(model, tracks)

        def chosen(rows: np.ndarray, players: Sequence[Track]) -> np.ndarray:
            players = allowed or players
            return model.encoding.choosing(rows, players) if players else rows

        if (user := self.user_score) is not None:
            (rows, metres), unknown = self._openings[0], self._user_rows[1]
            rows = chosen(rows, self.players[0])
            return [Primer(model, request, rows, self.transposition, user, unknown, metres)] * request.num
        return [
            Primer(model, request, chosen(rows, players), transposition, metres=metres)
            for (rows, metres), players, transposition in zip(
                self._openings, self.players, self._transpositions, strict=True
            )
        ]

    @cached_property
    def players(self) -> list[list[Track]]:
        """The instruments that play in each piece; [] where all may, or --instruments says which."""
        if self.request.constraints.instruments is not None:
            return [[]] * self.request.num
        return ensembles.draw(self.model, [rows for rows, _ in self._openings], self.request.seed)

    @cached_property
    def _openings(self) -> list[tuple[np.ndarray, np.ndarray]]:
        """spec.dtype (T, *spec.shape) and METRE of what each piece continues."""
        model, request = self.model, self.request
        if (user := self.user_score) is not None:
            typical = np.array([(0, *model.info["music"]["metre"])], METRE)
            return [(self._user_rows[0], user.metres if len(user.metres) else typical)] * request.num
        if not request.from_scratch:
            return model_primers(model, request.num, request.primer_length, request.seed)
        openings = model_primers(model, request.num, 0, request.seed)
        return [(rows, metres_of_beginning(metres)) for rows, metres in openings]

    @cached_property
    def _user_rows(self) -> tuple[np.ndarray, float]:
        """As _encoded gives them."""
        assert self.user_score is not None
        return self._encoded(self.user_score)

    def _encoded(self, score: Score) -> tuple[np.ndarray, float]:
        """The rows of the user's own primer, and the share of them that the vocabulary lacks."""
        encoding, primer = self.model.encoding, self.request.primer
        rows, unknown = encode_nearest(encoding, score.transpose(self.transposition))
        if not len(rows):
            raise NoMusic(f"the primer {primer} has no music that the encoding {encoding.name} writes")
        if unknown:
            log.warning(
                "primer %s: %.1f%% of its tokens are not in the vocabulary; the model reads the nearest",
                primer,
                100 * unknown,
            )
        return rows, unknown

    @cached_property
    def user_score(self) -> Score | None:
        """The user's own primer; of a file, in the tempo and metre in which it is played where it names none."""
        if self.request.primer is None:
            return None
        score = read_primer(self.request.primer)
        if self.request.primer_file is None:
            return score
        return replace(
            score,
            tempos=score.tempos if len(score.tempos) else np.array([(0, DEFAULT_BPM)], TEMPO),
            metres=score.metres if len(score.metres) else np.array([(0, 4, 4)], METRE),
        )

    @property
    def _transpositions(self) -> list[int]:
        """Of each piece that continues no music of the user's. A model that knows C major and A minor alone writes in
        the keys of its corpus, unless something that is asked for names pitches."""
        if self.request.constraints.names_pitches:
            return [self.transposition] * self.request.num
        return self.model.drawn_semitones(self.request.num, self.request.seed)

    @cached_property
    def transposition(self) -> int:
        """Semitones by which the model's music is higher than the user's, or than what pitches are asked for."""
        return self.model.semitones_for(self.user_score, self.request.constraints.key_index)
