"""Asking a web server for a file, or for the rest of one, and what its answers mean.

    the file, or a part of it             the answer, to be read
    404, 403, an unknown host, ...        BadDownload: another try would not help
    503, a broken line, a time-out, ...   Broken: another try may bring it
    416                                   Changed: the part that is here is of another file

Only http and https are spoken, and a redirection never leads from https back to http.
"""

from __future__ import annotations

import http.client
import socket
import ssl
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator
from typing import Any

from musictool import __version__
from musictool.errors import BadDownload

BLOCK_BYTES = 1 << 16
TIMEOUT_SECONDS = 30  # for the connection, and for each block
LONGEST_PAUSE_SECONDS = 60  # of those that a server asks for
TRY_AGAIN = (408, 425, 429, 500, 502, 503, 504)  # what a server says when it is busy


class Broken(Exception):
    """The connection broke; another try may bring the rest."""

    def __init__(self, reason: str, pause_seconds: float = 0):
        super().__init__(reason)
        self.pause_seconds = pause_seconds


class Changed(Broken):
    """The file is no longer the one of which a part is here."""


def check_address(address: str) -> str:
    """`address` with what has to be quoted in it quoted, if it is one of http or https. Raises BadDownload."""
    try:
        parts = urllib.parse.urlsplit(address)
        known = parts.scheme in ("http", "https") and parts.hostname and parts.port != 0
    except ValueError as error:
        raise BadDownload(f"{address}: no address that can be fetched: {error}") from None
    if not known:
        raise BadDownload(f"{address}: only addresses that begin with http:// or https:// can be fetched")
    return urllib.parse.quote(address, safe="%/:=&?~#+!$,;'@()*[]")


def ask(address: str, offset: int = 0, validator: str = "") -> Any:
    """The server's answer, 200 or 206; to be closed.

    Args:
        address: checked.
        offset: the first byte to send.
        validator: the ETag or date of the file of which a part is here: of another the whole is sent. Empty if the
            server gave none.

    Raises:
        BadDownload, Broken, Changed: as above.
    """
    headers = {"User-Agent": f"musictool/{__version__}", "Accept-Encoding": "identity"}
    if offset:
        headers["Range"] = f"bytes={offset}-"
        if validator:
            headers["If-Range"] = validator
    try:
        return _opener().open(urllib.request.Request(address, headers=headers), timeout=TIMEOUT_SECONDS)
    except urllib.error.HTTPError as error:
        with error:
            raise _refusal(error, address) from None
    except (OSError, http.client.HTTPException, ValueError) as error:
        raise _failure(error, address, bool(offset)) from None


def _refusal(error: urllib.error.HTTPError, address: str) -> Exception:
    """What follows from an answer that is no file."""
    message = f"the server says {error.code} {' '.join(str(error.reason).split())}"
    if error.code == 416:  # what we have is longer than the file is now
        return Changed(message)
    if error.code in TRY_AGAIN:
        seconds = error.headers.get("Retry-After", "")
        return Broken(message, min(int(seconds), LONGEST_PAUSE_SECONDS) if seconds.isdecimal() else 0)
    hint = "; it may have moved" if error.code in (404, 410) else ""
    return BadDownload(f"{address}: {message}{hint}")


def _failure(error: Exception, address: str, begun: bool) -> Exception:
    """What follows from a connection that did not come about.

    A host that cannot be reached at all is an error at once; if part of the file has come from it, it is tried again.
    """
    reason = error.reason if isinstance(error, urllib.error.URLError) else error
    host = urllib.parse.urlsplit(address).hostname
    if isinstance(reason, ssl.SSLCertVerificationError):
        return BadDownload(
            f"{address}: the certificate of {host} is not to be trusted: {_words(reason, 'verify_message')}"
        )
    if isinstance(reason, http.client.InvalidURL | ValueError):
        return BadDownload(f"{address}: no address that can be fetched: {reason}")
    message, final = f"no answer from {host}: {reason}", False
    if isinstance(reason, socket.gaierror):
        message, final = f"no host {host} is known here; is the network there?", True
    elif isinstance(reason, ConnectionRefusedError):
        message, final = f"{host} refuses the connection", True
    elif isinstance(reason, ssl.SSLError):
        message, final = f"no secure connection to {host}: {_words(reason, 'reason')}", True
    return BadDownload(f"{address}: {message}") if final and not begun else Broken(message)


def _words(error: ssl.SSLError, attribute: str) -> str:
    """What the error says without numbers and file names, where it says that apart."""
    return str(getattr(error, attribute, None) or error)


def blocks(response: Any) -> Iterator[bytes]:
    """What the server sends, as it comes."""
    try:
        while block := response.read1(BLOCK_BYTES):
            yield block
    except (OSError, http.client.HTTPException) as error:
        raise Broken(f"the connection broke: {error or type(error).__name__}") from None


class _Redirections(urllib.request.HTTPRedirectHandler):
    """Followed to http and https only, and never from https to http."""

    def redirect_request(self, req: Any, fp: Any, code: int, msg: str, headers: Any, newurl: str) -> Any:
        allowed = ("https:",) if req.full_url.startswith("https:") else ("https:", "http:")
        if not newurl.startswith(allowed):
            fp.close()
            raise BadDownload(f"{req.full_url}: leads to {newurl}, which is not safe")
        return super().redirect_request(req, fp, code, msg, headers, newurl)


def _opener() -> urllib.request.OpenerDirector:
    """Speaks http and https, and nothing else: urllib's own would also open files and ftp."""
    opener = urllib.request.OpenerDirector()
    for handler in (
        urllib.request.ProxyHandler(),
        urllib.request.HTTPHandler(),
        urllib.request.HTTPSHandler(),
        urllib.request.HTTPDefaultErrorHandler(),
        urllib.request.HTTPErrorProcessor(),
        _Redirections(),
    ):
        opener.add_handler(handler)
    return opener
