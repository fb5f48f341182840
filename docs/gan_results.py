"""Write docs/gan.md: whether generators collapsed, and what they write beside what people write.

    musictool train lpd --recipe musegan --name wgan --seed 1 --max-minutes 15
    for off in "smoothing=no matching=no ttur=no" ...; do
        musictool train lpd --arch gan --set ... --name gan-plain --seed 1 --max-minutes 3 --epochs 1000 --patience 0
    done
    python docs/gan_results.py wgan gan-plain gan-smoothing gan-matching gan-ttur gan-all

The models must lie in the home (MUSICTOOL_HOME), and the corpus that they have learnt beside them. MuseGAN's figures
are those of the first and of the last. Pictures go to docs/gan/.
"""

from __future__ import annotations

import csv
import sys
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np

from musictool.apps.plot import plot
from musictool.corpus.training_corpus import corpus_of
from musictool.dataset.dataset import Encoded
from musictool.dataset.encode import encode_corpus
from musictool.evaluation.evaluate import evaluate
from musictool.generation.request import Request
from musictool.generation.sample import sample
from musictool.metrics.sample_distance import CHAIN_LENGTH, EVAL_METRICS, has_collapsed, places, statistics
from musictool.models.model import Model
from musictool.music.instruments import INSTRUMENTS
from musictool.sampling.sampler import Sampler
from musictool.training.options import stored
from musictool.writing import write

FOLDER = Path(__file__).parent
PICTURES = FOLDER / "gan"
PIECES, BARS = 28, 8
FIGURES = {
    "empty_bars": "empty bars",
    "used_pitch_classes": "used pitch classes",
    "qualified_notes": "qualified notes",
    "drum_pattern": "drum pattern",
    "tonal_distance": "tonal distance",
}
STATISTICS = ("cells", "strikes", "pitch classes", "playing", "variety")
PAGE = """# gan and wgan: whether they collapse, and what they write

    musictool train lpd --arch wgan
    musictool sample --bars 16 --primer a.mid
    musictool sample --bars 16 --from-scratch --noise-sd 1.2        # more varied than the default of 1
    musictool plot lpd-wgan --out curves.png                        # all of the columns below

`gan` is a DCGAN: it makes two bars of 100 random numbers, whatever stood before. `wgan` writes pieces: its five
generators see the last two bars, and learn from a critic that hears eight bars in a row, which they have written after
their own last ones; half of their noise holds for a whole piece. All that is random in them is the noise, so they have
`--noise-sd` and no `--temperature` ([segments](segments.md)). Neither says how likely a piece is, so `score` and
`compare` refuse them. What an epoch is worth is counted on what the generator writes from 100 places of the validation
pieces,
four segments from each (musictool/metrics/sample_distance.py), and stands in history.csv as `val_distance`,
`val_variety`, `val_variety_of_seeds`, `val_near_duplicates`, `val_off_scale`, with the same of the corpus where it has
such. The epoch with the smallest distance is kept. Training warns where variety falls under half of the corpus's, or
near-duplicates rise half of all samples above the corpus's.

- **variety**: how far two samples lie from each other, 0 the same to 1 nothing in common, different places and seeds.
- **variety of seeds**: the same of samples that continue one place, and differ in the seed alone.
- **near-duplicates**: the share of 100 samples that have another within 0.1.
- **off scale**: the share of what sounds, drums left out, that is not in the major scale which holds most of 8 bars.
- **distance**: the mean of |ln(samples' / corpus's)| over cells, strikes, pitch classes, share of segments in which it
  plays, and variety, of each instrument, and off scale, of the band; and beside it the near-duplicates that the corpus
  does not have. Training pieces of lpd lie 0.08 to 0.18 from as many validation pieces, so less than that is chance.

The page is written by `docs/gan_results.py`. All models were trained on {corpus} ({train:,} segments to learn
from), each on one core of a CPU.

## Every epoch

{epochs}

The kept epoch in bold. `critic` is the accuracy of gan's critic (`critic_accuracy` in history.csv), and of wgan the
Wasserstein distance that its critic sees between real and generated segments (`wasserstein`).

![Training curves](gan/curves.png)

## What is written, beside the corpus

Per segment, from the same 100 places, of the kept epochs:

{statistics}

MuseGAN's figures of {pieces} pieces of {bars} bars that continue the model's own primers, beside as many validation
pieces (`musictool evaluate`). On a grid of sixteenths every note is a "qualified" one, as it lasts a 32nd.

{figures}

![Sixteen bars by wgan](gan/{first}.png)

![Sixteen bars by gan](gan/{last}.png)
"""


def main() -> None:
    """Write the page and its pictures."""
    PICTURES.mkdir(exist_ok=True)
    models = [Model.open(name) for name in sys.argv[1:]]
    first, last = models[0], models[-1]
    corpus = corpus_of(first.info, first.name)
    options = stored(first.info, first.folder)
    encoded = encode_corpus(corpus, "segments", options.encoding_settings, options.run.transpose.semitones)
    for model in (first, last):
        (score,) = sample(model, Request(bars=16, seed=1))
        write(score, PICTURES / f"{model.name}.png")
    plot(first.name, PICTURES / "curves.png", dots_per_inch=80)
    page = PAGE.format(
        corpus=corpus.name,
        train=encoded.summary["train_rows"],
        epochs=_table(_epochs(models)),
        statistics=_table(_statistics(models, encoded)),
        figures=_table(_figures([first, last])),
        pieces=PIECES,
        bars=BARS,
        first=first.name,
        last=last.name,
    )
    (FOLDER / "gan.md").write_text(page, encoding="utf-8")


def _table(rows: list[tuple[str, ...]]) -> str:
    heading, *others = ("| " + " | ".join(row) + " |" for row in rows)
    return "\n".join([heading, "|" + "---|" * len(rows[0]), *others])


def _epochs(models: list[Model]) -> list[tuple[str, ...]]:
    measured = ("distance", "variety", "variety_of_seeds", "near_duplicates", "off_scale")
    table = [("model", "epoch", "minutes", *(name.replace("_", " ") for name in measured), "critic", "collapsed")]
    for model in models:
        with open(model.folder / "history.csv", encoding="utf-8", newline="") as file:
            rows = list(csv.DictReader(file))
        best, minutes = model.info["metrics"]["best_epoch"], 0.0
        for row in rows:
            metrics = {name: float(row[f"val_{name}"]) for name in EVAL_METRICS}
            minutes += float(row["seconds"]) / 60
            epoch = f"**{row['epoch']}**" if int(row["epoch"]) == best else row["epoch"]
            table.append(
                (
                    model.name,
                    epoch,
                    f"{minutes:.1f}",
                    *(f"{metrics[name]:.2f}" for name in measured),
                    f"{float(row.get('critic_accuracy') or row['wasserstein']):.2f}",
                    "yes" if has_collapsed(metrics) else "no",
                )
            )
    corpus = {name: float(rows[-1][f"val_corpus_{name}"]) for name in ("variety", "near_duplicates", "off_scale")}
    known = {name: f"{value:.2f}" for name, value in corpus.items()}
    return [*table, ("corpus", "", "", "0", *(known.get(name, "") for name in measured[1:]), "", "")]


def _statistics(models: list[Model], encoded: Encoded) -> list[tuple[str, ...]]:
    previous, real = places(encoded)
    table = [("", "", *INSTRUMENTS)]
    for name, chains in [("corpus", real), *((model.name, _chain(model.arch, previous)) for model in models)]:
        values = statistics(chains)
        table += [(name, what, *(f"{value:.2f}" for value in values[:, i])) for i, what in enumerate(STATISTICS)]
        table.append((name, "keys at once", *(f"{_at_once(chains[..., i]):.2f}" for i in range(len(INSTRUMENTS)))))
    return table


def _at_once(roll: np.ndarray) -> float:
    """Of 0/1 (..., S, P): the mean number of keys in the steps in which there is one."""
    keys = roll.sum(axis=-1)
    return float(keys[keys > 0].mean()) if keys.any() else 0.0


def _chain(arch: Any, previous: np.ndarray) -> np.ndarray:
    """(CHAIN_LENGTH, N, S, P, I), as the model writes on from some places."""
    written = islice(arch.continuation(previous[:, None], Sampler(), 1), CHAIN_LENGTH)
    return np.concatenate(list(written), axis=1)[:, :CHAIN_LENGTH].swapaxes(0, 1)


def _figures(models: list[Model]) -> list[tuple[str, ...]]:
    bands = {model.name: evaluate(model, num=PIECES, bars=BARS, seed=1).to_json()["band"] for model in models}
    table = [("", "of", "corpus", *bands)]
    first = next(iter(bands.values()))
    for figure, words in FIGURES.items():
        for key in [key for key in first if key.startswith(f"{figure}:")]:
            values = [first[key]["human"], *(band[key]["samples"] for band in bands.values())]
            table.append((words, key.partition(":")[2], *(_number(value) for value in values)))
    return table


def _number(value: Any) -> str:
    return "" if not value or value.get("mean") is None else f"{value['mean']:.2f}"


if __name__ == "__main__":
    main()
