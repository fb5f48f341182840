"""Write docs/band.md: whether a band still plays together after sixteen bars, beside what people play.

    musictool prepare five-track-piano-rolls/ --name lpd
    musictool train lpd --arch wgan --name wgan --seed 1 --max-minutes 20 --epochs 1000 --patience 0
    musictool train lpd --arch vae --name vae --seed 1 --max-minutes 20 --epochs 1000 --patience 0
    python docs/band_results.py wgan vae

The models must lie in the home (MUSICTOOL_HOME), and the corpus that they have learnt beside them. Pictures of a song
by each, and of one of people's, go to docs/band/.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from musictool.corpus.training_corpus import corpus_of
from musictool.encodings.segments import Segments
from musictool.evaluation.evaluate import written_by
from musictool.metrics.band import band_features, playing
from musictool.metrics.sample_distance import off_scale
from musictool.metrics.told_apart import told_apart
from musictool.models.model import Model
from musictool.music.instruments import BASS, DRUMS, INSTRUMENTS, note_instruments
from musictool.music.score import Score
from musictool.writing import write

FOLDER = Path(__file__).parent
PICTURES = FOLDER / "band"
NUM, BARS, EDGE, SEED = 48, 16, 4, 1
OPENING = 8  # bars of people's pieces that are left out, as long as the primers that the models go on from
PARTS = {
    "drums": (DRUMS,),
    "bass": (BASS,),
    "chords": tuple(i for i in range(len(INSTRUMENTS)) if i not in (BASS, DRUMS)),
    "all": tuple(range(len(INSTRUMENTS))),
}
WINDOW_BARS = (1, 4)  # bars by which they are told apart
PEOPLE, ENCODED = "people", "people, as segments"
PAGE = """# A band over sixteen bars

    musictool train lpd --arch wgan
    musictool sample --bars 16 --out song.mid --out song.png

The page is written by `docs/band_results.py`. {num} songs of {bars} bars by each model, which go on from openings of
validation pieces, beside {people} of the validation pieces of {corpus} from their bar {first} on.

- **first, last**: the share of the first {edge} and of the last {edge} bars in which an instrument plays.
- **off scale**: the share of what sounds, drums left out, that is not in the major scale which holds most of the song.
- **tonal distance** of two instruments (Dong et al. 2018): 0 if they play the same pitch classes in each quarter note.
- **told apart**: how surely a classifier that hears so many bars tells the songs from `{encoded}`, 0.5 by guessing and
  1 always, by the drums alone, the bass alone, the chords (piano, guitar, strings), and all ([evaluate](evaluate.md)).
  Those are people's pieces written down as the models read them, and back, which is the nearest that a model can come;
  they themselves are told from what people played, and how surely is what segments lose.

{table}

{pictures}
"""


def main() -> None:
    """Write the page and its pictures."""
    models = [Model.open(name) for name in sys.argv[1:]]
    model = models[0]
    corpus = corpus_of(model.info, model.name)
    whole = [corpus.score(int(index)) for index in np.flatnonzero(corpus.is_validation)]
    whole = [score for score in whole if not model.encoding.why_not(score)]
    people = [stretch(score) for score in whole if score.bars >= OPENING + BARS]
    encoded = [model.encoding.decode(model.encoding.encode(score)) for score in people]
    songs = {
        PEOPLE: people,
        ENCODED: [model.with_velocities(score, "expressive", SEED) for score in encoded],
        **{each.name: written_by(each, whole[:20], NUM, BARS, 1.0, SEED) for each in models},
    }
    PICTURES.mkdir(exist_ok=True)
    shown = {PEOPLE: people[0], **{each.name: songs[each.name][0] for each in models}}
    for name, score in shown.items():
        write(score, PICTURES / f"{name}.png")
    page = PAGE.format(
        num=NUM,
        bars=BARS,
        people=len(people),
        corpus=corpus.name,
        first=OPENING + 1,
        edge=EDGE,
        encoded=ENCODED,
        table=table(songs),
        pictures="\n\n".join(f"![Sixteen bars by {name}](band/{name}.png)" for name in shown),
    )
    (FOLDER / "band.md").write_text(page, encoding="utf-8")


def stretch(score: Score) -> Score:
    """BARS bars behind the opening."""
    begin, end = score.bar_line_ticks(OPENING), score.bar_line_ticks(OPENING + BARS)
    return score.until(end).since(begin)


def table(songs: dict[str, list[Score]]) -> str:
    """A column for each set of songs."""
    rows: dict[str, list[str]] = {}
    for scores in songs.values():
        for name, cell in measured(scores).items():
            rows.setdefault(name, []).append(cell)
    for part, bars in ((part, bars) for part in PARTS for bars in WINDOW_BARS):
        rows[f"told apart by {bars} bar{'s' * (bars > 1)}, {part}"] = [""]
    for name, scores in songs.items():
        if name == PEOPLE:
            continue
        for part, instruments in PARTS.items():
            reference = songs[PEOPLE if name == ENCODED else ENCODED]
            ours, theirs = ([only(score, instruments) for score in side] for side in (scores, reference))
            if name == ENCODED:  # each beside the piece that it was
                both = [pair for pair in zip(ours, theirs, strict=True) if all(len(score.notes) for score in pair)]
                ours, theirs = map(list, zip(*both, strict=True))
            apart = told_apart(
                sounding(ours), sounding(theirs), SEED, paired=name == ENCODED, bars=WINDOW_BARS, halves=False
            ).samples
            for bars in WINDOW_BARS:
                cell = f"{apart[bars].auc:.2f}" if bars in apart else ""
                rows[f"told apart by {bars} bar{'s' * (bars > 1)}, {part}"].append(cell)
    lines = [("", *songs), *((name, *cells) for name, cells in rows.items())]
    heading, *others = ("| " + " | ".join(line) + " |" for line in lines)
    return "\n".join([heading, "|" + "---|" * len(lines[0]), *others])


def measured(scores: Sequence[Score]) -> dict[str, str]:
    """What can be measured of one set of songs alone, by name."""
    plays = np.stack([playing(score, BARS) for score in scores])  # (songs, bars, I)
    first, last = plays[:, :EDGE].mean(axis=(0, 1)), plays[:, -EDGE:].mean(axis=(0, 1))
    cells = {f"first, last: {name}": f"{first[i]:.2f}, {last[i]:.2f}" for i, name in enumerate(INSTRUMENTS)}
    cells["off scale"] = f"{off_scale(segments(scores)):.1%}"
    features = [band_features(score) for score in scores]
    for key in features[0]:
        kind, _, of = key.partition(":")
        values = np.array([each[key] for each in features])
        if kind == "tonal_distance":
            cells[f"tonal distance: {of}"] = f"{np.nanmean(values):.2f}" if not np.isnan(values).all() else ""
    return cells


def segments(scores: Sequence[Score]) -> np.ndarray:
    """uint8 0/1 (BARS / 2, songs, S, P, I): songs of the same length."""
    encoding = Segments()
    rows = np.zeros((BARS // 2, len(scores), *encoding.spec.shape), np.uint8)
    for i, score in enumerate(scores):
        encoded = encoding.encode(score)[: len(rows)]
        rows[: len(encoded), i] = encoded
    return rows


def only(score: Score, instruments: Sequence[int]) -> Score:
    """What some of the instruments play."""
    return replace(score, notes=score.notes[np.isin(note_instruments(score), instruments)])


def sounding(scores: Sequence[Score]) -> list[Score]:
    """Those that have a note."""
    return [score for score in scores if len(score.notes)]


if __name__ == "__main__":
    main()
