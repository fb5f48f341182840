"""Tiny music and a tiny model that several tests share: made once, with the real commands' functions."""

from __future__ import annotations

import ctypes
import gc
import logging
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from importlib.abc import MetaPathFinder
from pathlib import Path

import pytest
from hypothesis import settings

from tests.strategies import examples

# Machines may be busy: no case has a deadline. `make test` draws the same cases every time, `make test-all` new ones.
settings.register_profile("same", deadline=None, derandomize=True, max_examples=examples(100))
settings.register_profile("explore", deadline=None, print_blob=True)
settings.load_profile(os.environ.get("MUSICTOOL_HYPOTHESIS", "same"))
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")


class Slim(MetaPathFinder):
    """Lets TensorFlow and Keras start without what they load where it is installed and need for nothing here.

    It is a quarter of the memory of each process and of the time that they take to start. A test that needs one of
    these imports it as ever.
    """

    OPTIONAL = ("jax", "sklearn", "matplotlib")

    def find_spec(self, name: str, path: object = None, target: object = None) -> None:
        if name in self.OPTIONAL and any(map(self._starts, ("tensorflow", "keras"))):
            raise ModuleNotFoundError(f"{name} is not for TensorFlow", name=name)

    @staticmethod
    def _starts(name: str) -> bool:
        return getattr(getattr(sys.modules.get(name), "__spec__", None), "_initializing", False)


if os.environ.get("KERAS_BACKEND", "tensorflow") != "jax":
    sys.meta_path.insert(0, Slim())

SCALES = ((0, 2, 4, 5, 7, 9, 11, 12), (0, 4, 7, 12, 7, 4, 0, 4), (12, 11, 9, 7, 5, 4, 2, 0))


def write_tunes(folder: Path, tunes: int = 12) -> Path:
    """A folder of `tunes` short different MIDI files: scales and broken chords on different notes."""
    from musictool.music.score import Score
    from musictool.writing import write

    for tune in range(tunes):
        shape, tonic = SCALES[tune % len(SCALES)], 55 + tune
        notes = [(tonic + step, i * 0.5, 0.5) for i, step in enumerate(shape * 3)]
        write(Score.from_notes(notes), folder / f"tune-{tune:02d}.mid")
    return folder


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Iterator[None]:
    """What is in memory once all tests are known, TensorFlow above all, stays there, and is not garbage.

    To look through it takes a second each time, and graphs are dropped after each file of tests.
    """
    gc.disable()
    try:
        return (yield)
    finally:
        gc.enable()
        gc.collect()
        gc.freeze()
        leave_arrays_alone()


def leave_arrays_alone() -> None:
    """TensorFlow, when it compiles nothing, keeps for each step of a recurrent layer how it came to be, to warn if
    nobody uses it, which takes longer than the step. Not here."""
    if sys.modules.get("tensorflow"):
        from tensorflow.python.util import tf_should_use

        tf_should_use._add_should_use_warning = lambda values, *_, **__: values


WORKER_BYTES = 1 << 30  # that a process of tests takes at most, some 700 MB of it TensorFlow itself


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers(config: pytest.Config) -> int:
    """What `-n auto` is: as many processes as there are cores, and memory for."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    with suppress(OSError):  # no /proc, as on macOS
        available = next(line for line in Path("/proc/meminfo").read_text().splitlines() if line.startswith("MemAvail"))
        cores = min(cores, int(available.split()[1]) * 1024 // WORKER_BYTES)
    return max(1, cores)


def drop_graphs() -> None:
    """What TensorFlow keeps of networks that are no longer needed goes.

    Its table of custom gradients has one entry for each that was ever traced, and with it the whole graph around it.
    """
    if "tensorflow" not in sys.modules:
        return
    from tensorflow.python.framework.ops import gradient_registry

    for name in [name for name in gradient_registry.list() if name.startswith("CustomGradient-")]:
        del gradient_registry._registry[name]
    gc.collect()
    with suppress(OSError, AttributeError):  # not glibc
        ctypes.CDLL("libc.so.6").malloc_trim(0)


def resident() -> int:
    """Bytes of memory that this process has; 0 where there is no /proc, as on macOS."""
    with suppress(OSError):
        return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    return 0


@pytest.fixture(autouse=True, scope="module")
def graphs_are_dropped() -> Iterator[None]:
    """What TensorFlow keeps of the networks of a file of tests goes with it."""
    yield
    if "keras" in sys.modules:
        sys.modules["keras"].utils.clear_session(free_memory=False)  # the next line does
    drop_graphs()


@pytest.fixture(autouse=True, scope="session")
def most_resident() -> list[int]:
    """Bytes of memory above which graphs are dropped after a test already."""
    return [WORKER_BYTES * 13 // 16]


@pytest.fixture(autouse=True)
def memory_is_bounded(most_resident: list[int]) -> Iterator[None]:
    yield
    if resident() > most_resident[0]:
        drop_graphs()
        most_resident[0] = max(most_resident[0], resident() + WORKER_BYTES // 32)  # not after each, if it is needed


@pytest.fixture(autouse=True, scope="module")
def auto_is_numpy() -> Iterator[None]:
    """Where a test leaves the engine open, numpy computes, as in a command that has not loaded Keras.

    Here some test before it has, and then Keras would compile a loop for a few rows. Tests that are about that loop ask
    for it: by `engine="tensorflow"`, or by `Model.arch`.
    """
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("musictool.engine.choice.is_loaded", lambda: False)
        yield


@contextmanager
def eager() -> Iterator[None]:
    """TensorFlow compiles nothing, which takes longer than a few calls; `make test-all` compiles everywhere.

    That each arch can be compiled is one of the laws of archs.
    """
    import tensorflow as tf

    tf.config.run_functions_eagerly(os.environ.get("MUSICTOOL_HYPOTHESIS") != "explore")
    try:
        yield
    finally:
        tf.config.run_functions_eagerly(False)


@pytest.fixture
def eagerly(request: pytest.FixtureRequest) -> Iterator[None]:
    """`eager`, but for a slow test, which calls more often."""
    if request.node.get_closest_marker("slow"):
        yield
        return
    with eager():
        yield


@pytest.fixture
def without_music(monkeypatch: pytest.MonkeyPatch) -> None:
    """The file of music that a run writes after each epoch is empty: to write it takes as long as to train so little.

    tests/training/test_results.py and the models that other tests share have real ones.
    """
    from musictool.training.results import FolderResults

    def write_nothing(results: FolderResults, path: Path) -> None:
        path.parent.mkdir(exist_ok=True)
        path.touch()

    monkeypatch.setattr(FolderResults, "_write_music", write_nothing)


@pytest.fixture(autouse=True)
def as_loud_as_before() -> Iterator[None]:
    """What -v and -q of a command set for its process does not outlive a test."""
    own, root = logging.getLogger("musictool"), logging.getLogger()
    level, handlers = own.level, [*root.handlers]
    yield
    own.setLevel(level)
    for handler in root.handlers[:]:
        if handler not in handlers and type(handler) is logging.StreamHandler:
            root.removeHandler(handler)


@pytest.fixture(scope="session")
def tunes(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of 12 tunes."""
    return write_tunes(tmp_path_factory.mktemp("tunes"))


@pytest.fixture(scope="session")
def tiny_home(tunes: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home with the corpus `tunes` and the model `tunes-lstm`, trained for two epochs. Read only.

    It knows whole chords, so that whatever it draws is a note, and it has a vocabulary.
    """
    from musictool.preparation.prepare import prepare
    from musictool.training.train import train

    home = tmp_path_factory.mktemp("home")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MUSICTOOL_HOME", str(home))
        prepare(str(tunes), name="tunes", workers=1)
        tiny = {"settings": ("width=16", "embedding=16", "layers=1"), "encoding_settings": ("vocabulary=closed",)}
        train("tunes", epochs=2, seed=1, window=16, batch_size=8, **tiny)
    return home


@pytest.fixture
def at_tiny_home(tiny_home: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The same, with MUSICTOOL_HOME pointing at it."""
    monkeypatch.setenv("MUSICTOOL_HOME", str(tiny_home))
    return tiny_home


@pytest.fixture
def at_new_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty home."""
    monkeypatch.setenv("MUSICTOOL_HOME", str(tmp_path))
    return tmp_path
