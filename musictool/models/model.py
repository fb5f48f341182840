"""The saved model: a folder that explains itself.

    saved_models/bach-lstm/
      model.json            format version; arch, its stages, encoding, options; spec; training; provenance; checksums
      vocabulary.json       if the encoding has one
      network.weights.h5    the best weights, one file per network
      primers.h5            openings of validation pieces, so that sampling starts without the corpus
      history.csv           a row per epoch
      samples/              music written while it trained
      checkpoints/          what resuming needs; may be deleted

JSON and arrays only, nothing that runs code: a model from a stranger is safe to open.
"""

from __future__ import annotations

import hashlib
import json
import shlex
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import pairwise
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from musictool import arch as archs
from musictool.arch import Arch, Stage
from musictool.atomic import check_room, naming_when_full, replacing, write_json
from musictool.backend import backend
from musictool.backend.precision import precision_within
from musictool.corpus.keys import key_index
from musictool.dataset.conditions import Conditions
from musictool.encoding import Encoding, Spec
from musictool.engine.choice import chosen, numpy_seconds
from musictool.engine.current import Engine, within
from musictool.engine.numpy_layer import at_most
from musictool.errors import BadModel
from musictool.models.info import MARKER, as_bad_model, folder_of, read_info, weights_file
from musictool.models.parts import MOST_PRIMER_BYTES, open_encoding, sha256
from musictool.models.weights import load_weights
from musictool.music.dynamics import Dynamics
from musictool.music.key import semitones_to_c
from musictool.music.score import METRE, Score
from musictool.music.transposition import TO_C
from musictool.registry import ARCHS
from musictool.strict.files import check_regular
from musictool.strict.hdf5 import array, check_file, new_file, opened

MOST_PRIMERS = 1000  # openings that are read
_KEYS_STREAM = 3  # of random numbers
SMALLEST_WEIGHT = 2  # bytes of a parameter in a weights file


@dataclass(frozen=True)
class Model:
    """An opened model folder.

    Attributes:
        folder: where it lies.
        info: the contents of model.json.
        encoding: with its vocabulary.
    """

    folder: Path
    info: dict[str, Any]
    encoding: Encoding

    @classmethod
    def open(cls, name: str | Path | None = None) -> Model:
        """The model called `name`, or without one, the one trained last: see folder_of.

        Raises:
            BadModel: if there is none, or it is damaged, incomplete or of another version; says which file.
            UnknownName: if nothing is called so, with a suggestion.
        """
        folder = folder_of(name)
        info = read_info(folder)
        return cls(folder, info, open_encoding(folder, info))

    @property
    def name(self) -> str:
        """The folder's name."""
        return self.folder.name

    @property
    def spec(self) -> Spec:
        """The Spec of its encoding."""
        return self.encoding.spec

    @property
    def conditions(self) -> Conditions:
        """The conditions that the model takes."""
        with as_bad_model(self.folder / MARKER):
            conditions = Conditions.from_json(self.info["conditions"])
            if conditions.size != self.info["arch"]["conditions"]:
                raise ValueError(f"arch.conditions is {self.info['arch']['conditions']} and not {conditions.size}")
            return conditions

    @property
    def arch_class(self) -> type[Arch]:
        """The class of its arch; nothing is loaded. Raises BadModel for an arch that this version lacks."""
        with as_bad_model(self.folder / MARKER):
            cls: type[Arch] = ARCHS.get(self.info["arch"]["name"])
            return cls

    @cached_property
    def arch(self) -> Arch:
        """The arch with the best weights loaded, as networks of Keras: see `player` for what only writes or scores.

        Raises:
            BadModel: if damaged, and for missing or foreign weights.
        """
        return self._loaded("keras")

    @cached_property
    def _numpy_arch(self) -> Arch:
        return self._loaded("numpy")

    def engine_for(self, rows: float, pieces: int = 1, name: str = "auto") -> Engine:
        """The engine for writing or scoring so many rows of each of some pieces, side by side.

        Args:
            name: of the engine, or auto; see musictool/engine/choice.py.
        """
        if name == "auto" and "arch" in self.__dict__:
            return "keras"
        weights = self.info["metrics"].get("parameters", 0) * self.arch_class.USES_PER_WEIGHT
        return chosen(name, numpy_seconds(weights, pieces, rows))

    def player(self, engine: Engine) -> Arch:
        """The arch with the best weights loaded, for writing and scoring by this engine. Raises BadModel as `arch`."""
        return self.arch if engine == "keras" else self._numpy_arch

    def _loaded(self, engine: Engine) -> Arch:
        # the networks as described, in float32 whatever they were trained in
        self._check_size()
        if engine == "keras":
            backend.prepare_devices()
        precision = precision_within("float32") if engine == "keras" else nullcontext()
        with as_bad_model(self.folder / MARKER), precision, within(engine):
            arch = archs.from_json(self.info["arch"], self.spec)
            arch.build()
        # the weights of each, if they are the very files that model.json was written for
        for stage in arch.stages:
            path = self.folder / weights_file(stage.name)
            checksums = {self.info["weights"].get(path.name), self.info.get("weights_to_come", {}).get(path.name)}
            if not path.is_file():
                raise BadModel(f"{self.folder} has no {path.name}; copy or train the model again")
            if sha256(path) not in checksums:
                raise BadModel(f"{path} is not the file that {MARKER} describes; copy or train the model again")
            try:
                if engine == "keras":
                    check_file(path)
                    stage.network.load_weights(path)
                else:
                    load_weights(stage.network, path)
            except (ValueError, KeyError, OSError) as error:
                what = " ".join(str(error).split())
                raise BadModel(f"{path} does not fit the network that {MARKER} describes: {what}") from None
        return arch

    def _check_size(self) -> None:
        """Count the parameters that model.json describes against the weight files, before a network is built.

        Raises:
            BadModel: for more of them than the files hold, and for a stage that has no weights yet.
        """
        for stage in self.info["stages"]:
            if not {weights_file(stage)} & {*self.info["weights"], *self.info.get("weights_to_come", {})}:
                raise BadModel(
                    f"{self.folder} has no {weights_file(stage)}: its stage {stage} has not been trained yet; "
                    f"go on with: musictool train --resume --name {shlex.quote(self.name)}"
                )
        held = 0
        for path in [self.folder / weights_file(stage) for stage in self.info["stages"]]:
            try:
                held += check_regular(path)
            except FileNotFoundError:
                raise BadModel(f"{self.folder} has no {path.name}; copy or train the model again") from None
            except (OSError, ValueError) as error:
                raise BadModel(f"{path} cannot be read: {error}") from None
        _ = self.conditions
        check_parameters(self.folder, self.info, self.spec, held)

    def with_arch(self, arch: Arch) -> Model:
        """The same model with other networks: those that are being trained, in the place of the saved ones."""
        model = Model(self.folder, self.info, self.encoding)
        model.__dict__["arch"] = arch
        return model

    def semitones_for(self, score: Score | None, key: int | None = None) -> int:
        """By how many semitones music is moved for a model that was trained in C major and A minor; for another, 0.

        Args:
            score: the music, whose key is estimated; None if there is none, and then
            key: the key that is asked for, an index into KEY_NAMES; None for any.
        """
        if self.info["training"]["options"]["transpose"] != TO_C:
            return 0
        if score is not None:
            key = key_index(score)
        return 0 if key is None else semitones_to_c(key)

    def drawn_semitones(self, num: int, seed: int) -> list[int]:
        """The same for each of some pieces of its own, in keys as its corpus has them."""
        counts = np.array(self.info["music"].get("keys", []), np.float64)
        if not counts.sum():
            return [0] * num
        keys = np.random.default_rng((seed, _KEYS_STREAM)).choice(len(counts), num, p=counts / counts.sum())
        return [self.semitones_for(None, key) for key in keys.tolist()]

    def transposed(self, score: Score) -> Score:
        """A piece in the key in which the model reads it."""
        return score.transpose(self.semitones_for(score))

    @cached_property
    def primers(self) -> list[np.ndarray]:
        """Openings of validation pieces: spec.dtype (T, *spec.shape) each."""
        with self._primers_file() as file:
            rows, offsets = (array(file, name) for name in ("rows", "offsets"))
            rows = rows.astype(self.spec.dtype)
            limit = self.spec.size if self.spec.kind == "tokens" else 2
            if rows.shape[1:] != self.spec.shape or not ((rows >= 0) & (rows < limit)).all():
                raise ValueError("rows that the encoding does not have")
            return _parts(rows, offsets)

    @cached_property
    def primer_metres(self) -> list[np.ndarray]:
        """METRE of each of the primers; none of any for a model that was saved before they were kept."""
        with self._primers_file() as file:
            if "metres" not in file:
                return [np.zeros(0, METRE)] * len(self.primers)
            columns, offsets = (array(file, name) for name in ("metres", "metre_offsets"))
            if columns.dtype.kind not in "iu" or columns.shape[1:] != (3,) or (columns < 0).any():
                raise ValueError("metres that are none")
            if (columns[:, 1:] > 255).any() or (columns[:, 1:] < 1).any() or len(offsets) != len(self.primers) + 1:
                raise ValueError("metres that are none")
            # a column for each field -> METRE rows, piece by piece
            table = np.zeros(len(columns), METRE)
            for name, column in zip(METRE.names or (), columns.T, strict=True):
                table[name] = column
            return _parts(table, offsets)

    @contextmanager
    def _primers_file(self) -> Iterator[h5py.File]:
        """primers.h5, open; what is wrong with it is a BadModel."""
        path = self.folder / "primers.h5"
        try:
            with opened(path, MOST_PRIMER_BYTES) as file:
                yield file
        except (OSError, KeyError, ValueError, TypeError) as error:
            raise BadModel(f"{path} cannot be read: {error}") from None

    @cached_property
    def dynamics(self) -> Dynamics:
        """How loud its corpus plays; DEFAULT for a model that was saved before it was measured."""
        with as_bad_model(self.folder / MARKER):
            return Dynamics.from_json(self.info["music"].get("dynamics", {}))

    def with_programs(self, score: Score) -> Score:
        """Music that it wrote, with its parts played as most pieces of its corpus are."""
        programs = dict(zip(self.encoding.parts, self.info["music"].get("programs", ()), strict=False))
        tracks = (replace(track, program=programs.get(track.name, track.program)) for track in score.tracks)
        return replace(score, tracks=tuple(tracks))

    def with_velocities(self, score: Score, velocity: str, seed: int) -> Score:
        """Music that it wrote, as loud as its corpus plays; with "flat", or velocities of its own, as it is."""
        return self.dynamics.played(score, seed) if velocity == "expressive" else score

    @property
    def checksum(self) -> str:
        """sha256 over the weights and the vocabulary: the same music comes only from the same checksum."""
        parts = [*sorted(self.info["weights"].items()), ("vocabulary", self.info["vocabulary_sha256"])]
        return hashlib.sha256(json.dumps(parts).encode()).hexdigest()


def check_parameters(folder: Path, info: dict[str, Any], spec: Spec, file_bytes: int) -> None:
    """Count the parameters that model.json describes, before memory is taken for them.

    Args:
        file_bytes: of the files that they are to be read from.

    Raises:
        BadModel: for more than these hold.
    """
    with as_bad_model(folder / MARKER), within("numpy"), at_most(file_bytes // SMALLEST_WEIGHT):
        archs.from_json(info["arch"], spec).build()


def create(
    folder: Path,
    info: dict[str, Any],
    encoding: Encoding,
    primers: Sequence[np.ndarray],
    metres: Sequence[np.ndarray] = (),
) -> None:
    """Write all of a new model but its weights into `folder`; model.json comes last.

    Args:
        primers: spec.dtype (T, *spec.shape) each.
        metres: METRE of each of them.
    """
    folder.mkdir(parents=True, exist_ok=True)
    vocabulary = encoding.vocabulary()
    if vocabulary is not None:
        write_json(folder / "vocabulary.json", vocabulary)
        info["vocabulary_sha256"] = sha256(folder / "vocabulary.json")
    # the primers end to end, and where each begins; their metres likewise
    with replacing(folder / "primers.h5") as partial, new_file(partial) as file:
        file["rows"] = (
            np.concatenate(primers) if len(primers) else np.zeros((0, *encoding.spec.shape), encoding.spec.dtype)
        )
        file["offsets"] = _offsets(primers)
        if len(metres):
            table = np.concatenate(metres)
            file["metres"] = np.stack([table[name].astype(np.int32) for name in METRE.names or ()], axis=1)
            file["metre_offsets"] = _offsets(metres)
    write_json(folder / MARKER, info)


def _parts(whole: np.ndarray, offsets: np.ndarray) -> list[np.ndarray]:
    """What was laid end to end, one by one. Raises ValueError for offsets that are none."""
    if offsets.ndim != 1 or not 1 <= len(offsets) <= MOST_PRIMERS or offsets.dtype.kind not in "iu":
        raise ValueError("offsets that are none")
    if (np.diff(offsets) < 0).any() or offsets.min() < 0 or offsets.max() > len(whole):
        raise ValueError("offsets outside the rows")
    return [whole[a:b] for a, b in pairwise(offsets)]


def _offsets(parts: Sequence[np.ndarray]) -> np.ndarray:
    """int64 (parts + 1,): where each of them begins, laid end to end, and the end of the last."""
    return np.concatenate([[0], np.cumsum([len(part) for part in parts])]).astype(np.int64)


def save_weights(folder: Path, stage: Stage, metrics: dict[str, Any]) -> None:
    """Write the weights of a stage's network, as they are now, and their metrics into a model folder.

    A run killed at any moment leaves a model that opens: model.json knows the new checksum before the file has it.
    """
    path = folder / weights_file(stage.name)
    fresh = path.with_name(f".{path.name}")  # Keras insists on the ending
    fresh.unlink(missing_ok=True)  # it may be a link, which is never written through
    check_room(path, sum(int(np.prod(weight.shape)) * 4 for weight in stage.network.weights))
    try:
        with naming_when_full(path, fresh):
            stage.network.save_weights(fresh)
    except BaseException:
        fresh.unlink(missing_ok=True)
        raise
    checksum = sha256(fresh)
    info = read_info(folder)
    write_json(folder / MARKER, {**info, "weights_to_come": {path.name: checksum}})
    fresh.replace(path)
    info["weights"][path.name] = checksum
    info["metrics"] |= {
        name: None if value is None or not np.isfinite(value) else value for name, value in metrics.items()
    }
    info.pop("weights_to_come", None)
    write_json(folder / MARKER, info)
