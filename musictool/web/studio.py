"""What the page can do, whatever it is asked by: make a piece, take in dropped music, keep a piece.

A Studio holds the library, the worker and the queue before it. Its methods that take time are iterators of events, for
one listener each.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from pathlib import Path
from typing import Any

import anyio
import anyio.to_thread

from musictool.errors import BadFile, BadOption, MusictoolError
from musictool.web.library import FORMS, SOUND, Kept, Library, Upload, models, portable
from musictool.web.recipe import Recipe
from musictool.web.worker import Event, Queue, Worker
from musictool.workers.processes import Pool

READ_SECONDS = 20.0  # that one dropped file may take


class Studio:
    """One page's library and workers.

    Args:
        folder: an empty one for all that does not outlive the page.
        program: what the worker process runs; None for the real one.
    """

    def __init__(self, folder: Path, program: Sequence[str] = ()):
        self.library, self.kept = Library(folder), Kept()
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

    async def play(self, recipe: Recipe, forms: Sequence[str]) -> AsyncGenerator[Event, None]:
        """Make a piece in some forms, unless it is made; the last event is "piece".

        Raises:
            Busy: when the queue is full.
            MusictoolError: whatever prevents it.
        """
        recipe.check()
        for form in forms:
            if form not in FORMS:
                raise BadOption(f"a piece is taken away as {' '.join(FORMS)}, not as {form}")
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

    def _is_made(self, recipe: Recipe, forms: Sequence[str]) -> bool:
        wanted = [self.library.file(recipe, form) for form in (*forms, ".mid", ".json")]
        return all(path.exists() for path in (*wanted, self.library.view(recipe)))

    async def _make(self, recipe: Recipe, forms: Sequence[str]) -> AsyncGenerator[Event, None]:
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

    def shown(self, recipe: Recipe) -> dict[str, Any]:
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

    def sidecar(self, recipe: Recipe) -> dict[str, Any]:
        """The .json of a piece that is made, as it is taken away."""
        values = json.loads(self.library.file(recipe, ".json").read_text(encoding="utf-8"))
        return portable(values, recipe.model, None if recipe.primer is None else self.library.upload(recipe.primer))

    def keep(self, recipe: Recipe) -> str:
        """Keep a piece that is made; returns where. Raises BadOption for one that is not."""
        midi = self._made(recipe)
        shown = self.shown(recipe)["view"]
        line = ", ".join(filter(None, [shown["key"], shown["metre"], f"{shown['bpm']:g} bpm"]))
        return self.kept.keep(recipe, midi.read_bytes(), self.sidecar(recipe), line)

    def _made(self, recipe: Recipe) -> Path:
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
        raw = upload.path.with_name(f"{upload.id}.dropped{suffix}")
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
        return {"upload": upload.id, "name": upload.name, "understood": understood(read, score), "view": _view(score)}

    def go_on_from(self, recipe: Recipe) -> dict[str, Any]:
        """A piece that is made, as music to be continued. Raises BadOption for one that is not."""
        midi = self._made(recipe).read_bytes()
        upload: Upload = self.library.add_upload(f"{recipe.name}.mid", hashlib.sha256(midi).hexdigest())
        upload.path.write_bytes(midi)
        return {"upload": upload.id, "name": upload.name}


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


def _view(score: Any) -> dict[str, Any]:
    from musictool.web.view import view

    return view(score)
