"""Make the models that ship: python -m genres.make [GENRE ...], behind `make models`.

    collect   the files of a genre, a folder a work               WORK/music/GENRE/music/
    prepare   -> a corpus, split by works                         WORK/corpora/GENRE
    train     -> a model; the same command goes on if stopped     WORK/saved_models/GENRE
    export    -> as it ships, in float16                          WORK/export/GENRE
    measure   what is exported, beside pieces that were held out  WORK/measures/GENRE.json
    ship      with its card, a sample and a picture               saved_models/GENRE, and docs/models.md

Each step is left out where its result is there and what it is made of has not changed.
"""

from __future__ import annotations

import argparse
import json
import os
import shlex
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

from genres import card
from genres.choose import CHOICES
from genres.lilypond import as_midi
from genres.table import GENRES, Genre
from genres.upbeats import on_bar_lines
from musictool import home
from musictool.atomic import replacing_folder, write_json
from musictool.corpus.corpus import Corpus
from musictool.errors import MusictoolError
from musictool.fetching.fetch import MARKER, fetch
from musictool.models.export import export
from musictool.models.info import read_info
from musictool.preparation import sources
from musictool.preparation.by_rule import write_by_rule
from musictool.reading import read
from musictool.writers.midi import write as write_midi

ROOT = Path(__file__).resolve().parent.parent
LEAST_MINUTES = 0.5


def main(arguments: list[str] | None = None) -> None:
    """Make the genres that are named, or all."""
    parser = argparse.ArgumentParser(prog="python -m genres.make", description="Make the models that ship.")
    parser.add_argument("genre", nargs="*", help=f"of {', '.join(GENRES)}; all of them if none is named")
    parser.add_argument("--data", type=Path, help="folder with collections that need not be fetched, each by its name")
    parser.add_argument("--work", type=Path, default=ROOT / "genres" / "build", help="folder to work in")
    parser.add_argument("--ship", type=Path, default=ROOT / "saved_models", help="folder that the models are put in")
    parser.add_argument("--minutes", type=float, help="train so long at most, in place of what the table says")
    parser.add_argument("--num", type=int, help="measure so many pieces, in place of what the table says")
    given = parser.parse_args(arguments)
    names = given.genre or [*GENRES]
    for name in names:
        if name not in GENRES:
            parser.error(f"no genre is called '{name}': there are {', '.join(GENRES)}")
    os.environ[home.HOME_VARIABLE] = str(given.work.resolve())
    try:
        for name in sorted(names, key=[*GENRES].index):
            print(f"== {name}", flush=True)
            _make(name, GENRES[name], given)
    except MusictoolError as error:
        sys.exit(f"Error: {error}")
    except subprocess.CalledProcessError as error:
        sys.exit(f"Error: exit status {error.returncode} of: {shlex.join(error.cmd[2:])}; the same command goes on")


def _make(name: str, genre: Genre, given: argparse.Namespace) -> None:
    work = given.work.resolve()
    music = collect(name, genre, work, given.data)
    split = ("--split-by", "folder", "--val-split", str(genre.val_split))
    _musictool("prepare", str(music), "--name", name, *split)
    train(name, genre, work, given.minutes or genre.minutes)
    model = work / "export" / name
    shutil.rmtree(model, ignore_errors=True)
    exported = export(work / "saved_models" / name, model)
    write_json(model / home.MODEL_MARKER, {**read_info(model), "sample": {"bars": genre.bars}})
    measures = measure(name, genre, model, work, given.num or genre.num)
    card.write(model, name, card.make(name, genre, model, Corpus.open(work / "corpora" / name), measures))
    options = ("--bars", str(genre.bars), "--temperature", str(genre.temperature), "--seed", "1")
    _musictool("sample", str(model), *options, "--out", str(model / "sample.mid"), "--out", str(model / "sample.png"))
    (model / "sample.json").unlink()  # it names a folder of this machine
    with replacing_folder(given.ship / name) as partial:
        shutil.copytree(model, partial, dirs_exist_ok=True)
    if given.ship.resolve() == (ROOT / "saved_models").resolve():
        card.PAGE.write_text(card.page(given.ship), encoding="utf-8")
    print(f"{given.ship / name}: {exported.size_bytes / 1e6:.1f} MB", flush=True)


def collect(name: str, genre: Genre, work: Path, data: Path | None) -> Path:
    """The folder with the music of a genre: COLLECTION/WORK/FILE."""
    place = work / "music" / name
    with replacing_folder(place / "music") as partial:
        for each in genre.data:
            folder = located(each.collection, data)
            chosen = list(CHOICES[each.choose](folder))
            written = [path for _, path in chosen if path.suffix == ".ly"]
            midi = as_midi(written, work / "lilypond", folder) if written else {}
            files = [(of_work, made) for of_work, path in chosen for made in midi.get(path, [path])]
            for of_work, path in files:
                target = partial / each.collection / of_work / f"{path.stem}{path.suffix.replace('.midi', '.mid')}"
                if path.parent.parent == work / "lilypond":  # all are called score.midi there
                    target = target.with_name(f"{path.parent.name[:8]}-{target.name}")
                target.parent.mkdir(parents=True, exist_ok=True)
                if each.has_accents:
                    write_midi(on_bar_lines(read(path).scores[0]), target)
                else:
                    shutil.copyfile(path, target)
            print(f"{each.collection}: {len(files)} files of {len({one for one, _ in files})} works", flush=True)
    named = "".join(f"; credit: {credit}" for credit in genre.credits)
    write_json(place / MARKER, {"name": name, "summary": genre.summary, "licence": genre.licences + named})
    return place / "music"


def located(collection: str, data: Path | None) -> Path:
    """The folder of a collection: built in, given, fetched before, or fetched now."""
    if collection in sources.BUILT_IN:
        source = sources.find(collection)
        if source.by_rule:
            write_by_rule(source, lambda done, total: None)
        return source.root
    if data is not None and (data / collection).is_dir():
        return (data / collection).resolve()
    print(f"fetching {collection} ...", flush=True)
    return fetch(collection).folder


def train(name: str, genre: Genre, work: Path, minutes: float) -> None:
    """Train the model of a genre for what is left of its time."""
    folder = work / "saved_models" / name
    begun = (folder / home.MODEL_MARKER).is_file()
    if begun and read_info(folder)["training"]["finished"]:
        print(f"{name} is trained", flush=True)
        return
    done = card.minutes(folder) if (folder / "history.csv").is_file() else 0.0
    parent = ("--init-from", genre.parent) if genre.parent else ()
    left = f"{max(LEAST_MINUTES, minutes - done):g}"
    _musictool("train", name, "--name", name, *parent, *genre.train, "--max-minutes", left)


def measure(name: str, genre: Genre, model: Path, work: Path, num: int) -> dict[str, Any]:
    """What `musictool evaluate --json` says of a model, kept for as long as its weights are the same."""
    path = work / "measures" / f"{name}.json"
    options = ("--num", str(num), "--bars", str(genre.bars), "--temperature", str(genre.temperature), "--seed", "1")
    identity = {"weights": read_info(model)["weights"], "options": list(options)}
    if path.is_file():
        kept = json.loads(path.read_text(encoding="utf-8"))
        if kept["of"] == identity:
            return dict(kept["measures"])
    text = _musictool("evaluate", str(model), *options, "--json", capture=True)
    measures = json.loads(text)
    write_json(path, {"of": identity, "measures": measures})
    return dict(measures)


def _musictool(*arguments: str, capture: bool = False) -> str:
    """Run a command of musictool, and show it."""
    print(f"$ musictool {shlex.join(arguments)}", flush=True)
    command = [sys.executable, "-m", "musictool", *arguments]
    done = subprocess.run(command, cwd=ROOT, check=True, text=True, stdout=subprocess.PIPE if capture else None)
    return done.stdout or ""


if __name__ == "__main__":
    main()
