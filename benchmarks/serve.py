"""Twenty listeners at once on `musictool serve`: is anything lost, how long do they wait, does memory grow?

    python benchmarks/serve.py MODEL [--listeners 20] [--minutes 5] [--bars 8]

Each listener asks for a piece after another, asks again while the queue is full, as the page does, fetches notes and
sound and compares the notes with those of a second request; now and then one leaves in the middle. The page's process
and its worker's are watched from the first piece on. At the end stands of each of three promises whether it was met:
nothing lost, everyone served, memory bounded; the exit status is 1 if one was not. `--minutes 60` is the hour without
growth.
"""

from __future__ import annotations

import argparse
import http.client
import json
import os
import random
import signal
import statistics
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

LEAVES = 0.05  # of the requests, share that is left in the middle
PATIENCE_SECONDS = 0.6, 1.8  # before a listener asks again, as on the page
GROWTH_MB = {"page": 5.0, "worker": 30.0}  # from the first third of the time to the last, at most


class Listener(threading.Thread):
    """Asks for pieces until the time is up; what came of them is counted.

    Attributes:
        waits: seconds from the first request to the piece, of each piece.
        lost: what went wrong, each in a line.
    """

    def __init__(self, address: str, model: str, bars: int, number: int, until: float):
        super().__init__(daemon=True)
        self._place, self._model, self._bars, self._until = urlsplit(address), model, bars, until
        self._random = random.Random(number)
        self.waits: list[float] = []
        self.lost: list[str] = []
        self.busy = self.left = 0

    def run(self) -> None:
        while time.monotonic() < self._until:
            try:
                self._listen()
            except (OSError, http.client.HTTPException, ValueError, KeyError) as error:
                self.lost.append(f"{type(error).__name__}: {error}")

    def _listen(self) -> None:
        recipe = {"model": self._model, "seed": self._random.randrange(2**31), "bars": self._bars}
        began = time.monotonic()
        leaves = self._random.random() < LEAVES
        while True:
            name, values = self._ask(recipe, leaves)
            if name != "busy":
                break
            self.busy += 1
            time.sleep(self._random.uniform(*PATIENCE_SECONDS))
        if name == "left":
            self.left += 1
        elif name != "piece":
            self.lost.append(f"{name}: {values}")
        else:
            self.waits.append(time.monotonic() - began)
            path, _, query = values["address"].partition("?")
            notes, sound = (self._get(f"{path}{form}?{query}") for form in (".mid", ".wav"))
            if not notes.startswith(b"MThd") or not sound.startswith(b"RIFF"):
                self.lost.append("no file")
            again, _ = self._ask(recipe, False)
            if again != "piece":
                self.lost.append(f"asked again for what is made: {again}")
            elif self._get(f"{path}.mid?{query}") != notes:
                self.lost.append("other bytes")

    def _ask(self, recipe: dict[str, Any], leaves: bool) -> tuple[str, dict[str, Any]]:
        """The last event of a piece; "left" if this listener left before it."""
        connection = self._connection()
        try:
            connection.request("POST", "/api/pieces", json.dumps({"recipe": recipe, "forms": [".wav"]}))
            last = ("nothing", {})
            for name, values in events(connection.getresponse()):
                last = (name, values)
                if leaves and name == "working":
                    return ("left", {})
            return last
        finally:
            connection.close()

    def _get(self, path: str) -> bytes:
        connection = self._connection()
        try:
            connection.request("GET", path)
            return connection.getresponse().read()
        finally:
            connection.close()

    def _connection(self) -> http.client.HTTPConnection:
        return http.client.HTTPConnection(self._place.hostname or "", self._place.port, timeout=300)


def events(response: http.client.HTTPResponse) -> Iterator[tuple[str, dict[str, Any]]]:
    """Name and values of each event of a stream."""
    name = ""
    while line := response.readline().decode():
        if line.startswith("event: "):
            name = line[7:].strip()
        elif line.startswith("data: "):
            yield name, json.loads(line[6:])


def resident_mb(pid: int) -> float:
    """Memory that a process holds."""
    pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 2**20


def children(pid: int) -> list[int]:
    """Processes that a process has started."""
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def watch(server: subprocess.Popen[str], until: float, listeners: list[Listener]) -> list[tuple[float, float, float]]:
    """(minutes, MB of the page, MB of its workers), from the first piece on, twenty times."""
    while not any(listener.waits for listener in listeners) and time.monotonic() < until:
        time.sleep(0.2)
    rows, began = [], time.monotonic()
    pause = max(1.0, (until - began) / 20)
    while time.monotonic() < until:
        workers = sum(map(resident_mb, children(server.pid)))
        rows.append(((time.monotonic() - began) / 60, resident_mb(server.pid), workers))
        made = sum(len(listener.waits) for listener in listeners)
        print(f"{rows[-1][0]:5.1f} min: {made} pieces, page {rows[-1][1]:.0f} MB, worker {workers:.0f} MB")
        time.sleep(pause)
    return rows


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model")
    parser.add_argument("--listeners", type=int, default=20)
    parser.add_argument("--minutes", type=float, default=5)
    parser.add_argument("--bars", type=int, default=8)
    arguments = parser.parse_args()
    program = [sys.executable, "-m", "musictool", "serve", "--port", "0"]
    began = time.monotonic()
    with subprocess.Popen(program, stdout=subprocess.PIPE, text=True) as server:
        try:
            assert server.stdout is not None
            address = server.stdout.readline().split()[0]
            print(f"page up after {time.monotonic() - began:.2f} s")
            until = time.monotonic() + 60 * arguments.minutes
            listeners = [
                Listener(address, arguments.model, arguments.bars, number, until)
                for number in range(arguments.listeners)
            ]
            for listener in listeners:
                listener.start()
            rows = watch(server, until, listeners)
            for listener in listeners:
                listener.join(300)
            report(listeners)
            are_met = judge(listeners, rows)
        finally:
            server.send_signal(signal.SIGINT)
    raise SystemExit(0 if are_met else 1)


def report(listeners: list[Listener]) -> None:
    """What came of it."""
    waits = sorted(wait for listener in listeners for wait in listener.waits)
    lost = [line for listener in listeners for line in listener.lost]
    print(f"{len(waits)} pieces for {len(listeners)} listeners, {len(lost)} lost, the fewest that one had: ", end="")
    print(min(len(listener.waits) for listener in listeners))
    print(
        f"asked again {sum(each.busy for each in listeners)} times, left {sum(each.left for each in listeners)} times"
    )
    if waits:
        print(f"wait: median {statistics.median(waits):.1f} s, 95 of 100 within {waits[int(0.95 * len(waits))]:.1f} s")
    for line in sorted(set(lost))[:10]:
        print("lost:", line)


def judge(listeners: list[Listener], rows: list[tuple[float, float, float]]) -> bool:
    """Print of each promise whether it was met; whether all were."""
    lost, fewest = sum(len(each.lost) for each in listeners), min(len(each.waits) for each in listeners)
    met = {f"nothing lost: {lost} lost": lost == 0, f"everyone served: at least {fewest} pieces each": fewest > 0}
    third = len(rows) // 3
    for name, column in (("page", 1), ("worker", 2)):
        if not third:
            met[f"memory of the {name} bounded: too short to say"] = False
            continue
        early, late = (statistics.median(row[column] for row in part) for part in (rows[:third], rows[-third:]))
        what = f"memory of the {name} bounded: {early:.0f} MB in the first third of the time, {late:.0f} MB in the last"
        met[what] = late - early <= GROWTH_MB[name]
    for what, is_met in met.items():
        print(f"{'met' if is_met else 'NOT MET':8}{what}")
    return all(met.values())


if __name__ == "__main__":
    main()
