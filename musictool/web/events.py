"""Server-sent events in answer to a POST: the stream is the listener, and what it listens to ends when it leaves."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncGenerator
from contextlib import aclosing, suppress
from typing import Any

import anyio
from starlette.types import Receive, Scope, Send

from musictool.errors import Busy, MusictoolError

HEADERS = [(b"content-type", b"text/event-stream; charset=utf-8"), (b"x-accel-buffering", b"no")]


class EventStream:
    """An answer that sends what an iterator yields as events, and an error as the last one, "failed" or "busy".

    Args:
        events: of dicts with the name of the event under "event". It is closed as soon as the listener leaves.
    """

    def __init__(self, events: AsyncGenerator[dict[str, Any], None]):
        self._events = events

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        with suppress(asyncio.CancelledError):  # the server ends, and this with it
            await self._send_all(receive, send)

    async def _send_all(self, receive: Receive, send: Send) -> None:
        async with anyio.create_task_group() as group:

            async def until_gone() -> None:
                while (await receive())["type"] != "http.disconnect":
                    pass
                group.cancel_scope.cancel()

            group.start_soon(until_gone)
            await send({"type": "http.response.start", "status": 200, "headers": HEADERS})
            try:
                async with aclosing(self._events) as events:
                    async for event in events:
                        await send(_body(event))
            except Busy as error:
                await send(_body({"event": "busy", "message": str(error)}))
            except MusictoolError as error:
                await send(_body({"event": "failed", "message": str(error)}))
            await send({"type": "http.response.body", "body": b"", "more_body": False})
            group.cancel_scope.cancel()


def _body(event: dict[str, Any]) -> dict[str, Any]:
    name = event["event"]
    values = {key: value for key, value in event.items() if key not in ("event", "id")}
    text = f"event: {name}\ndata: {json.dumps(values)}\n\n"
    return {"type": "http.response.body", "body": text.encode(), "more_body": True}
