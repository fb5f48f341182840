"""LilyPond sources -> MIDI, each by a process of its own, a few at a time.

A LilyPond source is a program: it may read and write files. Make the models where there is nothing to lose, such as in
a container; where this is run as root, LilyPond runs as nobody.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from genres.choose import files_in
from musictool.errors import MusictoolError
from musictool.fetching.sums import sha256_of

LONGEST_SECONDS = 180
NOBODY = 65534


def as_midi(sources: Iterable[Path], cache: Path, ready_made: Path) -> dict[Path, list[Path]]:
    """The MIDI files of LilyPond sources, one a score in them; none for a source that LilyPond does not make any of.

    Args:
        sources: .ly files.
        cache: a folder for what is made, by the content of its source; a source that is there is not run again.
        ready_made: where MIDI files may lie that were made before: NAME.mid, NAME-1.mid, ... of NAME.ly go before.

    Raises:
        MusictoolError: if there is something to be made, and no LilyPond.
    """
    ready: dict[Path, list[Path]] = {}
    made = files_in(ready_made, ".mid", ".midi")
    for source in sources:
        ready[source] = [path for path in made if _is_of(path.stem, source.stem)]
    places = {source: cache / sha256_of(source) for source, midi in ready.items() if not midi}
    missing = [source for source, place in places.items() if not place.is_dir()]
    if missing and not (shutil.which("lilypond") and shutil.which("convert-ly")):
        raise MusictoolError(
            f"{len(missing)} pieces are LilyPond sources, and lilypond is not installed; get it from lilypond.org or "
            "your system (Debian: apt-get install lilypond), and run this again"
        )
    with ThreadPoolExecutor(len(os.sched_getaffinity(0))) as pool:
        for done, _ in enumerate(pool.map(lambda source: _run(source, places[source]), missing), 1):
            print(f"\rlilypond: {done} of {len(missing)} pieces", end="" if done < len(missing) else "\n", flush=True)
    return ready | {source: sorted(place.glob("*.mid*")) for source, place in places.items()}


def _is_of(made: str, source: str) -> bool:
    rest = made.removeprefix(source)
    return rest == "" or (rest != made and rest[0] == "-" and rest[1:].isdigit())


def _run(source: Path, place: Path) -> None:
    """Let LilyPond write what it makes of a source into the folder `place`, which then is complete, even if empty."""
    partial = place.with_name(f".{place.name}")
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir(parents=True)
    text = partial / "score.ly"
    shutil.copyfile(source, text)
    as_nobody: dict[str, Any] = {}
    if os.geteuid() == 0:
        for path in (partial, text):
            os.chown(path, NOBODY, NOBODY)
        as_nobody = {"user": NOBODY, "group": NOBODY, "extra_groups": []}
    quiet: dict[str, Any] = {"cwd": partial, "capture_output": True, "timeout": LONGEST_SECONDS, **as_nobody}
    environment = {"PATH": os.environ["PATH"], "HOME": str(partial), "LANG": "C.UTF-8"}
    try:
        subprocess.run(["convert-ly", "-e", "score.ly"], env=environment, check=False, **quiet)
        command = ["lilypond", "-dno-print-pages", "-dbackend=null", "score.ly"]
        subprocess.run(command, env=environment, check=False, **quiet)
    except subprocess.TimeoutExpired:
        for path in partial.glob("*.mid*"):
            path.unlink()
    partial.replace(place)
