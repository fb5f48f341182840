"""What the process behind the page (child.py) does: writes, plays, infills, chooses excerpts and learns.

Only here, behind the page, are networks loaded. Each job reports what it is doing, and returns what is known then.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from collections import OrderedDict
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from musictool import home, options
from musictool.atomic import write_json
from musictool.errors import BadOption
from musictool.training.reporter import Reporter, RunFacts
from musictool.web.view import view
from musictool.web.worker import TRAINING_JOB

if TYPE_CHECKING:
    from musictool.models.model import Model
    from musictool.music.score import Score

OPEN_MODELS = 3  # kept in memory
MOST_SECONDS = 20 * 60  # of sound

Report = Callable[..., None]  # called with what is being done, and the share of it that is done if that is known


class OpenModels:
    """The models that were used last, loaded."""

    def __init__(self) -> None:
        self._models: OrderedDict[tuple[str, int], Model] = OrderedDict()

    def get(self, name: str) -> Model:
        """The model of that name as it is now. Raises UnknownName, BadModel."""
        return self.at(home.find_model(name))

    def at(self, folder: Path) -> Model:
        """The model in a folder as it is now. Raises BadModel."""
        from musictool.models.model import Model

        key = (str(folder), (folder / home.MODEL_MARKER).stat().st_mtime_ns)
        model = self._models.pop(key, None) or Model.open(folder)
        self._models[key] = model
        while len(self._models) > OPEN_MODELS:
            self._models.popitem(last=False)
        return model


MODELS = OpenModels()


def warm_up(report: Report, model: str) -> dict[str, Any]:
    """Load a model, let it write a bar and play it, so that the first listener does not wait for that."""
    from musictool.generation.request import Request
    from musictool.generation.sample import sample
    from musictool.writing import write

    report("loading")
    (score,) = sample(MODELS.get(model), Request(bars=1, seed=1))
    with tempfile.TemporaryDirectory() as folder:
        write(score, Path(folder) / "bar.wav")
    view(score)
    return {}


def make(
    report: Report, folder: str, model: str, request: dict[str, Any], forms: list[str], lofi: bool, seed: int
) -> dict[str, Any]:
    """Write a piece if it is not there yet, and what is missing of its other forms.

    Args:
        folder: where its files lie: piece.mid, piece.json, view.json, piece.mp3, ..., lofi.mp3, lofi-view.json.
        request: flat options of a Request.
        forms: suffixes that are wanted.
        lofi: whether sound and view are to be those of the piece as lo-fi.
    """
    place = Path(folder)
    place.mkdir(parents=True, exist_ok=True)
    midi = place / "piece.mid"
    if not midi.exists():
        report("reading", 0.0)
        _write_piece(report, midi, model, request)
    sounds = [form for form in forms if form in (".mp3", ".wav")]
    _render(report, midi, [form for form in forms if form not in (".mid", ".json") and not (lofi and form in sounds)])
    if lofi:
        _render_lofi(report, midi, sounds, seed)
    elif not (place / "view.json").exists():
        write_json(place / "view.json", view(_read(midi), _primer(request.get("primer"))))
    return {}


def _write_piece(report: Report, midi: Path, model: str, request: dict[str, Any]) -> None:
    from musictool.generation.request import Request
    from musictool.generation.songs import write_songs

    song = options.build(Request, request)
    write_songs(MODELS.get(model), song, midi, lambda rows, total: report("writing", rows / max(1, total)), force=True)


def _render(report: Report, midi: Path, forms: list[str]) -> None:
    """Files of further forms beside a MIDI file, made of the notes in it."""
    from musictool.writing import write

    for form in forms:
        path = midi.with_suffix(form)
        if not path.exists():
            report("playing" if form in (".mp3", ".wav") else "engraving")
            score = _read(midi)
            _check_length(score)
            write(score, path)


def _render_lofi(report: Report, midi: Path, forms: list[str], seed: int) -> None:
    from musictool.apps.lofi.lofi import lofi
    from musictool.apps.lofi.options import LofiOptions

    paths = [midi.with_name(f"lofi{form}") for form in forms]
    missing, shown = [path for path in paths if not path.exists()], midi.with_name("lofi-view.json")
    if missing or not shown.exists():
        report("slowing down")
        _check_length(_read(midi))
        arrangement = lofi(midi, missing or [midi.with_name("lofi.mp3")], LofiOptions(seed=seed))
        write_json(shown, view(arrangement.score))


def infill(report: Report, source: str, out: str, model: str, request: dict[str, Any], form: str) -> dict[str, Any]:
    """Write a part of a piece anew, with its sound and what the page shows of it.

    Args:
        source, out: MIDI files.
        request: flat options of an InfillRequest.
        form: of the sound.
    """
    from musictool.web.edit import MOST_BARS

    report("reading", 0.0)
    bars = _read(Path(source)).bars
    if bars > MOST_BARS:
        raise BadOption(
            f"this piece has {bars} bars; of at most {MOST_BARS} a part is written here, of any by: musictool infill"
        )
    midi = Path(out)
    _write_infill(report, Path(source), midi, model, request)
    _render(report, midi, [form])
    write_json(midi.with_name("view.json"), view(_read(midi)))
    return {}


def _write_infill(report: Report, source: Path, midi: Path, model: str, request: dict[str, Any]) -> None:
    from musictool.generation.infill_request import InfillRequest
    from musictool.generation.infill_songs import write_infills

    def progress(done: int, total: int) -> None:
        report("writing", done / max(1, total))

    write_infills(MODELS.get(model), source, options.build(InfillRequest, request), midi, progress, force=True)


def _primer(primer: str | None) -> Score | None:
    from musictool.generation.primers import read_primer

    return None if primer is None else read_primer(primer)


def _read(midi: Path) -> Score:
    from musictool.reading import read_named

    return read_named(midi).scores[0]


def _check_length(score: Score) -> None:
    if score.seconds > MOST_SECONDS:
        raise BadOption(
            f"this piece would last {score.seconds / 60:.0f} minutes, at most {MOST_SECONDS // 60} are played; "
            "ask for fewer bars or a faster tempo"
        )


def excerpt(report: Report, corpus: str, source: str, seed: int, out: str, counts: str) -> dict[str, Any]:
    """Half a minute of somebody's music as sound; "done" says which piece it is from.

    Args:
        corpus: its name.
        source: "people", "markov" or "model:NAME".
        out: the sound file.
        counts: the model folder of markov.
    """
    import numpy as np

    from musictool.web.excerpts import LOUDNESS, with_equal_velocities
    from musictool.web.excerpts import excerpt as cut
    from musictool.writing import write

    report("choosing")
    generator = np.random.default_rng((seed, 5))
    if source == "people":
        score, piece = _people(corpus, generator)
    else:
        model = MODELS.at(Path(counts)) if source == "markov" else MODELS.get(source.partition(":")[2])
        score, piece = _written(report, model, seed), f"seed {seed}"
    report("playing")
    write(with_equal_velocities(cut(score, generator)), Path(out), loudness=LOUDNESS)
    return {"piece": piece}


def _people(corpus: str, generator: Any) -> tuple[Score, str]:
    """A piece that was kept aside when models were trained, and its id."""
    import numpy as np

    from musictool.corpus.corpus import Corpus

    opened = Corpus.open(corpus)
    kept_aside = np.flatnonzero(opened.is_validation)
    if not len(kept_aside):
        raise BadOption(f"the corpus {corpus} has one piece only, and none that was kept aside")
    index = int(generator.choice(kept_aside))
    return opened.score(index), opened.ids[index]


def _written(report: Report, model: Model, seed: int) -> Score:
    from musictool.generation.request import Request
    from musictool.generation.sample import sample
    from musictool.web.excerpts import SECONDS

    request = Request(seconds=1.5 * SECONDS, seed=seed)
    (score,) = sample(model, request, lambda rows, total: report("writing", rows / max(1, total)))
    return score


def count(report: Report, corpus: str, folder: str) -> dict[str, Any]:
    """Counts of a corpus, the baseline of all models, in a folder that is no home's."""
    from musictool.corpus.corpus import Corpus
    from musictool.training.train import train

    report("counting")
    place, own_home = Corpus.open(corpus).folder, os.environ[home.HOME_VARIABLE]
    with tempfile.TemporaryDirectory() as other_home:
        os.environ[home.HOME_VARIABLE] = other_home
        try:
            train(str(place), arch="markov", name="counts", seed=1)
            Path(folder).parent.mkdir(parents=True, exist_ok=True)
            shutil.move(home.models_folder() / "counts", folder)
        finally:
            os.environ[home.HOME_VARIABLE] = own_home
    return {}


def fine_tune(report: Report, folder: str, name: str, model: str, minutes: float) -> dict[str, Any]:
    """Prepare a folder as a corpus, and let a model go on learning on it, as a new one.

    Args:
        folder: of MIDI files.
        name: of the corpus and of the new model.
        model: that it begins as.
    """
    from musictool.models.info import is_trained, read_info
    from musictool.preparation.prepare import prepare
    from musictool.training.train import train

    prepare(folder, name=name, workers=1, progress=lambda done, total: report("reading", done / max(1, total)))
    report("loading")
    reporter, folders = LessonReporter(report, name), [home.models_folder() / name, home.corpora_folder() / name]
    try:
        train(name, name=name, init_from=model, max_minutes=minutes, resume=False, reporter=reporter)
    finally:
        has_learnt = folders[0].exists() and is_trained(read_info(folders[0]))
        for folder_of_lesson in () if has_learnt else folders:  # so that the name is free for another try
            shutil.rmtree(folder_of_lesson, ignore_errors=True)
    if not has_learnt:
        raise BadOption(f"in {minutes:g} minutes it did not get through the pieces once; give it more")
    reporter.report_samples()
    return {}


class LessonReporter(Reporter):
    """Tells the page how a lesson goes: losses, and music after each epoch."""

    def __init__(self, report: Report, name: str):
        self._report, self._name, self._steps, self._epoch = report, name, 1, 0
        self._reported: set[Path] = set()

    def encoding(self, done: int, total: int) -> None:
        self._report("encoding", done / max(1, total))

    def run_begins(self, facts: RunFacts) -> None:
        self._report("begin", baselines=dict(facts.baselines), rows=facts.train_rows, unit=facts.unit)

    def epoch_begins(self, epoch: int, step: int, steps: int) -> None:
        self.report_samples()
        self._steps, self._epoch = max(1, steps), epoch

    def progress(self, step: int, loss: float, rows_per_second: float) -> None:
        self._report("learning", step / self._steps, epoch=self._epoch, loss=round(float(loss), 4))

    def epoch_ends(self, row: dict[str, Any], is_best: bool) -> None:
        values = {name: row[name] for name in ("epoch", "loss", "val_loss") if isinstance(row.get(name), int | float)}
        self._report("epoch", best=bool(is_best), **values)

    def report_samples(self) -> None:
        """Report of music that was written since."""
        for path in sorted((home.models_folder() / self._name / "samples").glob("epoch-*.mid")):
            if path not in self._reported:
                self._reported.add(path)
                self._report("sample", name=self._name, epoch=int(path.stem[-3:]), file=str(path.resolve()))


JOBS: dict[str, Callable[..., dict[str, Any]]] = {
    "warm-up": warm_up,
    "make": make,
    "infill": infill,
    "excerpt": excerpt,
    "count": count,
    TRAINING_JOB: fine_tune,
}
