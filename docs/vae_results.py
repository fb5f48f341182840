"""Write docs/vae.md: what autoencoders of several sizes keep of real music, and what noise and style do to it.

    for z in 8 16 32 64; do
        musictool train lpd --arch vae --set latent=$z --name latent-$z --max-minutes 10 --epochs 999 --patience 0 \\
            --seed 1
    done
    python docs/vae_results.py latent-8 latent-16 latent-32 latent-64

The models must lie in the home (MUSICTOOL_HOME), and the corpus that they have learnt beside them. Noise and style are
tried on the second. Pictures go to docs/vae/.
"""

from __future__ import annotations

import sys
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from musictool.archs.vae import Vae
from musictool.corpus.training_corpus import corpus_of
from musictool.dataset.dataset import Encoded
from musictool.drawing.figure import save
from musictool.metrics.reconstruction import active_units, instrument_distances, note_scores, scores_of_copying
from musictool.models.model import Model
from musictool.music.instruments import INSTRUMENTS
from musictool.sampling.guidance import FREE, Guidance
from musictool.sampling.sampler import Sampler
from musictool.training.options import stored
from musictool.training.reporter import Reporter
from musictool.training.workers import encoded_for

FOLDER = Path(__file__).parent
PICTURES = FOLDER / "vae"
NAMES = (*INSTRUMENTS, "all")
NOISES = (0.0, 0.25, 0.5, 0.75, 1.0, 1.5, 2.0)
ALPHAS = (0.0, 0.125, 0.25, 0.375, 0.5, 0.625, 0.75, 0.875, 1.0)
PRIMERS, SEGMENTS = 32, 4  # that are continued, and by how much each
MOST = 1024  # training segments that are looked at
PLAIN = Sampler()
PAGE = """# vae: what it keeps, and what can be done with it

    musictool train lpd --arch vae --set latent=16
    musictool sample --bars 16 --noise-sd 0.8                       # more varied than the default of {default}
    musictool sample --bars 16 --from-scratch                       # from latents drawn from the prior
    musictool sample --style a.mid --style b.mid --alpha 0.5        # half of it in the style of two other pieces
    musictool sample --where "artist=Queen" --alpha 0.7             # of pieces in the corpus that it has learnt
    musictool interpolate a.mid b.mid --steps 8 --out between.mid   # over the sphere, both ends included
    musictool accompany melody.mid --out band.mid                   # guitar, bass, strings and drums to it

Each instrument has an autoencoder, which makes `latent` numbers of a segment of two bars and a segment of them. Above
them stands a plan of the band, made of the last eight bars (`memory=4` segments), and five more networks say which
numbers come next: each instrument's from the plan, its own last ones, and the new ones of those before it.
[docs/archs/vae.md](archs/vae.md) has the options. The page is written by `docs/vae_results.py`; what sixteen bars are
like, [band](band.md) says.

**Thresholds.** The decoder says how likely each cell is. `--threshold density`, the default, compares each instrument
with the threshold at which it gets as many notes as the validation pieces have; the model has counted these, one set
for segments decoded from their own latents (`interpolate`, and `--alpha 1`), one for predicted segments, and between
them by the share of the style. The other rules, and the noise: [segments](segments.md).

**Sparse cells.** Of a hundred cells one or two sound. The decoder begins by saying so (odds of 1 in 90), the
loss is in nats and not reweighted (`--set positive_weight=3` would), and the density threshold makes up for what is
said too softly.

**A latent that is used.** The KL term comes in over `kl_warmup` steps, `free_nats` of each number cost nothing, and
`beta` weighs it. The table shows how many numbers are in use. In training the encoder does not see all cells
(`input_dropout`), so that it does not learn the training pieces by heart.

| three minutes of one core each, `latent=16` | F1, all | F1, drums | nats, next |
|---|---|---|---|
| `beta=1 input_dropout=0` | 0.48 | 0.71 | 712 |
| `beta=0.2 input_dropout=0` | 0.52 | 0.73 | 706 |
| `beta=0.2 input_dropout=0.3` | 0.52 | 0.76 | 690 |
| `beta=0.2 input_dropout=0.1 dropout=0.2` | 0.50 | 0.75 | 703 |

The defaults, `beta=0.1 input_dropout=0.3 dropout=0.1`, were found by longer runs: what the decoder leaves out costs
notes at first, and later keeps it from learning drum patterns by heart.

## What comes back

Trained on {training:,} segments of {pieces} pieces for ten minutes of one core each, seed 1. Notes of {validation:,}
validation segments (of other pieces), encoded, decoded from the posterior mean with the density thresholds: F1 of
pitch and onset, exact to the sixteenth.

{table}

Copying the segment before has no network and no latent, and finds much in music as repetitive as this, above all in its
drums. Active: numbers whose posterior mean varies by more than 0.01 (Burda et al. 2016), of all numbers. Nats: of the
autoencoders the evidence bound, of the predictors the next segment, to be held against {baselines}.

**Nats or distances for the predictors?** The source trains them by the squared distance of latents. Four epochs on
autoencoders of an earlier day: by nats alone 772.7 nats and a distance of 79.7; by both, `latent_mse_weight=1`, the
default, 772.2 and 33.9; by the distance alone (`latent_mse_weight=1000`) 789.5 and 30.5.

Precision, recall and F1 of `{chosen}`, by instrument:

{details}

![F1 and nats by latent](vae/latent.png)

## What noise and style do

`{chosen}` goes on for {segments} segments from each of {primers} openings of validation pieces. The distance of two
segments is, of each instrument, the share of sounding cells that they do not have in common, and then the mean over the
instruments: 0 for the same music, 1 for nothing in common.

![Distance by noise and by alpha](vae/steering.png)

Noise is in the standard deviations that are predicted of each number. {noise}

A style is a validation piece that is none of the openings. Its distance is that of what each instrument plays to the
nearest of the segments of the style, as the model remembers them (decoded from their own latents): instruments draw
from the style each for itself. By alpha it falls all the way; the distance from the primer dips at first, as the noise,
too, has only the other share. {style}
"""


def main() -> None:
    """Write the page and its pictures."""
    models = [Model.open(name) for name in sys.argv[1:]]
    encoded = encoded_of(models[0])
    PICTURES.mkdir(exist_ok=True)
    results = {model.name: scores_of(model, encoded) for model in models}
    chosen = models[min(1, len(models) - 1)]
    by_noise, by_alpha = steered(chosen, encoded)
    draw_latent(results)
    draw_steering(by_noise, by_alpha)
    validation = [encoded.piece(index) for index in encoded.pieces("validation")]
    training = encoded.pieces("train")
    metrics = chosen.info["metrics"]
    text = PAGE.format(
        default=Vae.DEFAULT_NOISE_SD,
        training=int(np.diff(encoded.offsets)[training].sum()),
        pieces=len(training),
        validation=sum(map(len, validation)),
        table=table(results, scores_of_copying(validation)),
        baselines=", ".join(f"{name} {nats:.0f}" for name, nats in metrics["baselines"].items()),
        chosen=chosen.name,
        details=details(results[chosen.name]["scores"], scores_of_copying(validation)),
        segments=SEGMENTS,
        primers=PRIMERS,
        noise=distances_text("noise", NOISES, by_noise),
        style=distances_text("alpha", ALPHAS, by_alpha),
    )
    (FOLDER / "vae.md").write_text(text, encoding="utf-8")


def encoded_of(model: Model) -> Encoded:
    return encoded_for(corpus_of(model.info, model.name), stored(model.info, model.folder), Reporter())


def scores_of(model: Model, encoded: Encoded) -> dict[str, Any]:
    """What one model keeps of validation and training segments."""
    rows = rows_of(encoded, "validation")
    learnt = rows_of(encoded, "train")
    learnt = learnt[:: max(1, len(learnt) // MOST)]
    latents = model.arch.latents(rows)
    metrics = model.info["metrics"]
    return {
        "latent": latents.shape[-1],
        "scores": note_scores(model.arch.decode_latents(latents, PLAIN, 1), rows),
        "learnt": note_scores(model.arch.decode_latents(model.arch.latents(learnt), PLAIN, 1), learnt),
        "active": active_units(latents),
        "bound": metrics["val_reconstruction"] + metrics["val_kl"],
        "kl": metrics["val_kl"],
        "next": metrics["val_loss"],
        "parameters": metrics["parameters"],
    }


def rows_of(encoded: Encoded, split: str) -> np.ndarray:
    return np.concatenate([encoded.piece(index) for index in encoded.pieces(split)])  # type: ignore[arg-type]


def table(results: dict[str, dict[str, Any]], copying: dict[str, tuple[float, float, float]]) -> str:
    lines = [
        "| latent | " + " | ".join(NAMES) + " | all, of training pieces | active | nats, KL of it | nats, next |",
        "|---|" + "---|" * (len(NAMES) + 4),
        "| copying | " + " | ".join(f"{copying[name][2]:.2f}" for name in NAMES) + " | | | | |",
    ]
    for each in results.values():
        cells = [f"{each['scores'][name][2]:.2f}" for name in NAMES]
        active = f"{each['active'].sum()} of {5 * each['latent']}"
        cells += [f"{each['learnt']['all'][2]:.2f}", active, f"{each['bound']:.0f}, {each['kl']:.0f}"]
        lines.append(f"| {each['latent']} | " + " | ".join([*cells, f"{each['next']:.0f}"]) + " |")
    return "\n".join(lines)


def details(scores: dict[str, tuple[float, float, float]], copying: dict[str, tuple[float, float, float]]) -> str:
    lines = ["| | precision | recall | F1 | F1 of copying |", "|---|---|---|---|---|"]
    lines += [f"| {name} | {' | '.join(f'{x:.2f}' for x in (*scores[name], copying[name][2]))} |" for name in NAMES]
    return "\n".join(lines)


def steered(model: Model, encoded: Encoded) -> tuple[dict[str, list[float]], dict[str, list[float]]]:
    """Distances by noise, and by alpha."""
    pieces = [encoded.piece(index) for index in encoded.pieces("validation")]
    style, openings = max(pieces, key=len), [piece for piece in pieces if len(piece) > 1]
    openings = [piece for piece in openings if piece is not style]
    primers = np.stack([openings[i % len(openings)][:2] for i in range(PRIMERS)])
    usual = written(model, primers, Sampler(noise_sd=0.0), FREE)
    by_noise: dict[str, list[float]] = {"from the primer": [], "from what is written without noise": []}
    for noise in NOISES:
        music = written(model, primers, Sampler(noise_sd=noise), FREE)
        by_noise["from the primer"].append(from_primer(music, primers))
        by_noise["from what is written without noise"].append(pairwise(music, usual))
    by_alpha: dict[str, list[float]] = {"from the style": [], "from the primer": []}
    remembered = model.arch.decode_latents(model.arch.latents(style), PLAIN, 1)
    for alpha in ALPHAS:
        music = written(model, primers, PLAIN, Guidance(style=style, alpha=alpha))
        by_alpha["from the style"].append(nearest(music.reshape(-1, *style.shape[1:]), remembered))
        by_alpha["from the primer"].append(from_primer(music, primers))
    return by_noise, by_alpha


def written(model: Model, primers: np.ndarray, sampler: Sampler, guidance: Guidance) -> np.ndarray:
    """uint8 (PRIMERS, SEGMENTS, S, P, I)."""
    return np.concatenate(list(islice(model.arch.continuation(primers, sampler, 1, guidance), SEGMENTS)), axis=1)


def nearest(music: np.ndarray, of: np.ndarray) -> float:
    """Of what each instrument plays in each segment, from that among some segments which it is nearest to."""
    return float(instrument_distances(music, of).min(axis=1).mean())


def from_primer(music: np.ndarray, primers: np.ndarray) -> float:
    """Of each segment from its primer's."""
    return float(np.mean([nearest(own, primer) for own, primer in zip(music, primers, strict=True)]))


def pairwise(music: np.ndarray, other: np.ndarray) -> float:
    """Of each segment from that in the same place."""
    return float(
        np.mean([instrument_distances(a, b)[range(len(a)), range(len(a))] for a, b in zip(music, other, strict=True)])
    )


def distances_text(what: str, at: tuple[float, ...], curves: dict[str, list[float]]) -> str:
    parts = [
        f"{name}: " + ", ".join(f"{y:.2f} at {x:g}" for x, y in list(zip(at, ys, strict=True))[::2])
        for name, ys in curves.items()
    ]
    return f"Distance by {what}, " + "; ".join(parts) + "."


def draw_latent(results: dict[str, dict[str, Any]]) -> None:
    """F1 and nats by latent."""
    figure = Figure(figsize=(9, 3.4), layout="constrained")
    left, right = figure.subplots(1, 2)
    sizes = [each["latent"] for each in results.values()]
    for name, style in zip(NAMES, ("C0", "C1", "C2", "C3", "C4", "black"), strict=True):
        left.plot(sizes, [each["scores"][name][2] for each in results.values()], "o-", color=style, label=name)
    left.plot(
        sizes, [each["learnt"]["all"][2] for each in results.values()], "o--", color="gray", label="all, training"
    )
    left.set_ylabel("F1 of notes that come back")
    right.plot(sizes, [each["bound"] for each in results.values()], "o-", label="evidence bound")
    right.plot(sizes, [each["next"] for each in results.values()], "o-", label="next segment")
    right.set_ylabel("nats per segment, validation")
    for axes in (left, right):
        axes.set_xscale("log", base=2)
        axes.set_xticks(sizes, [str(size) for size in sizes])
        axes.set_xlabel("latent, numbers per segment of an instrument")
        axes.set_ylim(0)
        axes.legend(fontsize="small")
    save(figure, PICTURES / "latent.png", "latent", 100)


def draw_steering(by_noise: dict[str, list[float]], by_alpha: dict[str, list[float]]) -> None:
    """Distances by noise and by alpha."""
    figure = Figure(figsize=(9, 3.2), layout="constrained")
    for axes, at, curves, name in zip(
        figure.subplots(1, 2, sharey=True),
        (NOISES, ALPHAS),
        (by_noise, by_alpha),
        ("--noise-sd", "--alpha"),
        strict=True,
    ):
        for label, values in curves.items():
            axes.plot(at, values, "o-", label=label)
        axes.set_xlabel(name)
        axes.set_ylabel("distance of what is written")
        axes.set_ylim(0)
        axes.legend(fontsize="small")
    save(figure, PICTURES / "steering.png", "steering", 100)


if __name__ == "__main__":
    main()
