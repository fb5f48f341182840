"""The addresses of the page, and what each of them does.

    GET  /, /listen, /p/MODEL/SEED         the page itself; nothing is made
    GET  /p/MODEL/SEED.mid ...             a file of a piece that is made; 404 for one that is not
    GET  /api/models, /api/kept
    POST /api/pieces                       makes a piece: a stream of events
    POST /api/kept, /api/forget            keeps a piece, or no longer
    POST /api/uploads?name=...             a dropped file, its bytes as the body
    POST /api/continued                    a piece that is made, as music to be continued
    POST /api/hear                         an upload as sound, or in another form: a stream of events
    GET  /u/ID.mp3                         its file in that form, once it is made
    GET  /api/editors                      the models that fill in, or what to do where there is none
    POST /api/drawn                        a drawn melody, as music to be harmonised
    POST /api/infill                       writes a part of an upload anew: a stream of events
    POST /api/lessons                      a model that goes on learning: a stream of events
    GET  /api/test                         what the blind test can be about
    POST /api/test                         begins it; /api/trials puts a question, a stream of events
    POST /api/votes, /api/result           an answer; what the answers so far come to
    GET  /x/ID.mp3                         an excerpt; its address does not say whose

Security is in musictool/web/security.py: the rules stand before all of these.
"""

from __future__ import annotations

import asyncio
import json
import re
import shlex
import tempfile
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import anyio.to_thread
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import FileResponse, JSONResponse, Response
from starlette.routing import Route

from musictool.errors import BadModel, BadOption, MusictoolError
from musictool.web.edit import Edit, editors
from musictool.web.events import EventStream
from musictool.web.library import FORMS, models
from musictool.web.listening import corpora
from musictool.web.recipe import PieceRecipe
from musictool.web.security import JSON_BYTES, UPLOAD_BYTES, TooLarge, body, refusal, rules
from musictool.web.studio import Studio

STATIC = Path(__file__).parent / "static"
TYPES = {".js": "text/javascript", ".css": "text/css"}
ASSETS = {path.name: TYPES[path.suffix] for path in STATIC.iterdir() if path.suffix in TYPES}
_PIECE = re.compile(r"(\d{1,10})(\.[a-z0-9]+)?")


def create_app(
    host: str = "127.0.0.1",
    token: str = "",
    *,
    program: Sequence[str] = (),
    warm: bool = True,
    votes: Path | None = None,
    seed: int = 0,
) -> Starlette:
    """The page as an ASGI application.

    Args:
        host: that it is bound to.
        token: what visitors have to show; empty for none.
        program: what the worker process runs, instead of the real one.
        warm: whether to load the first model at once.
        votes, seed: the file of the blind test's answers, and what fixes the order of its questions.
    """

    return Starlette(
        routes=_routes(),
        middleware=rules(host, token),
        exception_handlers={MusictoolError: _refused, TooLarge: _too_large, TimeoutError: _too_slow},
        lifespan=_lifespan(program, warm, votes, seed),
    )


def _routes() -> list[Route]:
    """Each address, and the function below that answers it."""
    return [
        Route("/", page),
        Route("/listen", page),
        Route("/static/{name}", static),
        Route("/favicon.ico", lambda request: Response(status_code=204)),
        Route("/p/{model}/{piece}", piece),
        Route("/u/{upload}", upload_file),
        Route("/x/{excerpt}", excerpt_sound),
        Route("/api/models", list_models),
        Route("/api/kept", list_kept),
        Route("/api/pieces", make_piece, methods=["POST"]),
        Route("/api/kept", keep, methods=["POST"]),
        Route("/api/forget", forget, methods=["POST"]),
        Route("/api/uploads", upload, methods=["POST"]),
        Route("/api/continued", continued, methods=["POST"]),
        Route("/api/hear", convert_upload, methods=["POST"]),
        Route("/api/editors", list_editors),
        Route("/api/drawn", draw, methods=["POST"]),
        Route("/api/infill", infill, methods=["POST"]),
        Route("/api/lessons", learn, methods=["POST"]),
        Route("/api/test", list_tests),
        Route("/api/test", begin_test, methods=["POST"]),
        Route("/api/trials", put_trial, methods=["POST"]),
        Route("/api/votes", vote, methods=["POST"]),
        Route("/api/result", result, methods=["POST"]),
    ]


def _lifespan(
    program: Sequence[str], warm: bool, votes: Path | None, seed: int
) -> Callable[[Starlette], AbstractAsyncContextManager[None]]:
    """What holds for as long as the application runs: its folder for files, its Studio, and the Studio's worker."""

    @asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        with tempfile.TemporaryDirectory(prefix="musictool-") as folder:
            app.state.studio = Studio(Path(folder), program, votes, seed)
            warming = asyncio.create_task(app.state.studio.warm_up()) if warm else None
            try:
                yield
            finally:
                if warming is not None:
                    warming.cancel()
                    with suppress(asyncio.CancelledError):
                        await warming
                await app.state.studio.close()

    return lifespan


async def _refused(request: Request, error: Exception) -> Response:
    return JSONResponse({"message": str(error)}, 400)


async def _too_large(request: Request, error: Exception) -> Response:
    return JSONResponse({"message": f"this is {error}, and too large"}, 413)


async def _too_slow(request: Request, error: Exception) -> Response:
    return refusal(408, "this took too long to arrive")


# ---- the page ----


async def page(request: Request) -> Response:
    """The one HTML file, whatever is to be shown in it."""
    return FileResponse(STATIC / "index.html", media_type="text/html", headers={"Cache-Control": "no-cache"})


async def static(request: Request) -> Response:
    """Script and style."""
    name = request.path_params["name"]
    if name not in ASSETS:
        return refusal(404, "there is no such file")
    return FileResponse(STATIC / name, media_type=ASSETS[name], headers={"Cache-Control": "no-cache"})


async def piece(request: Request) -> Response:
    """The page, for the address of a piece; or one of the piece's files, if it is made."""
    found = _PIECE.fullmatch(request.path_params["piece"])
    if found is None or (found[2] and found[2] not in FORMS):
        return refusal(404, "there is no such piece")
    if not found[2]:
        return await page(request)
    studio: Studio = request.app.state.studio
    recipe = PieceRecipe.from_json({**request.query_params, "model": request.path_params["model"], "seed": found[1]})
    path = studio.library.file(recipe, found[2])
    if not path.exists():
        return refusal(404, "this piece is not made yet; press play on its page")
    if found[2] == ".json":
        return JSONResponse(studio.sidecar(recipe))
    return FileResponse(path, media_type=FORMS[found[2]])


async def upload_file(request: Request) -> Response:
    """A file of an upload, if it is made."""
    upload_id, dot, form = request.path_params["upload"].partition(".")
    studio: Studio = request.app.state.studio
    upload, form = studio.library.upload(upload_id), f"{dot}{form}"
    path = studio.library.upload_file(upload, form, request.query_params.get("lofi") == "1")
    if form not in FORMS or not path.exists():
        return refusal(404, "there is no such file")
    return FileResponse(path, media_type=FORMS[form])


async def excerpt_sound(request: Request) -> Response:
    """An excerpt of the blind test."""
    studio: Studio = request.app.state.studio
    path = studio.test.excerpt(request.path_params["excerpt"].partition(".")[0]).path
    return FileResponse(path, media_type=FORMS[path.suffix])


# ---- what the page asks for ----


async def list_models(request: Request) -> Response:
    """Which models there are."""
    return JSONResponse(models())


async def list_kept(request: Request) -> Response:
    """Which pieces were kept."""
    studio: Studio = request.app.state.studio
    return JSONResponse({"folder": str(studio.kept.folder), "pieces": studio.kept.list()})


async def make_piece(request: Request) -> Any:
    """Make a piece: {"recipe": ..., "forms": [".mp3"]}."""
    values = await _json(request)
    studio: Studio = request.app.state.studio
    return EventStream(studio.play(PieceRecipe.from_json(values.get("recipe")), _forms(values)))


async def keep(request: Request) -> Response:
    """Keep a piece: {"recipe": ...}."""
    studio: Studio = request.app.state.studio
    return JSONResponse({"file": studio.keep(await _recipe(request))})


async def forget(request: Request) -> Response:
    """No longer keep it."""
    studio: Studio = request.app.state.studio
    studio.kept.forget(await _recipe(request))
    return JSONResponse({})


async def upload(request: Request) -> Response:
    """A dropped file."""
    studio: Studio = request.app.state.studio
    data = await body(request, UPLOAD_BYTES)
    return JSONResponse(await studio.take_in(request.query_params.get("name", ""), data))


async def continued(request: Request) -> Response:
    """A piece as music to be continued."""
    studio: Studio = request.app.state.studio
    return JSONResponse(studio.go_on_from(await _recipe(request)))


async def convert_upload(request: Request) -> Any:
    """An upload as sound, or in other forms: {"upload": ID, "forms": [".mp3"], "lofi": false}."""
    values = await _json(request)
    studio: Studio = request.app.state.studio
    return EventStream(studio.convert(str(values.get("upload")), _forms(values), values.get("lofi") is True))


async def list_editors(request: Request) -> Response:
    """Which models fill in; where none does, what to do about it."""
    try:
        found = await anyio.to_thread.run_sync(editors)
    except BadModel as error:
        return JSONResponse({"models": [], "message": str(error)})
    return JSONResponse({"models": found, "message": ""})


async def draw(request: Request) -> Response:
    """A drawn melody: {"notes": [[onset, length, pitch], ...], "bars": 4, "tempo": 96}, in sixteenths."""
    values = await _json(request)
    studio: Studio = request.app.state.studio
    return JSONResponse(await studio.draw(*(values.get(name) for name in ("notes", "bars", "tempo"))))


async def infill(request: Request) -> Any:
    """Write a part of an upload anew: {"upload": ID, "edit": {"model": ..., "bars": "5-8"}, "form": ".mp3"}."""
    values = await _json(request)
    studio: Studio = request.app.state.studio
    edit = Edit.from_json(values.get("edit"))
    return EventStream(studio.infill(str(values.get("upload")), edit, str(values.get("form"))))


async def learn(request: Request) -> Any:
    """Learn what was dropped: {"uploads": [ID, ...], "name": ..., "model": ..., "minutes": 5}."""
    values = await _json(request)
    uploads, minutes = values.get("uploads"), values.get("minutes")
    if not isinstance(uploads, list) or not isinstance(minutes, int | float) or isinstance(minutes, bool):
        raise BadOption("a lesson has uploads, a name, a model and minutes")
    studio: Studio = request.app.state.studio
    lesson = studio.fine_tune([*map(str, uploads)], str(values.get("name")), str(values.get("model")), float(minutes))
    return EventStream(lesson)


# ---- the blind test ----


async def list_tests(request: Request) -> Response:
    """Which corpora there are to be asked about, and where the answers go."""
    studio: Studio = request.app.state.studio
    return JSONResponse({"corpora": [row["name"] for row in corpora()], "votes": str(studio.test.votes)})


async def begin_test(request: Request) -> Response:
    """A session of listening."""
    studio: Studio = request.app.state.studio
    return JSONResponse({"rater": studio.test.begin()})


async def put_trial(request: Request) -> Any:
    """The next question: {"rater": ..., "mode": "prefer", "corpus": ..., "form": ".mp3"}."""
    values = await _json(request)
    studio: Studio = request.app.state.studio
    return EventStream(studio.trial(*(str(values.get(name)) for name in ("rater", "mode", "corpus", "form"))))


async def vote(request: Request) -> Response:
    """An answer: {"rater": ..., "trial": ..., "answer": -1, "heard": [12.5, 30]}; null for a piece that is known."""
    values = await _json(request)
    heard = values.get("heard")
    if not isinstance(heard, list) or not all(isinstance(each, int | float) for each in heard):
        raise BadOption("an answer says for how many seconds each excerpt was heard")
    studio: Studio = request.app.state.studio
    studio.test.answer(str(values.get("rater")), str(values.get("trial")), values.get("answer"), heard)
    return JSONResponse({})


async def result(request: Request) -> Response:
    """What the answers of a session come to: {"rater": ...}."""
    studio: Studio = request.app.state.studio
    lines = studio.test.result(str((await _json(request)).get("rater")))
    return JSONResponse(
        {"lines": lines, "command": f"musictool evaluate --listening {shlex.quote(str(studio.test.votes))}"}
    )


def _forms(values: dict[str, Any]) -> list[str]:
    """The forms that are asked for. Raises BadOption."""
    forms = values.get("forms", [])
    if not isinstance(forms, list) or not all(isinstance(form, str) for form in forms):
        raise BadOption("forms are a list of suffixes")
    return forms


async def _recipe(request: Request) -> PieceRecipe:
    return PieceRecipe.from_json((await _json(request)).get("recipe"))


async def _json(request: Request) -> dict[str, Any]:
    """The body of a request. Raises BadOption for what is no JSON table."""
    try:
        values = json.loads(await body(request, JSON_BYTES))
    except (ValueError, RecursionError):
        values = None
    if not isinstance(values, dict):
        raise BadOption("this is not a JSON table")
    return values
