"""Each attack that the page is safe from, tried."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import anyio
import pytest
from starlette.datastructures import Headers
from starlette.requests import Request
from starlette.testclient import TestClient

from musictool.web import security
from musictool.web.app import create_app
from musictool.web.security import HostRule, OriginRule, TooLarge, body, is_loopback
from tests.web.conftest import PROGRAM, play

RECIPE = {"recipe": {"model": "romantic", "seed": 1}, "forms": []}
OWN = "http://127.0.0.1:8765"


def host_rule(host: str) -> HostRule:
    return HostRule(None, host)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "host", ["evil.example", "127.0.0.1.evil.example", "evil.example:8765", "localhost@evil.example", "", "[::2]"]
)
def test_dns_rebinding_a_foreign_name_is_refused_before_any_route(client: TestClient, host: str):
    for path in ("/", "/api/models", "/no/such/route"):
        assert client.get(path, headers={"host": host}).status_code == 421


@pytest.mark.parametrize("host", ["127.0.0.1", "127.0.0.1:9", "localhost:8765", "LOCALHOST", "[::1]:8765"])
def test_names_of_this_machine_are_let_in(client: TestClient, host: str):
    assert client.get("/", headers={"host": host}).status_code == 200


def test_two_host_headers_are_none():
    assert not host_rule("127.0.0.1").allows(["localhost", "localhost"])
    assert not host_rule("127.0.0.1").allows([])


def test_beyond_this_machine_an_address_is_let_in_and_a_foreign_name_is_not():
    rule = host_rule("0.0.0.0")
    assert rule.allows(["192.168.1.7:8765"])
    assert not rule.allows(["evil.example:8765"])
    assert not host_rule("127.0.0.1").allows(["192.168.1.7:8765"])


@pytest.mark.parametrize(
    "headers",
    [
        {"sec-fetch-site": "cross-site"},
        {"sec-fetch-site": "same-site"},  # another port of this machine
        {"sec-fetch-site": "none"},
        {"origin": "http://evil.example"},
        {"origin": "http://127.0.0.1:3000"},
        {"origin": "null"},
        {"sec-fetch-site": "same-origin", "origin": "http://evil.example"},
        {"sec-fetch-site": "cross-site", "sec-fetch-mode": "navigate", "sec-fetch-dest": "document"},  # a form
    ],
)
@pytest.mark.parametrize("path", ["/api/pieces", "/api/forget", "/api/uploads?name=x.mid", "/api/infill", "/api/drawn"])
def test_csrf_a_post_of_another_origin_is_refused(client: TestClient, path: str, headers: dict[str, str]):
    assert client.post(path, json=RECIPE, headers=headers).status_code == 403


def test_a_post_of_the_page_itself_is_answered(client: TestClient):
    headers = {"sec-fetch-site": "same-origin", "origin": OWN}
    assert client.post("/api/forget", json=RECIPE, headers=headers).status_code == 200


def test_another_page_may_link_to_a_piece_but_embed_and_read_nothing(client: TestClient):
    link = {"sec-fetch-site": "cross-site", "sec-fetch-mode": "navigate", "sec-fetch-dest": "document"}
    assert client.get("/p/romantic/1", headers=link).status_code == 200
    for mode, dest in (("no-cors", "audio"), ("cors", "empty"), ("navigate", "iframe")):
        headers = {"sec-fetch-site": "cross-site", "sec-fetch-mode": mode, "sec-fetch-dest": dest}
        assert client.get("/api/models", headers=headers).status_code == 403


def test_the_origin_rule_asks_nothing_of_programs_that_are_no_browsers():
    assert OriginRule(None).allows("POST", Headers({"host": "127.0.0.1:8765"}))  # type: ignore[arg-type]


def test_no_cors_header_is_ever_sent(client: TestClient):
    for answer in (
        client.get("/api/models", headers={"origin": OWN}),
        client.options(
            "/api/pieces", headers={"origin": "http://evil.example", "access-control-request-method": "POST"}
        ),
    ):
        assert not [name for name in answer.headers if name.startswith("access-control-")]


def test_xss_no_inline_script_or_style_and_nothing_from_elsewhere(client: TestClient):
    answer = client.get("/")
    policy = answer.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "script-src 'self'" in policy
    assert "style-src 'self'" in policy
    assert "unsafe" not in policy
    assert "http" not in policy
    assert answer.headers["x-content-type-options"] == "nosniff"
    page = answer.text
    assert not re.search(r"<script(?![^>]*\bsrc=)|<style|\sstyle=|\son\w+=|https?://", page)
    scripts = [path.read_text(encoding="utf-8") for path in (Path(security.__file__).parent / "static").glob("*.js")]
    assert len(scripts) > 5
    for script in scripts:
        assert not re.search(
            r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|eval\(|new Function|https?://", script
        )
    assert "url(" not in (Path(security.__file__).parent / "static" / "style.css").read_text(encoding="utf-8")


def test_every_answer_carries_the_headers(client: TestClient):
    for answer in (
        client.get("/nowhere"),
        client.get("/", headers={"host": "evil.example"}),
        client.get("/api/models"),
    ):
        for name, value in security.HEADERS.items():
            assert answer.headers[name] == value


@pytest.mark.parametrize("form", ["", ".mid", ".mp3", ".json"])
def test_a_get_never_makes_music(client: TestClient, form: str):
    studio = client.app.state.studio
    made, pid = sorted(studio.library.pieces.iterdir()), studio.worker.pid
    answer = client.get(f"/p/romantic/123{form}")
    assert answer.status_code == (404 if form else 200)
    assert (sorted(studio.library.pieces.iterdir()), studio.worker.pid) == (made, pid)
    assert client.get("/api/pieces").status_code == 405


@pytest.mark.parametrize(
    "path",
    [
        "/static/../app.py",
        "/static/%2e%2e%2fapp.py",
        "/static/..%2fsecurity.py",
        "/static/index.html",
        "/p/romantic/1.py",
    ],
)
def test_no_path_leads_out_of_the_static_files(client: TestClient, path: str):
    assert client.get(path).status_code == 404


@pytest.mark.parametrize("model", ["../../etc", "..%2F..%2Fetc", "%2Fetc%2Fpasswd", "romantic%00", "nobody"])
def test_a_model_is_one_of_the_list_and_no_path(client: TestClient, model: str):
    assert client.get(f"/p/{model}/1.mid").status_code in (400, 404)
    assert client.post("/api/pieces", json={"recipe": {"model": model, "seed": 1}}).text.startswith("event: failed")


@pytest.mark.parametrize(
    "name, value",
    [
        ("bars", 129),
        ("bars", 10**9),
        ("seed", 2**32),
        ("tempo", 1),
        ("temperature", 50),
        ("notes", "/etc/passwd"),
        ("notes", "song.mid"),
        ("notes", "C4 " * 200),
        ("primer", "../../secret"),
        ("primer", "/etc/passwd"),
        ("style", "/etc/passwd"),
        ("num", 1000),
        ("length", 10**6),
    ],
)
def test_what_is_beyond_the_caps_or_no_setting_is_refused_in_a_line(client: TestClient, name: str, value: object):
    answer = client.post("/api/pieces", json={"recipe": {"model": "romantic", "seed": 1, name: value}})
    assert answer.status_code == 400
    assert "\n" not in answer.json()["message"]


@pytest.mark.parametrize("content", [b"", b"[]", b"{", b"\xff", b"[" * 100_000, b"nul"])
def test_a_body_that_is_no_json_is_refused(client: TestClient, content: bytes):
    assert client.post("/api/pieces", content=content).status_code in (400, 413)


def test_a_body_is_given_up_while_it_streams(client: TestClient):
    def endless() -> Iterator[bytes]:
        for _ in range(3 << 10):
            yield bytes(1 << 10)

    answer = client.post("/api/uploads?name=x.mid", content=endless())
    assert answer.status_code == 413
    assert client.post("/api/pieces", content=b" " * (17 << 10)).status_code == 413


def test_a_body_is_counted_and_its_length_header_not_believed():
    sent = 0

    async def receive() -> dict[str, object]:
        nonlocal sent
        sent += 1
        return {"type": "http.request", "body": bytes(1000), "more_body": True}

    request = Request({"type": "http", "method": "POST", "headers": [(b"content-length", b"5")]}, receive)
    with pytest.raises(TooLarge):
        anyio.run(body, request, 5000)
    assert sent == 6


def test_a_body_that_never_ends_is_not_waited_for(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(security, "BODY_SECONDS", 0.01)

    async def receive() -> dict[str, object]:
        await anyio.sleep(10)
        return {}

    with pytest.raises(TimeoutError):
        anyio.run(body, Request({"type": "http", "method": "POST", "headers": []}, receive), 5000)


def test_beyond_this_machine_nothing_is_seen_without_the_token(page_home: Path):
    app = create_app("0.0.0.0", "right", program=PROGRAM, warm=False)
    with TestClient(app, base_url="http://192.168.1.7:8765", follow_redirects=False) as client:
        for path in ("/", "/api/models", "/static/app.js", "/?token=wrong", "/?token="):
            assert client.get(path).status_code == 401
        assert client.post("/api/pieces?token=right", json=RECIPE).status_code == 401
        entered = client.get("/?token=right")
        assert entered.status_code == 303
        assert entered.headers["location"] == "/"
        for path, page in (("/listen", "/listen"), ("//evil.example/", "/")):
            client.cookies.clear()
            assert (
                client.get(f"{OWN.replace('127.0.0.1', '192.168.1.7')}{path}?token=right").headers["location"] == page
            )
        cookie = entered.headers["set-cookie"].lower()
        assert "httponly" in cookie
        assert "samesite=strict" in cookie
        assert client.get("/api/models").status_code == 200  # the client keeps the cookie


def test_only_addresses_of_this_machine_need_no_token():
    assert all(map(is_loopback, ("127.0.0.1", "localhost", "::1", "127.3.4.5")))
    assert not any(map(is_loopback, ("0.0.0.0", "::", "192.168.1.7", "evil.example", "")))


def test_a_title_in_a_dropped_file_stays_text(client: TestClient):
    answer = play(client, notes="C4 E4")
    assert "<" not in answer[-1][1]["command"]
    name = '"><script>alert(1)</script>.mid'
    answer = client.post("/api/uploads", params={"name": name}, content=b"no music")
    assert answer.status_code == 400
    assert answer.headers["content-type"] == "application/json"
