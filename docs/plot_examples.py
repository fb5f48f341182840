"""Make the pictures of docs/plots/: music and models that anybody can make again, and every plot of them.

    make figures
    python docs/plot_examples.py --songs FOLDER --style FILE

The commands of EXAMPLES are those that the pages show; they are run as they stand there, after those of MODELS, which
take some ten minutes. The latent space needs songs for several instruments, which no package brings: it is drawn where
--songs names a folder of MIDI files and --style one of them or another.
"""

from __future__ import annotations

import argparse
import os
import shlex
import shutil
import tempfile
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
    "curves": "musictool plot bach-messages bach-gru bach-performance --against minutes --out curves.png",
    "embeddings": "musictool plot bach-messages --kind embeddings --out embeddings.png",
    "embeddings-performance": "musictool plot bach-performance --kind embeddings --out embeddings-performance.png",
    "embeddings-pca": "musictool plot bach-performance --kind embeddings --method pca --label C3,C4,C5 "
    "--out embeddings-pca.png",
    "features": "musictool plot songs --kind features --corpus bach --out features.png",
    "similarity": "musictool plot rag.mxl --kind similarity --out similarity.png",
    "similarity-roll": "musictool plot rag.mxl songs/song-001.mid --kind similarity --alike roll "
    "--out similarity-roll.png",
}
BAND_MODELS = (
    "musictool prepare band --name band",
    "musictool train band --arch vae --name band-vae --epochs 20 --seed 1",
)
BAND_EXAMPLES = {"latent": "musictool plot band-vae --kind latent --style style.mid --out latent.png"}


def run(line: str) -> None:
    """One command, as a user types it."""
    print(f"$ {line}", flush=True)
    musictool.main(shlex.split(line)[1:], prog_name="musictool", standalone_mode=False)


def draw(examples: dict[str, str]) -> None:
    """Run them, and bring what they drew to the docs."""
    for name, line in examples.items():
        run(line)
        shutil.copy(f"{name}.png", FOLDER / f"{name}.png")


def main() -> None:
    """Make the pictures."""
    from music21 import corpus as music21_corpus

    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--songs", type=Path)
    arguments.add_argument("--style", type=Path)
    given = arguments.parse_args()
    band = (given.songs.resolve(), given.style.resolve()) if given.songs and given.style else None
    FOLDER.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as home:
        os.environ["MUSICTOOL_HOME"] = home
        os.chdir(home)
        for name, path in MUSIC.items():
            shutil.copy(str(music21_corpus.getWork(path)), name)
        for line in MODELS:
            run(line)
        draw(EXAMPLES)
        if band:
            os.symlink(band[0], "band")
            shutil.copy(band[1], "style.mid")
            for line in BAND_MODELS:
                run(line)
            draw(BAND_EXAMPLES)


if __name__ == "__main__":
    main()
