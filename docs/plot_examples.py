"""Make the pictures of docs/plots/ from music and models that anybody can make again.

    make figures
    python docs/plot_examples.py --songs FOLDER --style FILE --home FOLDER

The commands of EXAMPLES are those that the pages show; they are run after those of MODELS, which take some ten minutes.
The latent space needs songs for several instruments, which no package has: it is drawn if --songs is a folder of MIDI
files and --style a MIDI file. With --home the models are kept there for the next time.
"""

from __future__ import annotations

import argparse
import os
import shlex
import shutil
import tempfile
from collections.abc import Sequence
from pathlib import Path

from musictool.cli._main import main as musictool

FOLDER = Path(__file__).parent / "plots" / "pictures"

MUSIC = {"chorale.mxl": "bach/bwv127.5.mxl", "rag.mxl": "joplin/maple_leaf_rag.mxl"}  # of music21's collection
MODELS = (
    "musictool prepare bach",
    "musictool train bach --encoding midi-message --name bach-messages --epochs 6 --seed 1",
    "musictool train bach --encoding midi-message --arch gru --name bach-gru --epochs 6 --seed 1",
    "musictool train bach --encoding performance --name bach-performance --epochs 5 --seed 1",
    "musictool sample bach-messages --num 48 --bars 16 --seed 1 --out songs/song.mid",
)
EXAMPLES = {
    "roll": "musictool plot chorale.mxl songs/song-001.mid --bars 8 --out roll.png",
    "curves": "musictool plot bach-messages bach-gru bach-performance --out curves.png",
    "embeddings": "musictool plot bach-messages --kind embeddings --out embeddings.png",
    "embeddings-performance": "musictool plot bach-performance --kind embeddings --out embeddings-performance.png",
    "embeddings-pca": "musictool plot bach-performance --kind embeddings --method pca --label C4,C5 "
    "--out embeddings-pca.png",
    "features": "musictool plot songs --kind features --corpus bach --out features.png",
    "similarity": "musictool plot rag.mxl --kind similarity --out similarity.png",
    "similarity-roll": "musictool plot rag.mxl songs/song-001.mid --kind similarity --alike roll "
    "--out similarity-roll.png",
}
BAND_MODELS = (
    "musictool prepare band --name band",
    "musictool train band --arch vae --encoding segments --name band-vae --epochs 20 --seed 1",
)
BAND_EXAMPLES = {"latent": "musictool plot band-vae --kind latent --style style.mid --out latent.png"}


def run(line: str) -> None:
    """One command, as a user types it."""
    print(f"$ {line}", flush=True)
    musictool.main(shlex.split(line)[1:], prog_name="musictool", standalone_mode=False)


def make(lines: Sequence[str]) -> None:
    """Run the commands whose result (a corpus, a model, or songs) is not there yet."""
    for line in lines:
        command, what, *_ = shlex.split(line)[1:]
        name = line.partition("--name ")[2].split(" ")[0] or what
        results = {"prepare": Path("corpora", name), "train": Path("saved_models", name), "sample": Path("songs")}
        if not results[command].exists():
            run(line)


def draw(examples: dict[str, str]) -> None:
    """Run the commands, and copy their pictures to the docs."""
    for name, line in examples.items():
        run(line)
        shutil.copy(f"{name}.png", FOLDER / f"{name}.png")


def main() -> None:
    """Make the pictures."""
    from music21 import corpus as music21_corpus

    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--songs", type=Path)
    arguments.add_argument("--style", type=Path)
    arguments.add_argument("--home", type=Path)
    given = arguments.parse_args()
    band = (given.songs.resolve(), given.style.resolve()) if given.songs and given.style else None
    FOLDER.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as passing:
        home = (given.home or Path(passing)).resolve()
        home.mkdir(parents=True, exist_ok=True)
        os.environ["MUSICTOOL_HOME"] = str(home)
        os.chdir(home)
        for name, path in MUSIC.items():
            shutil.copy(str(music21_corpus.getWork(path)), name)
        make(MODELS)
        draw(EXAMPLES)
        if band:
            shutil.copytree(band[0], "band", dirs_exist_ok=True)
            shutil.copy(band[1], "style.mid")
            make(BAND_MODELS)
            draw(BAND_EXAMPLES)


if __name__ == "__main__":
    main()
