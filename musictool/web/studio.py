"""What the page can do, whatever it is asked by: make a piece, take in dropped music, keep a piece.

A Studio holds the library, the worker and the queue before it. Its methods that take time are iterators of events, for
one listener each.
"""

from __future__ import annotations

import hashlib
import json
import re
import secrets
import shutil
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from dataclasses import replace
from pathlib import Path
from typing import Any

import anyio
import anyio.to_thread

from musictool import home
from musictool.atomic import write_json
from musictool.errors import BadFile, BadOption, Busy, MusictoolError
from musictool.web.edit import DRAWN_NAME, Edit, about, drawn_melody, portable_infill, take_name
from musictool.web.library import FORMS, SOUND, Kept, Library, Upload, models, portable, stamp
from musictool.web.listening import FILE as VOTES
from musictool.web.listening import MARKOV, ListeningTest
from musictool.web.recipe import PieceRecipe
from musictool.web.worker import JOB_SECONDS, TRAINING_JOB, Event, Queue, Worker
from musictool.workers.processes import Pool

READ_SECONDS = 20.0  # that one dropped file may take
MOST_MINUTES = 240  # of learning
LESSON_SECONDS = 600.0  # beyond that, for preparing and for what each epoch needs at its end


class Studio:
    """One page's library and workers.

    Args:
        folder: an empty one for all that does not outlive the page.
        program: what the worker process runs, instead of the real one.
        votes: the file of the blind test's answers.
        seed: of the order of the blind test.
    """

    def __init__(self, folder: Path, program: Sequence[str] = (), votes: Path | None = None, seed: int = 0):
        self.library, self.kept = Library(folder), Kept()
        self.kept.bring_primers(self.library)
        self._lessons, self._excerpts = folder / "lessons", folder / "excerpts"
        self.test = ListeningTest(votes or home.home() / VOTES, seed)
        working = folder / "work"
        working.mkdir()
        self.worker, self.trainer = Worker(working, program), Worker(working, program)
        self.queue, self.training_queue = Queue(), Queue(1)
        self._readers, self._reading = Pool(), anyio.CapacityLimiter(2)

    async def warm_up(self) -> None:
        """Load what the first listener will want."""
        first = next(iter(models()), None)
        if first is None:
            return
        async with self.queue.turn():
            try:
                async for _ in self.worker.run("warm-up", model=first["name"]):
                    pass
            except MusictoolError:
                return  # whoever asks for that model is told

    async def close(self) -> None:
        """End all processes."""
        await self.worker.stop()
        await self.trainer.stop()
        self._readers.close()

    # ---- pieces ----

    async def play(self, recipe: PieceRecipe, forms: Sequence[str]) -> AsyncGenerator[Event, None]:
        """Make a piece in some forms, unless it is made; the last event is "piece".

        Raises:
            Busy: when the queue is full.
            MusictoolError: whatever prevents it.
        """
        recipe.check()
        check_forms(forms)
        if not self._is_made(recipe, forms):
            async with self.queue.place() as before:
                if before:
                    yield {"event": "queued", "before": before}
                async with self.queue.turn():
                    if not self._is_made(recipe, forms):  # somebody else may have asked for it
                        async with aclosing(self._make(recipe, forms)) as events:
                            async for event in events:
                                yield event
        self.library.used(recipe)
        yield {"event": "piece", **self.shown(recipe)}

    def _is_made(self, recipe: PieceRecipe, forms: Sequence[str]) -> bool:
        files = [self.library.file(recipe, form) for form in (*forms, ".mid", ".json")]
        return all(path.exists() for path in (*files, self.library.view(recipe)))

    async def _make(self, recipe: PieceRecipe, forms: Sequence[str]) -> AsyncGenerator[Event, None]:
        primer = None if recipe.primer is None else str(self.library.upload(recipe.primer).path.resolve())
        events = self.worker.run(
            "make",
            folder=str(self.library.folder_of(recipe).resolve()),
            model=recipe.model,
            request=recipe.request(primer),
            forms=[*forms],
            lofi=recipe.lofi,
            seed=recipe.seed,
        )
        async with aclosing(events):
            async for event in events:
                if event["event"] != "done":
                    yield event

    def shown(self, recipe: PieceRecipe) -> dict[str, Any]:
        """What the page shows of a piece that is made."""
        view = json.loads(self.library.view(recipe).read_text(encoding="utf-8"))
        primer = None if recipe.primer is None else self.library.upload(recipe.primer).name
        return {
            "recipe": recipe.to_json(),
            "address": recipe.address,
            "name": recipe.name,
            "command": recipe.command(primer),
            "sound": next((form for form in SOUND if self.library.file(recipe, form).exists()), ""),
            "view": view,
        }

    def sidecar(self, recipe: PieceRecipe) -> dict[str, Any]:
        """The .json of a piece that is made, as it is taken away."""
        values = json.loads(self.library.file(recipe, ".json").read_text(encoding="utf-8"))
        return portable(values, recipe.model, None if recipe.primer is None else self.library.upload(recipe.primer))

    def keep(self, recipe: PieceRecipe) -> str:
        """Keep a piece that is made; returns where. Raises BadOption for one that is not."""
        midi = self._made(recipe)
        shown = self.shown(recipe)["view"]
        line = ", ".join(filter(None, [shown["key"], shown["metre"], f"{shown['bpm']:g} bpm"]))
        primer = None if recipe.primer is None else self.library.upload(recipe.primer)
        return self.kept.keep(recipe, midi.read_bytes(), self.sidecar(recipe), line, primer)

    def _made(self, recipe: PieceRecipe) -> Path:
        midi = self.library.file(recipe, ".mid")
        if not midi.exists():
            raise BadOption("this piece is not made; play it first")
        return midi

    # ---- music that is dropped ----

    async def take_in(self, name: str, data: bytes) -> dict[str, Any]:
        """Read a dropped file in a process of its own, and keep what was understood.

        Raises BadFile with the reader's reason.
        """
        from musictool.preparation.reading import ReadSettings, read_safely
        from musictool.reading import suffixes
        from musictool.writing import write

        suffix = Path(name).suffix.lower()
        if suffix not in suffixes():
            raise BadFile("unknown suffix", f"readable are {' '.join(sorted(suffixes()))}")
        upload = self.library.add_upload(name, hashlib.sha256(data).hexdigest())
        raw = upload.path.with_name(f"dropped{suffix}")
        try:
            raw.write_bytes(data)
            settings = ReadSettings(time_limit_seconds=READ_SECONDS)
            read = await anyio.to_thread.run_sync(
                read_safely, settings, self._readers, [str(raw)], limiter=self._reading
            )
            (record,) = read.records
            if record.status == "skipped" or not len(read.pieces):
                raise BadFile(
                    record.reason, record.detail.replace(str(raw), upload.name).replace(raw.name, upload.name)
                )
            score = read.pieces.score(0)
            await anyio.to_thread.run_sync(write, score, upload.path)
        except BaseException:
            self.library.drop_upload(upload.id)
            raise
        finally:
            raw.unlink(missing_ok=True)
        return {"upload": upload.id, "name": upload.name, "understood": understood(read, score)}

    def go_on_from(self, recipe: PieceRecipe) -> dict[str, Any]:
        """A piece that is made, as music to be continued. Raises BadOption for one that is not."""
        primer = None if recipe.primer is None else self.library.upload(recipe.primer).name
        command = replace(recipe, lofi=False).command(primer)
        upload = self.library.add_music(f"{recipe.name}.mid", self._made(recipe).read_bytes(), command=command)
        return {"upload": upload.id, "name": upload.name}

    async def convert(self, upload_id: str, forms: Sequence[str], lofi: bool = False) -> AsyncGenerator[Event, None]:
        """Make an upload in some forms; the last event is "piece". Raises as `play`.

        Args:
            lofi: whether it is heard and shown as lo-fi.
        """
        upload = self.library.upload(upload_id)
        check_forms(forms)
        stem, view = ("lofi", "lofi-view.json") if lofi else ("piece", "view.json")
        made = [self.library.upload_file(upload, form, lofi) for form in forms if form != ".json"]
        if not all(path.exists() for path in (*made, upload.path.with_name(view))):
            job = {"folder": str(upload.path.parent.resolve()), "model": "", "request": {}, "forms": [*forms]}
            async with aclosing(self._in_turn("make", **job, lofi=lofi, seed=0)) as events:
                async for event in events:
                    yield event
        self.library.sweep_uploads()
        yield {"event": "piece", **self.shown_upload(upload, stem, view)}

    def shown_upload(self, upload: Upload, stem: str = "piece", view: str = "view.json") -> dict[str, Any]:
        """What the page shows of music that was dropped, or drawn, or written in."""
        return {
            "recipe": None,
            "upload": upload.id,
            "address": f"/u/{upload.id}",
            "name": upload.name,
            "command": upload.command,
            "lofi": stem == "lofi",
            "sound": next((form for form in SOUND if upload.path.with_name(f"{stem}{form}").exists()), ""),
            "view": json.loads(upload.path.with_name(view).read_text(encoding="utf-8")),
        }

    async def _in_turn(self, job: str, **values: Any) -> AsyncGenerator[Event, None]:
        """The events of a job but the last, once it is its turn."""
        async with self.queue.place() as before:
            if before:
                yield {"event": "queued", "before": before}
            async with self.queue.turn(), aclosing(self.worker.run(job, **values)) as events:
                async for event in events:
                    if event["event"] != "done":
                        yield event

    # ---- music that is written in ----

    async def draw(self, notes: Any, bars: Any, tempo: Any) -> dict[str, Any]:
        """A melody that was drawn, as music to be harmonised. Raises BadOption."""
        from musictool.writing import write

        score = drawn_melody(notes, bars, tempo)
        upload = self.library.add_upload(DRAWN_NAME, "")
        await anyio.to_thread.run_sync(write, score, upload.path)
        self.library.note_sum(upload.id)
        return {"upload": upload.id, "name": upload.name}

    async def infill(self, upload_id: str, edit: Edit, form: str) -> AsyncGenerator[Event, None]:
        """Write a part of an upload anew; the last event is "piece", of an upload of its own. Raises as `play`."""
        source = self.library.upload(upload_id)
        check_forms([form])
        edit.check()
        stamp(edit.model)
        name = take_name(source.name, edit)
        command = edit.command(source.name, name)
        upload = self.library.add_upload(name, "", f"{source.command} && {command}" if source.command else command)
        job = {"source": str(source.path.resolve()), "out": str(upload.path.resolve()), "model": edit.model}
        try:
            async with aclosing(self._in_turn("infill", **job, request=edit.request(), form=form)) as events:
                async for event in events:
                    yield event
            upload = self.library.note_sum(upload.id)
            sidecar = upload.path.with_suffix(".json")
            values = json.loads(sidecar.read_text(encoding="utf-8"))
            write_json(sidecar, portable_infill(values, edit.model, source))
        except BaseException as error:
            self.library.drop_upload(upload.id)
            if isinstance(error, MusictoolError) and not isinstance(error, Busy):
                raise about(error, source) from None
            raise
        self.library.sweep_uploads()
        yield {"event": "piece", **self.shown_upload(upload)}

    # ---- a model that goes on learning ----

    async def fine_tune(
        self, uploads: Sequence[str], name: str, model: str, minutes: float
    ) -> AsyncGenerator[Event, None]:
        """Let a model learn what was dropped, as a new one; the last event is "learnt".

        Raises:
            BadOption: for a name that is taken or is none, too much time, or no music.
            Busy: when another one is learning.
            MusictoolError: whatever ends it.
        """
        files = [self.library.upload(upload_id).path for upload_id in uploads]
        check_lesson(name, minutes, files)
        stamp(model)
        async with self.training_queue.place(), self.training_queue.turn():
            folder = self._lessons / secrets.token_hex(8)
            folder.mkdir(parents=True)
            try:
                for number, path in enumerate(files, 1):
                    shutil.copyfile(path, folder / f"{number:03d}.mid")
                lesson = {"folder": str(folder.resolve()), "name": name, "model": model, "minutes": minutes}
                async with aclosing(self._trained(TRAINING_JOB, minutes * 60 + LESSON_SECONDS, **lesson)) as events:
                    async for event in events:
                        if event["event"] == "done":
                            yield {"event": "learnt", "model": name}
                        elif event["what"] == "sample":
                            yield self._as_upload(event)
                        else:
                            yield event
            finally:
                shutil.rmtree(folder, ignore_errors=True)

    def _as_upload(self, event: Event) -> Event:
        """The event of a sample with the id under which it can be heard."""
        name = f"{event['name']}, epoch {event['epoch']}"
        upload = self.library.add_music(name, Path(event["file"]).read_bytes())
        return {"event": "sample", "upload": upload.id, "name": name, "epoch": event["epoch"]}

    # ---- the blind test ----

    async def trial(self, rater: str, mode: str, corpus: str, form: str) -> AsyncGenerator[Event, None]:
        """Put a question; the last event is "trial". Raises as `play`."""
        if form not in SOUND:
            raise BadOption(f"an excerpt is heard as {' '.join(SOUND)}, not as {form}")
        earlier = self.test.repeat(rater, mode, corpus)
        sides = [] if earlier is None else list(reversed(earlier.sides))
        while len(sides) < 2:
            sides = []
            for source in self.test.pair(mode, corpus):
                out = self._excerpts / corpus / f"{secrets.token_hex(16)}{form}"
                out.parent.mkdir(parents=True, exist_ok=True)
                excerpt = self.test.some_excerpt(corpus, source)
                if excerpt is None:
                    try:
                        async with aclosing(self._excerpt(corpus, source, out)) as events:
                            async for event in events:
                                if event["event"] == "done":
                                    excerpt = self.test.add_excerpt(source, event["piece"], out)
                                else:
                                    yield {"event": "working", "what": "choosing"}  # and not who writes
                    except Busy:
                        raise
                    except MusictoolError as error:
                        self.test.leave_out(corpus, source, str(error))
                        break
                sides += [excerpt] if excerpt is not None else []
        trial, number = self.test.put(rater, mode, corpus, sides, earlier)
        addresses = [f"/x/{side.id}{side.path.suffix}" for side in trial.sides]
        yield {"event": "trial", "trial": trial.id, "number": number, "sides": addresses}

    async def _excerpt(self, corpus: str, source: str, out: Path) -> AsyncGenerator[Event, None]:
        counts = self._excerpts / "counts" / corpus
        if source == MARKOV and not counts.exists():
            async with self.training_queue.place(), self.training_queue.turn():
                async for event in self._trained("count", JOB_SECONDS, corpus=corpus, folder=str(counts.resolve())):
                    if event["event"] != "done":
                        yield event
        values: dict[str, Any] = {"corpus": corpus, "source": source, "seed": self.test.draw_seed()}
        async with self.queue.place(), self.queue.turn():
            events = self.worker.run("excerpt", out=str(out.resolve()), counts=str(counts.resolve()), **values)
            async with aclosing(events):
                async for event in events:
                    yield event

    async def _trained(self, job: str, limit_seconds: float, **values: Any) -> AsyncGenerator[Event, None]:
        """The events of a job that trains, in a process that ends with it."""
        try:
            async with aclosing(self.trainer.run(job, limit_seconds, **values)) as events:
                async for event in events:
                    yield event
        finally:
            self.trainer.stop_when_idle()


def check_forms(forms: Sequence[str]) -> None:
    """Raises BadOption for a form in which no piece is taken away."""
    for form in forms:
        if form not in FORMS:
            raise BadOption(f"a piece is taken away as {' '.join(FORMS)}, not as {form}")


def check_lesson(name: str, minutes: float, files: Sequence[Path]) -> None:
    """Raises BadOption for a name that is taken or is none, for too much time, and for no music."""
    if not re.fullmatch(r"[A-Za-z0-9][\w .-]{0,39}", name):
        raise BadOption(f"'{name}' cannot be the name of a model; 1 to 40 letters, digits, spaces, - and _ can")
    for what, folder in (("model", home.models_folder()), ("corpus", home.corpora_folder())):
        if (folder / name).exists():
            raise BadOption(f"there is a {what} called {name} already; choose another name")
    if not 0 < minutes <= MOST_MINUTES:
        raise BadOption(f"{minutes:g} minutes are none from 0 to {MOST_MINUTES}")
    if not files:
        raise BadOption("there is no music to learn; drop a folder of it")


def understood(read: Any, score: Any) -> list[str]:
    """What was read in a file, in words for whoever dropped it."""
    from musictool.corpus.keys import key_of
    from musictool.music.gm import program_name

    (record,) = read.records
    metres = [f"{metre['numerator']}/{metre['denominator']}" for metre in score.metres] or ["no metre named, so 4/4"]
    tempos = [f"{bpm:.0f} bpm" for bpm in score.tempos["bpm"]] or ["no tempo named, so 120 bpm"]
    minutes, seconds = divmod(round(score.seconds), 60)
    tracks = []
    for number, track in enumerate(score.tracks):
        instrument = "drums" if track.is_drum else program_name(track.program)
        called = f" ({track.name})" if track.name and track.name != instrument else ""
        tracks.append(f"{instrument}{called}: {int((score.notes['track'] == number).sum()):,} notes")
    lines = [
        f"{len(score.notes):,} notes in {score.bars} bars, {minutes}:{seconds:02d}",
        ", ".join(filter(None, [key_of(score) and f"about {key_of(score)}", *metres[:3], *tempos[:3]])),
        *tracks[:16],
    ]
    if len(tracks) > 16:
        lines.append(f"and {len(tracks) - 16} tracks more")
    if record.pieces > 1:
        lines.append(f"the file holds {record.pieces} pieces; this is the first")
    if record.status == "salvaged":
        lines.append(record.detail)
    return lines
