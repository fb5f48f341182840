"""The rules that every request to the page passes before any route sees it; each is one ASGI middleware.

    HostRule      the Host header names this machine: a name that an attacker has bound to 127.0.0.1 does not
    TokenRule     beyond this machine's own addresses, whoever comes has the token that was printed at the start
    OriginRule    what changes anything, or makes music, is asked for by our own page; others see nothing either
    BrowserRules  headers for the browser: no inline script or style, no foreign address, no frame, no guessing of types

There is no CORS header anywhere, so a page of another origin cannot read an answer. Sources: the OWASP cheat sheets on
CSRF (fetch metadata) and CSP; Fetch Metadata Request Headers, W3C.
"""

from __future__ import annotations

import hmac
import ipaddress
import re
import secrets
import socket
from urllib.parse import parse_qs

import anyio
from starlette.datastructures import Headers, MutableHeaders
from starlette.middleware import Middleware
from starlette.requests import Request, cookie_parser
from starlette.responses import PlainTextResponse, RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

LOOPBACK = ("127.0.0.1", "localhost", "::1")
COOKIE = "musictool_token"
PAGES = ("/", "/listen")  # that the printed address may name
SAFE_METHODS = ("GET", "HEAD")
UPLOAD_BYTES = 2 << 20
JSON_BYTES = 16 << 10
BODY_SECONDS = 30  # in which a body has arrived

POLICY = "; ".join(
    [
        "default-src 'none'",
        *(f"{what}-src 'self'" for what in ("script", "style", "img", "media", "connect")),
        *(f"{what} 'none'" for what in ("base-uri", "form-action", "frame-ancestors")),
        "require-trusted-types-for 'script'",
    ]
)
HEADERS = {
    "Content-Security-Policy": POLICY,
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Permissions-Policy": "camera=(), microphone=(), geolocation=()",
}


def new_token() -> str:
    """128 random bits as text."""
    return secrets.token_urlsafe(16)


def is_loopback(host: str) -> bool:
    """Whether an address to bind to is reached from this machine only."""
    if host in LOOPBACK:
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


class HostRule:
    """Refuses requests whose Host header is not a name of ours: those of DNS rebinding.

    Args:
        app: what comes behind it.
        host: the address that the server is bound to. One beyond this machine may also be called by its address, which
            no DNS answer can forge, and by the machine's name.
    """

    def __init__(self, app: ASGIApp, host: str = "127.0.0.1"):
        self._app = app
        self._any_address = not is_loopback(host)
        self._names = {*LOOPBACK, host.lower()}
        if self._any_address:
            self._names |= {socket.gethostname().lower(), socket.getfqdn().lower()}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and not self.allows(Headers(scope=scope).getlist("host")):
            await refusal(421, "this server does not go by that name")(scope, receive, send)
        else:
            await self._app(scope, receive, send)

    def allows(self, hosts: list[str]) -> bool:
        """Whether the Host headers of a request are one, and ours."""
        match = re.fullmatch(r"(\[[0-9a-fA-F:.]+\]|[^\[\]:/@\s]+)(:\d{1,5})?", hosts[0]) if len(hosts) == 1 else None
        name = match[1].strip("[]").lower() if match else ""
        return bool(name) and (name in self._names or (self._any_address and _is_address(name)))


class TokenRule:
    """Refuses requests without the token, which comes with the address that was printed and stays as a cookie.

    Args:
        app: what comes behind it.
        token: empty for a server that only this machine reaches, which needs none.
    """

    def __init__(self, app: ASGIApp, token: str = ""):
        self._app, self._token = app, token

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or not self._token:
            await self._app(scope, receive, send)
            return
        given = parse_qs(scope["query_string"].decode("latin-1")).get("token", [""])[0]
        cookie = cookie_parser(Headers(scope=scope).get("cookie", "")).get(COOKIE, "")
        if self._is_right(cookie):
            await self._app(scope, receive, send)
        elif self._is_right(given) and scope["method"] in SAFE_METHODS:
            page = scope["path"] if scope["path"] in PAGES else "/"
            response = RedirectResponse(page, 303)  # the token leaves the address bar, and so the history
            response.set_cookie(COOKIE, self._token, httponly=True, samesite="strict")
            await response(scope, receive, send)
        else:
            await refusal(401, "open the address that musictool serve printed, with its token")(scope, receive, send)

    def _is_right(self, given: str) -> bool:
        return hmac.compare_digest(given.encode(), self._token.encode())


class OriginRule:
    """Refuses what pages of other origins ask for, but for following a link to the page."""

    def __init__(self, app: ASGIApp):
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and not self.allows(scope["method"], Headers(scope=scope)):
            await refusal(403, "only the page itself may ask for this")(scope, receive, send)
        else:
            await self._app(scope, receive, send)

    def allows(self, method: str, headers: Headers) -> bool:
        """Whether a request is the page's own, the user's, or no browser's."""
        site, origin = headers.get("sec-fetch-site"), headers.get("origin")
        is_link = headers.get("sec-fetch-mode") == "navigate" and headers.get("sec-fetch-dest") == "document"
        if method in SAFE_METHODS and is_link:
            return True
        if site not in (None, "same-origin") and not (site == "none" and method in SAFE_METHODS):
            return False
        return origin is None or origin.partition("://")[2] == headers.get("host")


class BrowserRules:
    """Adds the security headers to every answer."""

    def __init__(self, app: ASGIApp):
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in HEADERS.items():
                    headers[name] = value
                headers.setdefault("Cache-Control", "no-store")
            await send(message)

        await self._app(scope, receive, send_with_headers)


class TooLarge(Exception):
    """A body that is larger than it may be."""


async def body(request: Request, most_bytes: int) -> bytes:
    """The body of a request, given up as soon as it is too large; what it says of its length is not believed.

    Raises:
        TooLarge: for more than `most_bytes`.
        TimeoutError: if it has not arrived within BODY_SECONDS.
    """
    parts, size = [], 0
    with anyio.fail_after(BODY_SECONDS):
        async for part in request.stream():
            size += len(part)
            if size > most_bytes:
                raise TooLarge(f"more than {most_bytes:,} bytes")
            parts.append(part)
    return b"".join(parts)


def refusal(status: int, why: str) -> Response:
    """An answer that says no, in one line."""
    return PlainTextResponse(f"{why}\n", status)


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True


def rules(host: str, token: str) -> list[Middleware]:
    """The rules, the first outermost."""
    return [
        Middleware(BrowserRules),
        Middleware(HostRule, host=host),
        Middleware(TokenRule, token=token),
        Middleware(OriginRule),
    ]
