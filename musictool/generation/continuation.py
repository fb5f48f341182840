"""New rows behind a primer, as the music that they are.

A Primer decodes the rows that a piece continues, and knows where the user's own music lies beside what the model reads
of it. A Continuation decodes primer and new rows together and cuts the piece out of that; `joined` puts it behind the
user's music.
"""

from __future__ import annotations

from dataclasses import replace
from functools import cached_property

import numpy as np

from musictool.generation.request import Request
from musictool.models.model import Model
from musictool.music import gm
from musictool.music.grid import GRID_TICKS, leading_silence_ticks
from musictool.music.harmony import half_bar_chords
from musictool.music.score import METRE, PITCHES, TEMPO, Score, sort_notes, transposed_chords

NO_METRES = np.zeros(0, METRE)


class Primer:
    """The rows that a piece continues, as music.

    Args:
        model, request: whose.
        rows: spec.dtype (T, *spec.shape), T >= 0.
        transposition: semitones by which the model's music is higher than the user's.
        user_score: the user's own primer, of which `rows` are the encoding; None for one of the model's.
        unknown_share: share of its rows, 0..1, that the vocabulary lacks.
        metres: METRE, where the rows do not say it; empty if it is not known.
    """

    def __init__(
        self,
        model: Model,
        request: Request,
        rows: np.ndarray,
        transposition: int = 0,
        user_score: Score | None = None,
        unknown_share: float = 0.0,
        metres: np.ndarray = NO_METRES,
    ):
        self._model, self.request, self.encoding, self.rows = model, request, model.encoding, rows
        self.user_score, self._transposition, self._unknown_share = user_score, transposition, unknown_share
        self._program = None if request.instrument is None else gm.program_number(request.instrument)
        self.metres = metres if self.encoding.rows_per_quarter is not None else NO_METRES
        self._corpus_bpm, self._corpus_metre = model.info["music"]["bpm"], model.info["music"]["metre"]

        # decoded once: the encoding may leave out the silence before the user's first note, which is put back
        decoded = self.encoding.decode(rows)
        self.leading_silence_ticks = 0 if user_score is None else leading_silence_ticks(user_score, decoded)
        self.decoded = self._placed(decoded)

    def decode(self, rows: np.ndarray) -> Score:
        """The music of rows that begin as the primer's do, at the user's pitch and where the user's primer begins."""
        return self._placed(self.encoding.decode(rows))

    def _placed(self, score: Score) -> Score:
        score = score.transpose(-self._transposition)
        if not len(score.metres):
            score = replace(score, metres=self.metres)
        return score.later(self.leading_silence_ticks) if self.leading_silence_ticks else score

    def positions(self, rows: np.ndarray) -> np.ndarray:
        """int64 (T,), ticks: where in the music of `decode` each row takes effect."""
        return self.encoding.positions(rows) + self.leading_silence_ticks

    def reached(self, rows: np.ndarray) -> np.ndarray:
        """int64 (T,), ticks: how far that music has come with each row."""
        return self.encoding.reached(rows) + self.leading_silence_ticks

    @cached_property
    def half_bar_chords(self) -> tuple[np.ndarray, np.ndarray]:
        """int64 (2 bars,) each: where each half bar of the primer begins, and its chord, as high as the model reads it
        (musictool/music/harmony.py)."""
        lines, chords = half_bar_chords(self.decoded)
        return lines, transposed_chords(chords, self._transposition)

    @cached_property
    def user_primer(self) -> Score | None:
        """The user's own primer as it stands before the piece; typed notes are played as the model plays."""
        if self.user_score is None or self.request.primer_file is not None:
            return self.user_score
        return replace(self.user_score, tracks=self.with_metadata(self.decoded).drop_empty_tracks().tracks[:1])

    @cached_property
    def end_offset_ticks(self) -> int:
        """Ticks by which the user's primer ends later than it does as the model reads it; 0 for what a grid moves.

        A model reads another length where its vocabulary lacks a token, or its encoding counts seconds.
        """
        if self.user_score is None:
            return 0
        offset = self.user_score.end_ticks - self.decoded.end_ticks
        is_of_the_grid = abs(offset) <= GRID_TICKS and not self._unknown_share and not self.encoding.stretches
        return 0 if is_of_the_grid else offset

    def place_ticks(self, start: int, knows_bars: bool) -> int:
        """The time in the user's primer of a `start` in the decoded music, behind all or nearly all of the primer; of
        an encoding that knows bars, on a bar line."""
        if self.user_score is None or not self.end_offset_ticks:
            return start
        place = max(0, start + self.end_offset_ticks)
        if knows_bars:
            return self.user_score.bar_line_ticks(len(self.user_score.bar_onsets_ticks(place)))
        return max(place, self.user_score.end_ticks)

    def start_ticks(self, music: Score, begin: int) -> int:
        """Where a piece begins in the decoded music whose first new row takes effect at a time: there, or on the bar
        line before it where the encoding knows bars."""
        return int(music.bar_onsets_ticks(begin + 1)[-1]) if len(music.metres) else begin

    def bars_behind(self, rows: np.ndarray, ticks: int) -> tuple[int, Score]:
        """Where the new piece begins in the decoded music, and its metres from there on, as a Score without a note.

        Args:
            rows: the primer's and new ones behind them.
            ticks: where it begins if none is new.
        """
        music, first = self.decode(rows), len(self.rows)
        begin = int(self.positions(rows)[first]) if len(rows) > first else ticks
        start = self.start_ticks(music, begin if first else 0)
        late = self.place_ticks(start, bool(len(music.metres))) - start
        tempos, metres = self._tempos_and_metres(late)
        return start, replace(music, notes=music.notes[:0]).with_metadata(tempos, metres).since(start)

    def with_metadata(self, score: Score, late_ticks: int = 0) -> Score:
        """With tempo, metre, program and track names, where the encoding writes none: those of the user's primer, else
        those of the corpus.

        Args:
            score: music that begins where the primer's file does.
            late_ticks: ticks by which the same moment is later in the file.
        """
        tempos, metres = self._tempos_and_metres(late_ticks)
        if self.request.bpm is not None:
            score = replace(score, tempos=tempos)
        score = self._model.with_programs(score).with_metadata(tempos, metres, self._program)
        return self._model.with_velocities(score, self.request.velocity, self.request.seed)

    def _tempos_and_metres(self, late_ticks: int) -> tuple[np.ndarray, np.ndarray]:
        """TEMPO and METRE of music whose encoding writes none; see `with_metadata`."""
        tempos = np.array([(0, self.request.bpm or self._corpus_bpm)], TEMPO)
        metres = np.array([(0, *self._corpus_metre)], METRE)
        if self.user_score is not None and not self.encoding.stretches:  # it counts beats, and they are the primer's
            if self.request.bpm is None and len(self.user_score.tempos):
                tempos = _earlier(self.user_score.tempos, late_ticks)
            if len(self.user_score.metres):
                metres = _earlier(self.user_score.metres, late_ticks)
        return tempos, metres


class Continuation:
    """One piece: rows that continue a primer, decoded together with it.

    What a primer has set holds on behind it: the program, the loudness, the tempo, the metre. So both are decoded as
    one, and the piece is what begins where the first of the new rows takes effect. Where the encoding knows bars, it
    begins on the bar line before that, so that bar lines stay where they are. Before it may be put the primer: the
    user's own as it is in its file, where the model may have read it otherwise; the model's own as decoded.

    Args:
        primer: what is continued.
        rows: spec.dtype (n, *spec.shape), n >= 1.
    """

    def __init__(self, primer: Primer, rows: np.ndarray):
        self.primer, self.request, self.rows = primer, primer.request, rows
        all_rows = np.concatenate([primer.rows, rows])
        music, positions = primer.decode(all_rows), primer.positions(all_rows)

        # where the piece begins: with the first new row, or on the bar line before it
        knows_bars = bool(len(music.metres))
        begin = int(positions[len(primer.rows)]) if len(primer.rows) else 0
        self._start = primer.start_ticks(music, begin)
        self._place = primer.place_ticks(self._start, knows_bars)
        self._filled_ticks = int(positions[-1]) - self._start  # what further rows cannot change
        self._whole = primer.with_metadata(music, self._place - self._start)

        # its notes: those that begin then, and of a chord that the primer was cut in, the rest; of a note that it was
        # cut in, the pitch may be none that is allowed
        is_new = music.notes["onset_ticks"] >= begin
        is_new &= ~np.isin(_onsets_and_pitches(music), _onsets_and_pitches(primer.decoded))
        is_new &= music.is_drum | self.request.constraints.pitches[music.notes["pitch"]]
        self._piece = replace(self._whole, notes=self._whole.notes[is_new]).since(self._start)

    @cached_property
    def _goal_ticks(self) -> int:
        """Where the piece shall end."""
        if self.request.bars is not None:
            return self._piece.bar_line_ticks(self.request.bars)
        return self._piece.to_ticks(float(self.request.seconds or 0))

    @property
    def share(self) -> float:
        """How much of the bars or seconds that are asked for is filled."""
        return self._filled_ticks / max(1, self._goal_ticks)

    def finished(self) -> Score:
        """The piece, cut to length, after the primer if that is asked for."""
        keeps, user_primer = self.request.keep_primer, self.primer.user_primer
        keeps_decoded = keeps and user_primer is None
        piece, begin = (self._whole, self._start) if keeps_decoded else (self._piece, 0)
        if self.request.length is None:
            piece = piece.until(begin + self._goal_ticks)
        piece = piece.drop_empty_tracks()
        return joined(user_primer, piece, self._place) if keeps and user_primer is not None else piece


def _earlier(table: np.ndarray, ticks: int) -> np.ndarray:
    """A TEMPO or METRE table, so many ticks earlier; what then stands before 0 holds there."""
    moved = table.copy()
    moved["onset_ticks"] -= ticks
    return moved


def _onsets_and_pitches(score: Score) -> np.ndarray:
    """int64 (N,): onset and pitch of each note as one number."""
    return score.notes["onset_ticks"].astype(np.int64) * PITCHES + score.notes["pitch"]


def joined(first: Score, second: Score, at_ticks: int) -> Score:
    """The first piece untouched, note for note, and the second with its 0 at a time of the first.

    A track of the second goes on in the first track of the first piece that is the same instrument, and else stands
    behind its tracks. The second's tempos, metres and keys hold from `at_ticks` on, but not before the first piece has
    ended; of what the first names none, the second's hold from the beginning.
    """
    cut = max(at_ticks, first.end_ticks)
    later = second.since(cut - at_ticks)
    tracks, notes = list(first.tracks), second.later(at_ticks).notes
    numbers = np.zeros(len(second.tracks), np.uint16)
    for number in np.unique(notes["track"]):
        track = second.tracks[number]
        same = (i for i, other in enumerate(tracks) if (other.program, other.is_drum) == (track.program, track.is_drum))
        numbers[number] = index = next(same, len(tracks))
        tracks += [track] * (index == len(tracks))
    notes["track"] = numbers[notes["track"]]
    return replace(
        first,
        notes=sort_notes(np.concatenate([first.notes, notes])),
        tracks=tuple(tracks),
        tempos=_joined_changes(first.tempos, second.tempos, later.tempos, cut),
        metres=_joined_changes(first.metres, second.metres, later.metres, cut),
        keys=_joined_changes(first.keys, second.keys, later.keys, cut),
    )


def _joined_changes(first: np.ndarray, whole: np.ndarray, later: np.ndarray, cut_ticks: int) -> np.ndarray:
    """A TEMPO, METRE or KEY table, and from `cut_ticks` on another, `whole`, of which `later` is the part that holds
    then."""
    if not len(whole):
        return first
    before, later = first[first["onset_ticks"] < cut_ticks], later.copy()
    later["onset_ticks"] += cut_ticks
    if not len(before):
        before = whole[:1].copy()
        before["onset_ticks"] = 0
    values = list(before.dtype.names or ())[1:]
    if before[values][-1] == later[values][0]:
        later = later[1:]
    return np.concatenate([before, later])
