"""Make the pictures of docs/encodings/: a real piece, and what is left of it after each encoding and back.

    make figures
    python docs/figures.py --band SONG.mid --piano PERFORMANCE.mid

Without files all pictures are of a Bach chorale that the vocabularies were not made from. Encodings that write several
instruments take the song of --band, `performance` the performance of --piano, where they are given (generate.PICTURED).
"""

from __future__ import annotations

import argparse
import os
import tempfile
from dataclasses import replace
from pathlib import Path

from generate import PICTURED

from musictool.corpus.corpus import Corpus
from musictool.dataset.encode import encode_corpus
from musictool.encoding import Encoding
from musictool.music.score import Score
from musictool.preparation.prepare import prepare
from musictool.reading import read_named
from musictool.registry import ENCODINGS
from musictool.writing import write

FOLDER = Path(__file__).parent / "encodings" / "pictures"
BARS = 8


def opening(score: Score, title: str) -> Score:
    """The first bars, without the empty ones before them."""
    bars = score.bar_onsets_ticks()
    first = int(score.notes["onset_ticks"].min())
    begin = int(bars[bars <= first][-1])
    after = bars[bars > begin]
    end = int(after[BARS - 1]) if len(after) >= BARS else score.end_ticks
    return replace(score.until(end), title=title)


def fitted(name: str, corpus: Corpus) -> Encoding:
    """The encoding, its vocabulary from the corpus."""
    return encode_corpus(corpus, name).encoding


def main() -> None:
    """Make the pictures."""
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--band", type=Path)
    arguments.add_argument("--piano", type=Path)
    given = arguments.parse_args()
    with tempfile.TemporaryDirectory() as home:
        os.environ["MUSICTOOL_HOME"] = home
        corpus = prepare("bach", encode=False).corpus
        held = int(corpus.is_validation.nonzero()[0][0])
        pieces = {"chorale": opening(corpus.score(held), f"before: {Path(corpus.ids[held]).stem.upper()}")}
        for kind, path in (("band", given.band), ("piano", given.piano)):
            if path is not None:
                pieces[kind] = opening(read_named(path).scores[0], f"before: {path.stem}")
        for kind, piece in pieces.items():
            write(piece, FOLDER / f"{kind}.png", dots_per_inch=80)
        for name in ENCODINGS.names():
            piece = pieces.get(PICTURED.get(name, "chorale"), pieces["chorale"])
            encoding = fitted(name, corpus)
            back = encoding.decode(encoding.encode(piece))
            write(replace(back, title=f"after {name}"), FOLDER / f"{name}.png", dots_per_inch=80)
            print(f"{name}: {len(piece.notes)} notes, {len(back.notes)} came back")


if __name__ == "__main__":
    main()
