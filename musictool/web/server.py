"""Binds the page to an address and runs it."""

from __future__ import annotations

import logging
import socket
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

import uvicorn

from musictool.errors import BadOption
from musictool.web.app import create_app
from musictool.web.security import is_loopback, new_token

MOST_CONNECTIONS = 200
KEEP_ALIVE_SECONDS = 5
WILDCARDS = ("0.0.0.0", "::")  # all addresses of this machine


def serve(
    host: str, port: int, announce: Callable[[str], object], page: str = "/", votes: Path | None = None, seed: int = 0
) -> None:
    """Serve the page until Ctrl-C.

    Args:
        announce: called once with the page's address, with its token if it has one, when connections are accepted.
        page: "/" or "/listen".
        votes, seed: as for create_app.

    Raises:
        BadOption: for an address that cannot be bound to.
    """
    token = "" if is_loopback(host) else new_token()
    bound = _bind(host, port)
    shown = _lan_address() if host in WILDCARDS else host
    name = f"[{shown}]" if ":" in shown else shown
    address = f"http://{name}:{bound.getsockname()[1]}{page}" + (f"?token={token}" if token else "")
    config = uvicorn.Config(
        create_app(host, token, votes=votes, seed=seed),
        log_config=None,  # else it closes the handlers of the whole process
        log_level="warning",
        access_log=False,
        server_header=False,
        limit_concurrency=MOST_CONNECTIONS,
        timeout_keep_alive=KEEP_ALIVE_SECONDS,
        timeout_graceful_shutdown=1,
        http="h11",
        ws="none",
        proxy_headers=False,
    )
    # that streams are cut off on Ctrl-C is as it should be
    logging.getLogger("uvicorn.error").addFilter(lambda record: "graceful shutdown" not in record.getMessage())
    announce(address)
    uvicorn.Server(config).run(sockets=[bound])


def _lan_address() -> str:
    """The address by which others reach this machine, as far as it knows; nothing is sent to find out."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("192.0.2.1", 9))  # an address that is kept free for documentation, RFC 5737
            return str(probe.getsockname()[0])
        except OSError:
            return socket.gethostname()


def _bind(host: str, port: int) -> socket.socket:
    with ExitStack() as closing:
        try:
            family, kind, protocol, _, place = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
            bound = closing.enter_context(socket.socket(family, kind, protocol))
            bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            bound.bind(place)
            bound.listen()
        except OSError as error:
            raise BadOption(f"--host {host} --port {port}: {error.strerror}; choose another --port") from None
        closing.pop_all()
    return bound
