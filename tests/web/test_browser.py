"""The page in a real browser, headless: what a listener does, from the first click to the end of a blind test.

Skipped where there is no Chromium with its driver (Debian: chromium, chromium-driver).
"""

from __future__ import annotations

import asyncio
import shutil
import socket
import threading
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from musictool.atomic import write_json
from musictool.home import CORPUS_MARKER
from musictool.metrics.listening import read_votes
from musictool.web.app import create_app
from tests.conftest import write_tunes
from tests.web.conftest import PROGRAM, write_model

webdriver = pytest.importorskip("selenium.webdriver")
BROWSER = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
DRIVER = shutil.which("chromedriver")
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not BROWSER or not DRIVER, reason="no Chromium with its driver"),
    pytest.mark.filterwarnings("ignore::ResourceWarning"),  # of the driver's own pipes
]
SECONDS = 120  # that anything may take on a busy machine


@contextmanager
def served(app: Any) -> Iterator[str]:
    """The address of an application while it is served."""
    import uvicorn

    bound = socket.create_server(("127.0.0.1", 0))
    server = uvicorn.Server(uvicorn.Config(app, log_level="warning", ws="none", timeout_graceful_shutdown=1))
    thread = threading.Thread(target=lambda: asyncio.run(server.serve([bound])))
    thread.start()
    try:
        yield f"http://127.0.0.1:{bound.getsockname()[1]}"
    finally:
        server.should_exit = True
        thread.join(SECONDS)
        bound.close()


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    home = tmp_path_factory.mktemp("browser")
    write_model(home, "voices", arch={"name": "coconet"})
    for name in ("romantic", "ragtime"):
        write_model(home, name, corpus={"name": "tunes"})
    write_json(home / "corpora" / "tunes" / CORPUS_MARKER, {})
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MUSICTOOL_HOME", str(home))
        yield home


@pytest.fixture(scope="module")
def address(home: Path) -> Iterator[str]:
    with served(create_app(program=PROGRAM, warm=False)) as address:
        yield address


class Page:
    """A tab, and what a person at it does."""

    def __init__(self, driver: Any, address: str):
        self.driver, self.address = driver, address

    def open(self, path: str = "/") -> None:
        self.driver.get(self.address + path)
        self.wait(lambda: self.js("return document.querySelectorAll('input[name=genre]').length > 1"))
        if path == "/":
            self.js("document.querySelector('input[value=ragtime]').click()")  # and none that ships
            self.js("document.getElementById('bars').value = '8'")  # quick to make

    def js(self, code: str, *arguments: Any) -> Any:
        return self.driver.execute_script(code, *arguments)

    def click(self, selector: str) -> None:
        self.js("document.querySelector(arguments[0]).scrollIntoView({block: 'center'})", selector)
        self.driver.find_element("css selector", selector).click()

    def press(self, keys: str) -> None:
        webdriver.ActionChains(self.driver).send_keys(keys).perform()

    def text(self, selector: str) -> str:
        return str(self.js("return document.querySelector(arguments[0]).textContent", selector))

    def wait(self, what: Callable[[], Any]) -> Any:
        end = time.monotonic() + SECONDS
        while time.monotonic() < end:
            if found := what():
                return found
            time.sleep(0.05)
        raise AssertionError(f"waited in vain; the page says: {self.text('#status')} {self.text('#trial-status')}")

    @property
    def played(self) -> float:
        """Seconds of the piece that were heard; -1 with an error."""
        return float(self.js("return audio.error ? -1 : audio.currentTime"))

    def hear(self) -> None:
        """Wait until it sounds and goes on sounding."""
        self.wait(lambda: self.played > 0)
        before = self.played
        self.wait(lambda: self.played > before + 0.2)

    def play(self) -> str:
        """Press play; the title of the piece."""
        self.click("#play")
        self.hear()
        return self.text("#title")

    def errors(self) -> list[Any]:
        """What the browser complained of since, such as a breach of the content security policy."""
        return [entry for entry in self.driver.get_log("browser") if entry["level"] == "SEVERE"]


@pytest.fixture(scope="module")
def driver() -> Iterator[Any]:
    options = webdriver.ChromeOptions()
    options.binary_location = BROWSER
    for argument in ("--headless=new", "--no-sandbox", "--disable-dev-shm-usage", "--mute-audio"):
        options.add_argument(argument)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    driver = webdriver.Chrome(options=options, service=webdriver.ChromeService(DRIVER))
    yield driver
    driver.quit()


@pytest.fixture
def page(driver: Any, address: str) -> Iterator[Page]:
    page = Page(driver, address)
    page.open()
    page.js("localStorage.clear()")
    page.open()
    page.errors()
    yield page
    assert page.errors() == []
    page.driver.get("about:blank")


def test_play_is_heard_and_drawn_and_nothing_sounds_before(page: Page):
    assert page.js("return audio.getAttribute('src')") is None
    title = page.play()
    assert title.startswith("Ragtime No. ")
    assert page.text("#facts").startswith("about ")
    drawn = "const c = document.getElementById('roll'); return c.toDataURL().length"
    first = page.js(drawn)
    page.wait(lambda: page.js(drawn) != first)
    assert page.js("return navigator.mediaSession.metadata.title") == title
    page.click("#play")
    assert page.js("return audio.paused")


def test_another_piece_is_another_and_the_one_before_is_the_one_before(page: Page):
    first = page.play()
    page.click("#next")
    second = str(page.wait(lambda: page.text("#title") != first and page.text("#title")))
    page.hear()
    page.js("audio.currentTime = 0")
    page.click("#previous")
    page.wait(lambda: page.text("#title") == first)
    page.hear()
    assert len(page.driver.find_elements("css selector", "#heard li")) == 2
    assert second != first


def test_at_the_end_of_a_piece_the_next_one_begins_by_itself(page: Page):
    first = page.play()
    page.wait(lambda: page.js("return audio.duration > 5"))
    page.js("audio.currentTime = audio.duration - 0.3")
    page.wait(lambda: page.text("#title") != first)
    page.hear()


def test_the_address_is_the_piece_with_the_same_bytes_again(page: Page):
    title = page.play()
    path = page.js("return location.pathname")

    def fetched() -> bytes:
        with urllib.request.urlopen(f"{page.address}{path}.mid?bars=8") as answer:
            return bytes(answer.read())

    before = fetched()
    page.open(f"{path}?bars=8")
    assert page.text("#title") == title
    assert page.js("return audio.getAttribute('src')") is None
    page.play()
    assert page.js("return location.pathname") == path
    assert fetched() == before


def test_a_piece_is_kept_and_found_again(page: Page, home: Path):
    page.play()
    page.click("#keep")
    page.wait(lambda: page.text("#keep") == "Kept")
    assert len([*(home / "kept").glob("*.mid")]) == 1
    page.open()
    page.click("#kept-pieces summary")
    page.click("#kept li button")
    page.hear()
    page.click("#keep")
    page.wait(lambda: not [*(home / "kept").glob("*.mid")])


def test_with_the_seed_locked_a_knob_is_heard_at_once_and_compared(page: Page):
    page.play()
    before = page.js("return location.search")
    page.click("#lock")
    page.js("const s = document.getElementById('bars'); s.value = '16'; s.dispatchEvent(new Event('change'))")
    page.wait(lambda: page.js("return location.search") != before)
    assert page.js("return location.search") == "?bars=16"
    page.hear()
    page.click("#before")
    page.wait(lambda: page.js("return location.search") == before)
    page.hear()


def test_a_piece_is_taken_away_and_the_command_stands_there(page: Page):
    page.play()
    page.click("#away summary")
    assert page.text("#command").startswith("musictool sample ragtime --bars 8 --seed ")
    page.js("HTMLAnchorElement.prototype.click = function () { window.taken = [this.download, this.href] }")
    page.click("#downloads button")
    name, href = page.wait(lambda: page.js("return window.taken"))
    assert name.startswith("ragtime-")
    assert name.endswith(".mid")
    with urllib.request.urlopen(href) as answer:
        assert answer.read(4) == b"MThd"


def test_a_dropped_piece_is_understood_continued_kept_and_undone(page: Page, tmp_path: Path):
    tune = write_tunes(tmp_path, 1) / "tune-00.mid"
    bytes_of_tune = list(tune.read_bytes())
    drop = """
        const transfer = new DataTransfer();
        transfer.items.add(new File([new Uint8Array(arguments[0])], "<b>mine.mid"));
        document.dispatchEvent(new DragEvent("drop", {dataTransfer: transfer, bubbles: true}));
    """
    page.js(drop, bytes_of_tune)
    page.wait(lambda: page.text("#continue-title") == "<b>mine.mid")
    assert "24 notes in 3 bars" in page.text("#understood")
    page.click("#takes-button")
    page.wait(lambda: len(page.driver.find_elements("css selector", "#takes li")) == 4)
    page.hear()
    page.click("#takes li:nth-child(3) button:nth-of-type(2)")
    page.wait(lambda: "→" in page.text("#chain"))
    page.wait(lambda: len(page.driver.find_elements("css selector", "#takes li")) == 4)
    page.click("#undo")
    assert page.text("#continue-title") == "<b>mine.mid"


def test_what_cannot_be_read_is_said(page: Page):
    page.js(
        """const transfer = new DataTransfer();
        transfer.items.add(new File(["no music"], "x.mid"));
        document.dispatchEvent(new DragEvent("drop", {dataTransfer: transfer, bubbles: true}));"""
    )
    page.wait(lambda: "x.mid: " in page.text("#dropped"))
    page.errors()  # the browser notes the answer 400


def test_keys_alone_are_enough(page: Page):
    page.js("document.activeElement.blur()")
    page.press(" ")
    page.hear()
    first = page.text("#title")
    page.press("\ue014")  # right
    page.wait(lambda: page.text("#title") != first)
    page.press("m")
    assert page.js("return audio.muted")
    loud = page.js("return audio.volume")
    page.press("\ue015")  # down
    assert page.js("return audio.volume") < loud
    page.press("m ")
    page.wait(lambda: page.js("return audio.paused && !audio.muted"))
    focusable = page.js(
        "return [...document.querySelectorAll('button, input, select, summary, a')]"
        ".every((each) => each.tabIndex >= 0 && (each.textContent.trim() || each.labels?.length || each.ariaLabel))"
    )
    assert focusable


@pytest.mark.parametrize("width, scheme", [(360, "dark"), (360, "light"), (1280, "dark")])
def test_nothing_sticks_out_at_any_width_or_hour(page: Page, width: int, scheme: str):
    size = {"width": width, "height": 800, "deviceScaleFactor": 1, "mobile": False}
    page.driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
    features = [
        {"name": "prefers-color-scheme", "value": scheme},
        {"name": "prefers-reduced-motion", "value": "reduce"},
    ]
    page.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": features})
    try:
        page.play()
        page.click("#edit-this")
        page.wait(lambda: page.js("return !document.getElementById('edit-tools').hidden"))
        page.click("#draw")
        for view in ("edit", "play", "yours", "listen"):
            page.click(f"nav a[data-view={view}]")
            assert page.js("return document.documentElement.scrollWidth") <= width
        brightness = "return Number(getComputedStyle(document.body).backgroundColor.match(/[0-9]+/)[0])"
        assert (page.js(brightness) < 100) == (scheme == "dark")
    finally:
        page.driver.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})
        page.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": []})


# ---- writing in the middle ----

RIGHT, UP, ENTER, SHIFT = "\ue014", "\ue013", "\ue007", "\ue008"


def open_editor(page: Page) -> None:
    page.play()
    page.click("#edit-this")
    page.wait(lambda: page.js("return !document.getElementById('edit-tools').hidden"))
    page.wait(lambda: page.js("return document.activeElement.id === 'sheet'"))
    page.wait(lambda: page.js("return document.querySelectorAll('#edit-model option').length > 0"))


def takes(page: Page) -> int:
    return len(page.driver.find_elements("css selector", "#edit-takes li"))


def test_by_keys_bars_are_marked_and_a_note_locked_and_a_take_is_kept_and_undone(page: Page):
    open_editor(page)
    name = page.text("#edit-chain")
    assert page.js("return document.getElementById('again').disabled")
    page.press(RIGHT)
    assert page.text("#pointed").endswith("bar 1, Acoustic Grand Piano, stays")
    page.press(ENTER)
    assert page.text("#pointed").endswith("locked")
    first = page.text("#pointed").split(",")[0]
    webdriver.ActionChains(page.driver).key_down(SHIFT).send_keys(RIGHT + RIGHT).key_up(SHIFT).perform()
    assert page.js("return document.getElementById('edit-bars').value") == "1-2"
    page.press(RIGHT)
    assert page.text("#pointed").endswith("to be written anew")
    page.click("#again")
    page.wait(lambda: takes(page) == 4)
    page.hear()
    assert page.text("#edit-takes li .about").startswith("15 new notes")  # of 32, every other one is not locked
    page.click("#edit-takes li:nth-child(3) button:nth-of-type(2)")
    assert page.text("#edit-chain").startswith(f"{name}  →  ")
    assert (takes(page), page.js("return document.getElementById('edit-bars').value")) == (0, "1-2")
    page.press(RIGHT)
    page.press("\ue012")
    page.js("document.getElementById('sheet').focus()")
    page.press("\ue00c")  # Escape marks nothing; what is locked stays so
    assert page.js("return document.getElementById('again').disabled")
    page.press(RIGHT)
    assert page.text("#pointed") == f"{first}, bar 1, Acoustic Grand Piano, locked"
    webdriver.ActionChains(page.driver).key_down("\ue009").send_keys("z").key_up("\ue009").perform()
    assert page.text("#edit-chain") == name


def test_by_mouse_bars_are_dragged_over_and_a_take_is_left(page: Page):
    open_editor(page)
    sheet = page.driver.find_element("css selector", "#sheet")
    width = page.js("return document.getElementById('sheet').clientWidth")
    begin = (-width // 2 + 20, -150)
    chain = webdriver.ActionChains(page.driver).move_to_element_with_offset(sheet, *begin)
    chain.click_and_hold().move_by_offset(width // 4, 0).release().perform()
    assert page.js("return document.getElementById('edit-bars').value") == "1-3"
    x, y = page.js(
        """const s = document.getElementById('sheet').getBoundingClientRect(), r = arguments[0];
        const p = document.getElementById('pointed'); p.textContent = '';
        for (let y = s.top + 26; y < s.bottom - 20; y += 3) {
          const at = {clientX: s.left + 10, clientY: y, button: 0, pointerId: 1, pointerType: 'mouse', bubbles: true};
          document.getElementById('sheet-length').setPointerCapture = () => {};
          for (const type of ['pointerdown', 'pointerup'])
            document.getElementById('sheet-canvas').dispatchEvent(new PointerEvent(type, at));
          if (p.textContent.endsWith('locked')) return [10, y - s.top];
        }"""
    )
    assert (x, y) != (0, 0)
    page.js("const b = document.getElementById('edit-bars'); b.value = '2,4-5'; b.dispatchEvent(new Event('change'))")
    page.click("#edit-tracks input")
    page.click("#again")
    page.wait(lambda: takes(page) == 4)
    page.click("#edit-leave")
    assert takes(page) == 0
    assert page.js("return document.getElementById('edit-bars').value") == "2,4-5"
    page.js("const b = document.getElementById('edit-bars'); b.value = '9'; b.dispatchEvent(new Event('change'))")
    assert page.text("#status").startswith("This piece has bars 1 to 8")


def test_a_melody_is_drawn_by_mouse_and_keys_and_harmonised(page: Page):
    page.click("nav a[data-view=edit]")
    page.wait(lambda: page.js("return document.querySelectorAll('#edit-model option').length > 0"))
    page.click("#draw")
    assert page.js("return document.getElementById('draw-harmonise').disabled")
    page.press(ENTER + UP + UP + ENTER)
    assert page.text("#pointed") == "D5, bar 1, beat 3"
    sheet = page.driver.find_element("css selector", "#sheet")
    width = page.js("return document.getElementById('sheet').clientWidth")
    hand = webdriver.ActionChains(page.driver).move_to_element_with_offset(sheet, width // 4 + 5, 20)
    hand.click_and_hold().move_by_offset(width // 8, 0).release().perform()
    assert page.text("#pointed").endswith("bar 4, beat 1, a note")
    page.click("#draw-harmonise")
    page.wait(lambda: takes(page) == 4)
    page.hear()
    assert page.text("#edit-takes li .about").startswith("3 new notes")
    assert "--voices 4" in page.text("#command")
    page.click("#edit-leave")
    page.click("#edit-undo")
    assert page.js("return !document.getElementById('draw-tools').hidden")
    for _ in range(3):
        page.click("#draw-undo")
    assert page.js("return document.getElementById('draw-undo').disabled")


def test_where_no_model_fills_in_a_line_says_what_to_do(page: Page):
    page.js(
        """const asked = window.fetch;
        window.fetch = (path, ...rest) => path !== '/api/editors' ? asked(path, ...rest)
          : Promise.resolve(new Response(JSON.stringify({models: [], message: 'train <b>one'}),
              {headers: {'content-type': 'application/json'}}));"""
    )
    page.click("nav a[data-view=edit]")
    page.wait(lambda: page.text("#edit-none") == "train <b>one")
    page.click("#draw")
    page.press(ENTER)
    assert page.js("return document.getElementById('draw-harmonise').disabled")
    page.open()


def test_nothing_is_fetched_from_elsewhere(page: Page):
    page.play()
    origins = page.js("return performance.getEntriesByType('resource').map((each) => new URL(each.name).origin)")
    assert set(origins) == {page.address}


def test_the_timer_ends_the_music(page: Page):
    page.play()
    page.js("const t = document.getElementById('timer'); t.append(new Option('', '0.03')); t.value = '0.03';"
            "t.dispatchEvent(new Event('change'))")  # fmt: skip
    page.wait(lambda: page.text("#status").startswith("The time is up"))
    assert page.js("return audio.paused")


def test_a_blind_test_to_its_end(page: Page, home: Path):
    page.open("/listen")
    page.wait(lambda: not page.js("return document.getElementById('listen-begin').disabled"))
    page.click("input[value=person]")
    page.click("#listen-begin")
    page.wait(lambda: not page.js("return document.getElementById('hear-a').disabled"))
    may_answer = "return !document.querySelector('#answers button').disabled"
    page.press("a")
    page.wait(lambda: page.js("return document.getElementById('heard-a').value") >= 10)
    assert not page.js(may_answer)
    page.press("b")
    page.wait(lambda: page.js(may_answer))
    page.press("2")
    page.wait(lambda: page.text("#trial-number") == "Pair 2")
    page.wait(lambda: not page.js("return document.getElementById('known').disabled"))
    page.click("#known")
    page.wait(lambda: page.text("#trial-number") == "Pair 3")
    page.click("#listen-end")
    page.wait(lambda: "1 right" in page.text("#result-lines"))
    answered, known = read_votes(home / "votes.jsonl")
    assert (answered.answer, known.answer) == (-1, None)
    assert "people" in answered.sources


def test_a_trained_model_is_heard(driver: Any, at_tiny_home: Path):
    with served(create_app(warm=False)) as address:
        page = Page(driver, address)
        page.driver.get(address)
        page.wait(lambda: page.js("return document.querySelectorAll('input[value=tunes-lstm]').length == 1"))
        page.click("input[value=tunes-lstm]")
        assert page.play().startswith("Tunes lstm No. ")
