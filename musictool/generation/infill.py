"""Model + piece -> the piece with a part of it written anew, and everything else as it was, note for note.

`infill` is the function behind `musictool infill`. A request (infill_request.py) says what is free. The model reads the
piece as its encoding writes it, on a grid and in four voices; from what it writes, the new notes alone are taken, and
put among those of the piece that are locked. So locked notes keep what no encoding holds: their velocities, their
tracks, their places off the grid.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import replace
from functools import cached_property
from pathlib import Path

import numpy as np

from musictool import arch as archs
from musictool.arch import BlanksArch, InfillArch
from musictool.encodings.voices import Voices
from musictool.engine.current import Engine
from musictool.errors import BadModel, BadOption, NoMusic, UnknownName
from musictool.generation.guidance import guidance_of
from musictool.generation.infill_request import InfillRequest
from musictool.home import is_shipped, latest, models_folder, shipped_models
from musictool.models.info import MARKER, is_trained, read_info
from musictool.models.model import Model
from musictool.music.bar_positions import BarPositions
from musictool.music.grid import in_steps, to_steps
from musictool.music.score import DEFAULT_VELOCITY, KEYBOARD, PITCHES, Score, Track, fold_octaves, sort_notes
from musictool.music.voices import BY_NUMBER, LEFT_OUT, NAMES, VOICES, track_voices, voices_of
from musictool.progress import Progress
from musictool.registry import ARCHS
from musictool.sampling.sampler import Sampler

log = logging.getLogger(__name__)


def can_infill(arch: str, voices: bool = False) -> bool:
    """Whether the arch of this name fills in; with `voices`, whether it adds voices to a melody."""
    return arch in ARCHS.names() and issubclass(ARCHS.get(arch), InfillArch if voices else InfillArch | BlanksArch)


def newest_able(is_able: Callable[[str], bool]) -> Path | None:
    """The user's newest model of an arch of which `is_able`, else the first that ships; None if there is none."""

    def fits(path: Path) -> bool:
        info = read_info(path)
        return not is_shipped(path) and is_trained(info) and is_able(info["arch"]["name"])

    newest = latest(models_folder(), MARKER, fits)
    return newest or next(iter(_shipped_able(is_able).values()), None)


def take_one(is_able: Callable[[str], bool]) -> str:
    """What to do instead with a model of an arch that is not able: "take --model counterpoint, or train one that does";
    without the first half where none ships."""
    shipped = " or ".join(f"--model {name}" for name in _shipped_able(is_able))
    return f"take {shipped}, or train one that does" if shipped else "train one that does"


def _shipped_able(is_able: Callable[[str], bool]) -> dict[str, Path]:
    """Name -> folder of each model that ships of such an arch."""
    return {name: path for name, path in shipped_models().items() if is_able(read_info(path)["arch"]["name"])}


def model_for_infill(name: str | None, voices: bool = False) -> Model:
    """The model called `name`; without one, the user's newest that fills in, else one that ships and does.

    Args:
        voices: whether it is to add voices to a melody.

    Raises:
        BadModel: if there is none.
        BadOption: for one that cannot fill in.
        UnknownName: if nothing is called so.
    """
    if name is None:
        path = newest_able(lambda arch: can_infill(arch, voices))
        if path is None:
            raise BadModel(
                f"no model under {models_folder()} fills in; train one that does: musictool train --arch coconet"
            )
        return Model.open(path)
    model = Model.open(name)
    if not issubclass(model.arch_class, InfillArch | BlanksArch):
        raise BadOption(
            f"{model.name} is a {model.info['arch']['name']}, which goes on from the end and fills nothing in; "
            f"{take_one(can_infill)}: musictool train --arch coconet"
        )
    return model


def infill(model: Model, score: Score, request: InfillRequest, progress: Progress | None = None) -> list[Score]:
    """`request.num` times the piece with a part of it written anew; the rest is as it was. Raises as Infill."""
    return begin_infill(model, score, request, progress=progress).scores()


def begin_infill(
    model: Model,
    score: Score,
    request: InfillRequest,
    name: str = "the piece",
    progress: Progress | None = None,
) -> Infill:
    """The request under way, as the model's kind has it. Args and errors are those of Infill."""
    from musictool.generation.infill_tokens import TokenInfill

    cls = TokenInfill if issubclass(model.arch_class, BlanksArch) else Infill
    return cls(model, score, request, name, progress)


class Infill:
    """One request on one model and one piece, under way.

    Args:
        name: of the piece, for messages.

    Attributes:
        engine: what computes.

    Raises:
        BadOption: for bars that the piece does not have, if nothing is free or nothing is locked, or for an option that
            is not for this model.
        UnknownName: for a track that is not there.
        NoMusic: for a piece without a note.
    """

    def __init__(
        self,
        model: Model,
        score: Score,
        request: InfillRequest,
        name: str = "the piece",
        progress: Progress | None = None,
    ):
        if not len(score.notes):
            raise NoMusic(f"{name} has no note")
        self.model, self.score, self.request, self.name, self.progress = model, score, request, name, progress
        self.transposition = model.semitones_for(score)
        self._read()
        self._check_part()
        self.engine: Engine = model.engine_for(self._rows_foreseen(), request.num, request.engine)

    def _read(self) -> None:
        """Look at the piece as the model reads it. Raises BadOption for what is not for this model."""
        model, score = self.model, self.score
        assert isinstance(model.encoding, Voices)
        self.encoding: Voices = model.encoding
        self.onsets, self.lengths = in_steps(score.notes, self.encoding.options.steps_per_quarter)
        self.voices = voices_of(score, self.onsets, self.lengths, self.named_tracks or ())
        self.guidance = replace(
            guidance_of(model, self.request.constraints, self.transposition),
            bar_positions=BarPositions((score.metres,), self.encoding.rows_per_quarter or 1),
        )

    def _rows_foreseen(self) -> int:
        """How many rows of a continuation take about as long to write, for a piece."""
        unbuilt = archs.from_json(self.model.info["arch"], self.model.spec)
        assert isinstance(unbuilt, InfillArch)
        return unbuilt.infill_rows(self.is_free)

    def scores(self) -> list[Score]:
        """The pieces. What is locked is as it was."""
        request = self.request
        arch = self.model.player(self.engine)
        assert isinstance(arch, InfillArch)
        written = arch.infill(
            self.rows,
            self.is_free,
            Sampler(temperature=request.temperature),
            request.seed,
            self.guidance,
            request.num,
            request.keep_rhythm,
            self.sings,
            self.progress,
        )
        return self._warned_of_nothing([self._joined(rows) for rows in written])

    def _warned_of_nothing(self, pieces: list[Score]) -> list[Score]:
        """The pieces, with a warning about each in which nothing stands in the place of what was taken out."""
        gone, kept = int(self.is_replaced.sum()), int((~self.is_replaced).sum())
        for number, piece in enumerate(pieces, 1):
            if gone and len(piece.notes) <= kept:
                log.warning(
                    "piece %d of %d: %d notes were taken out, and none is written in their place; try another --seed, "
                    "a higher --temperature, or fewer limits (--pitch-range, --key)",
                    *(number, len(pieces), gone),
                )
        return pieces

    # === What is free ===

    @cached_property
    def span_ticks(self) -> list[tuple[int, int]]:
        """(begin, end) in ticks of each span of bars that is asked for."""
        if self.request.spans is None:
            return [(0, max(self.score.end_ticks, self.score.bar_line_ticks(self.score.bars)))]
        last = max(end for _, end in self.request.spans)
        if last > self.score.bars:
            raise BadOption(f"--bars {self.request.bars}: {self.name} has {self.score.bars} bars")
        return [tuple(map(self.score.bar_line_ticks, span)) for span in self.request.spans]  # type: ignore[misc]

    @cached_property
    def named_tracks(self) -> list[int] | None:
        """The tracks that are asked for, as indices; None where none is named."""
        if self.request.tracks is None:
            return None
        names = [track.name for track in self.score.tracks]
        chosen = []
        for name in filter(None, map(str.strip, self.request.tracks.split(","))):
            same = [index for index, known in enumerate(names) if known.lower() == name.lower()]
            if not same and name.isdecimal() and 1 <= int(name) <= len(names):
                same = [int(name) - 1]
            if not same:
                raise UnknownName.of("track", name, [*filter(None, names), *map(str, range(1, len(names) + 1))])
            chosen += same
        return chosen

    @cached_property
    def chosen_tracks(self) -> list[int]:
        """The tracks that are written in, as indices; by default all that the model reads."""
        tracks_read = {*self.score.notes["track"][self.voices != LEFT_OUT].tolist()}
        if self.named_tracks is None:
            return sorted(tracks_read)
        for index in self.named_tracks:
            if self.score.tracks[index].is_drum:
                reason = f"is drums, which {self.model.name} lacks"
            elif index not in tracks_read:
                reason = f"is none of the four voices that {self.model.name} reads"
            else:
                continue
            raise BadOption(f"--tracks {self.request.tracks}: track {index + 1} {reason}")
        return self.named_tracks

    @cached_property
    def is_replaced(self) -> np.ndarray:
        """bool (N,): the notes that are written anew."""
        notes = self.score.notes
        if self.request.voices is not None:
            return np.zeros(len(notes), bool)
        onsets = notes["onset_ticks"]
        replaced = np.isin(notes["track"], self.chosen_tracks) & self._is_in_span(onsets)
        for first, end in self.request.locked_notes:
            if end > len(notes):
                raise BadOption(f"--lock {self.request.lock}: {self.name} has {len(notes):,} notes")
            replaced[first:end] = False
        if self.request.amount < 1:
            candidates = np.flatnonzero(replaced)
            rng = np.random.default_rng((self.request.seed, 2))
            stays = rng.permutation(candidates)[round(self.request.amount * len(candidates)) :]
            replaced[stays] = False
        return replaced

    @cached_property
    def rows(self) -> np.ndarray:
        """uint8 0/1 (T, D): the piece as the model reads it; where it is free, with what was there."""
        whole, locked = (self._rows(notes) for notes in (np.ones(len(self.is_replaced), bool), ~self.is_replaced))
        return np.where(self.encoding.numbers_of(self.is_free), whole, locked)

    @cached_property
    def is_free(self) -> np.ndarray:
        """bool (T, V): where a voice is written: all of each note that goes, and where all of a voice goes, its
        rests too."""
        is_free = np.zeros((self._steps, VOICES), bool)
        steps = np.arange(self._steps)[:, None]
        for note in np.flatnonzero(self.is_replaced & (self.voices != LEFT_OUT)):
            onset, voice = int(self.onsets[note]), self.voices[note]
            is_free[onset : onset + int(self.lengths[note]), voice] = True
        if self.request.amount == 1 and not self.request.keep_rhythm:
            quarter = self.encoding.options.steps_per_quarter
            for begin, end in self.span_ticks:
                first, last = to_steps(np.array([begin, end]), quarter)
                is_free |= (steps >= first) & (steps < last) & np.isin(np.arange(VOICES), self.free_voices)
        return is_free & ~self._sounds(self._rows(~self.is_replaced))

    @property
    def sings(self) -> np.ndarray | None:
        """bool (T, V): where voices have to sing: new ones where those that are there do, and one that is alone where
        it did, since of three voices that rest a model learns that the fourth rests, too."""
        if self.request.voices is None:
            is_alone = len({*self.voices.tolist()} - {LEFT_OUT}) == 1
            return np.asarray(self._sounds(self.rows) & self.is_free) if is_alone else None
        sounds = np.asarray(self._sounds(self.rows).any(axis=1, keepdims=True))
        return np.repeat(sounds, VOICES, axis=1)

    @cached_property
    def free_voices(self) -> list[int]:
        """The voices whose rests are free as well."""
        of_tracks = track_voices(self.score, self.onsets, self.lengths)
        if self.request.voices is not None:
            sung = {*self.voices.tolist()} - {LEFT_OUT}
            return sorted({*BY_NUMBER[self.request.voices]} - sung)
        if of_tracks is not None:
            return [of_tracks[track] for track in self.chosen_tracks if track in of_tracks]
        tracks_read = {*self.score.notes["track"][self.voices != LEFT_OUT].tolist()}
        return [*range(VOICES)] if tracks_read <= {*self.chosen_tracks} else []

    def _check_part(self) -> None:
        _ = self.span_ticks, self.chosen_tracks
        request, is_read = self.request, self.voices != LEFT_OUT
        if request.voices is not None:
            if not is_read.any():
                raise NoMusic(f"{self.name} has nothing to harmonise: no note but drums")
            if not self.free_voices:
                sung = len({*self.voices[is_read].tolist()})
                raise BadOption(
                    f"--voices {request.voices}: {self.name} has {sung} voices already; name what to write anew: "
                    "--tracks or --bars"
                )
        elif not self.is_free.any() or (request.lock is not None and not self.is_replaced.any()):
            raise self._all_is_locked()
        elif self.is_replaced[is_read].all():
            raise self._nothing_is_locked()

    def _all_is_locked(self) -> BadOption:
        part = "bars" if self.request.tracks is None else "tracks and bars"
        return BadOption(f"everything is locked: {self.name} has nothing to write anew in these {part}")

    def _nothing_is_locked(self) -> BadOption:
        return BadOption(
            f"nothing is locked: all of {self.name} would be written anew; name a part of it (--bars, --tracks, "
            "--amount), or let a model write another piece: musictool sample"
        )

    @property
    def _steps(self) -> int:
        """T: up to the end of the last note and of the last bar that is asked for."""
        end = max(end for _, end in self.span_ticks)
        last = int(to_steps(np.array([end]), self.encoding.options.steps_per_quarter)[0])
        return max(last, int((self.onsets + self.lengths).max()))

    def _is_in_span(self, ticks: np.ndarray) -> np.ndarray:
        """bool, shaped as `ticks`: which times are in the bars that are asked for."""
        return np.asarray(np.any([(ticks >= begin) & (ticks < end) for begin, end in self.span_ticks], axis=0))

    def _rows(self, which: np.ndarray) -> np.ndarray:
        """uint8 0/1 (T, D): these notes, bool (N,), at the height at which the model reads them."""
        notes = self.score.notes[which]
        notes["pitch"] = fold_octaves(notes["pitch"].astype(np.int64) + self.transposition, range(PITCHES))
        rows = self.encoding.rows_of(replace(self.score, notes=notes), self.voices[which])
        return np.concatenate([rows, np.zeros((max(0, self._steps - len(rows)), rows.shape[1]), rows.dtype)])

    def _sounds(self, rows: np.ndarray) -> np.ndarray:
        """bool (T, V): where a voice sings."""
        return np.asarray(rows.reshape(len(rows), -1, VOICES, len(KEYBOARD)).any(axis=(1, 3)))

    # === What is written ===

    def _joined(self, rows: np.ndarray) -> Score:
        """The piece with what is free in it as in `rows` (T, D)."""
        score, free = self.score, np.where(self.encoding.numbers_of(self.is_free), rows, 0)
        written = self.encoding.decode(free).transpose(-self.transposition)
        notes = written.notes[self._is_in_span(written.notes["onset_ticks"])].copy()
        of_voice, tracks = self._tracks_of_voices({*notes["track"].tolist()})
        for voice in np.unique(notes["track"]):
            chosen = notes["track"] == voice
            notes["velocity"][chosen] = self._velocities(notes["onset_ticks"][chosen], of_voice[voice])
        notes["track"] = np.array([of_voice.get(voice, 0) for voice in range(VOICES)])[notes["track"]]
        locked = score.notes[~self.is_replaced]
        return replace(score, notes=sort_notes(np.concatenate([locked, notes])), tracks=tracks)

    def _tracks_of_voices(self, voices: set[int]) -> tuple[dict[int, int], tuple[Track, ...]]:
        """The track of each of these voices, and all tracks, the piece's own first.

        It is the track that most of a voice's notes are in, of those that may be written in; a voice that has none
        gets a new one that sounds as its nearest neighbour.
        """
        tracks, of_voice = list(self.score.tracks), {}
        writable = [*range(len(tracks))] if self.request.voices is not None else self.chosen_tracks
        for voice in range(VOICES):
            sung = self.score.notes["track"][self.voices == voice]
            sung = sung[np.isin(sung, writable)]
            if len(sung):
                of_voice[voice] = int(np.bincount(sung).argmax())
        known = dict(of_voice)
        for voice in sorted(voices - {*of_voice}):
            nearest = known[min(known, key=lambda other: abs(other - voice))] if known else writable[0]
            if self.request.voices is None:
                of_voice[voice] = nearest
            else:
                of_voice[voice] = len(tracks)
                tracks.append(Track(tracks[nearest].program, name=NAMES[voice]))
        return of_voice, tuple(tracks)

    def _velocities(self, onsets: np.ndarray, track: int) -> np.ndarray:
        return loudness_near(self.score.notes[~self.score.is_drum], onsets, track)


def loudness_near(notes: np.ndarray, onsets: np.ndarray, track: int) -> np.ndarray:
    """How loud new notes are: as the note of their track that began nearest to them, or of all these notes."""
    of_track = notes[notes["track"] == track]
    notes = of_track if len(of_track) else notes
    if not len(notes):
        return np.full(len(onsets), DEFAULT_VELOCITY)
    begins = notes["onset_ticks"].astype(np.int64)
    after = np.searchsorted(begins, onsets).clip(0, len(begins) - 1)
    before = (after - 1).clip(0)
    is_nearer = np.abs(begins[before] - onsets) <= np.abs(begins[after] - onsets)
    return notes["velocity"][np.where(is_nearer, before, after)]
