"""A small web server on this machine, which can be headers to misbehave, and archives to give out."""

from __future__ import annotations

import io
import random
import tarfile
import threading
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, HTTPServer

NOISE = random.Random(1).randbytes(1 << 20)  # does not pack, so that an archive is as large as what is in it


@dataclass
class Page:
    """One file that the server has.

    Attributes:
        content: the bytes of it.
        etag: empty for none.
        modified: the Last-Modified header, empty for none.
        ranges: whether it can send a part.
        breaks: after how many bytes the connection breaks, one number a request; then no more.
        chunked: sent in chunks, its length untold.
        statuses: what is answered instead of it, one number a request; then no more.
        headers: sent in addition.
        lingers: whether the line stays open after the last byte.
    """

    content: bytes
    etag: str = '"one"'
    modified: str = ""
    ranges: bool = True
    breaks: list[int] = field(default_factory=list)
    chunked: bool = False
    statuses: list[int] = field(default_factory=list)
    headers: dict[str, str] = field(default_factory=dict)
    lingers: bool = False


class Web:
    """The server: its pages by path, and the requests that have come."""

    def __init__(self) -> None:
        self.pages: dict[str, Page] = {}
        self.requests: list[dict[str, str]] = []
        self.sent = 0

    def add(self, path: str, content: bytes, **options) -> str:
        """The address of a new page."""
        self.pages[path] = Page(content, **options)
        return f"{self.address}{path}"

    @property
    def ranges(self) -> list[str | None]:
        """The Range header of each request."""
        return [request.get("range") for request in self.requests]

    @contextmanager
    def serving(self) -> Iterator[Web]:
        web = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                web.requests.append({key.lower(): value for key, value in self.headers.items()} | {"path": self.path})
                self.close_connection = True
                with suppress(ConnectionError):
                    web._answer(self)

            def log_message(self, *args) -> None:
                pass

        server = HTTPServer(("127.0.0.1", 0), Handler)
        self.address = f"http://127.0.0.1:{server.server_port}/"
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield self
        finally:
            server.shutdown()
            thread.join()
            server.server_close()

    def _answer(self, handler: BaseHTTPRequestHandler) -> None:
        page = self.pages.get(handler.path[1:])
        status = 404 if page is None else page.statuses.pop(0) if page.statuses else 200
        if page is None or status != 200:
            handler.send_response(status)
            for key, value in (page.headers if page else {}).items():
                handler.send_header(key, value)
            handler.send_header("Content-Length", "0")
            handler.end_headers()
            return
        start, wanted = 0, handler.headers.get("Range")
        same = handler.headers.get("If-Range", page.etag or page.modified) == (page.etag or page.modified)
        if wanted and page.ranges and same:
            start = int(wanted.removeprefix("bytes=").removesuffix("-"))
            if start >= len(page.content):
                handler.send_response(416)
                handler.send_header("Content-Length", "0")
                handler.end_headers()
                return
            handler.send_response(206)
            handler.send_header("Content-Range", f"bytes {start}-{len(page.content) - 1}/{len(page.content)}")
        else:
            handler.send_response(200)
        self._send(handler, page, page.content[start:])

    def _send(self, handler: BaseHTTPRequestHandler, page: Page, content: bytes) -> None:
        headers = {"ETag": page.etag, "Last-Modified": page.modified, **page.headers}
        headers |= {"Transfer-Encoding": "chunked"} if page.chunked else {"Content-Length": str(len(content))}
        for key, value in headers.items():
            if value:
                handler.send_header(key, value)
        handler.end_headers()
        cut = page.breaks.pop(0) if page.breaks else len(content)
        content = content[:cut]
        self.sent += len(content)
        if page.chunked:
            handler.wfile.write(b"%x\r\n%s\r\n" % (len(content), content))
            if cut >= len(content) and not page.breaks:
                handler.wfile.write(b"0\r\n\r\n")
        else:
            handler.wfile.write(content)
        if page.lingers:
            handler.rfile.read(1)  # until the other side hangs up


def zipped(files: dict[str, bytes]) -> bytes:
    """A zip of `files`, not packed, in this order."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, content in files.items():
            archive.writestr(zipfile.ZipInfo(name), content)
    return buffer.getvalue()


def tarred(files: dict[str, bytes | tarfile.TarInfo], mode: str = "w:gz") -> bytes:
    """A tar of `files`; a TarInfo stands for itself."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode=mode) as archive:
        for name, content in files.items():
            header = content if isinstance(content, tarfile.TarInfo) else tarfile.TarInfo(name)
            if isinstance(content, bytes):
                header.size = len(content)
            archive.addfile(header, io.BytesIO(content) if isinstance(content, bytes) else None)
    return buffer.getvalue()


def link(name: str, target: str, kind: bytes = tarfile.SYMTYPE) -> tarfile.TarInfo:
    """A tar's header of a link."""
    header = tarfile.TarInfo(name)
    header.type, header.linkname = kind, target
    return header
