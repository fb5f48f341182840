"""Write docs/recipes.md from the recipes and from what came of running them (benchmarks/recipes.py).

    python docs/recipe_results.py RESULTS

RESULTS is a folder with a folder for each run, as benchmarks/recipes.py leaves it: one of a recipe's own name for the
recipe as it is, others for runs with some settings changed. Recipes without one are written down as not run. Pictures
go to docs/recipes/: the loss curve, and the beginning of the song as a piano-roll.
"""

from __future__ import annotations

import csv
import json
import sys
from pathlib import Path
from statistics import fmean
from typing import Any

from musictool.training import recipe
from musictool.training.recipe import Recipe

FOLDER = Path(__file__).parent
PICTURES = FOLDER / "recipes"
MOST_BYTES = 60_000  # of a picture
CORPORA = {  # what the runs learnt from, in words
    "bach": "355 Bach chorales (`musictool prepare bach`)",
    "piano": "146 transcribed piano performances of the GiantMIDI-Piano preview",
    "quartets": "42 movements of string quartets (`musictool prepare quartets`)",
    "nottingham": "937 folk tunes with chords of the Nottingham collection",
    "band": "235 General MIDI songs of Freedoom, OpenTTD, Simutrans and an accompaniment program's examples",
    "lpd": "218 such songs as five-track piano-rolls",
}
PAGES = {"vae": "vae.md", "gan": "gan.md", "wgan": "gan.md"}
HEADING = """# Recipes

A recipe is a named file of settings that rebuilds one published system, as far as its settings are known:

    musictool list recipes
    musictool train CORPUS --recipe skuli-lstm

Options given beside `--recipe` go before it. None of them is a copy: what is not reproduced stands under each. This
page is written by `docs/recipe_results.py`.

Each was trained on one core of a CPU, most on a busy one, for the minutes that the table says, to show that it runs and
what it makes by then; none of these numbers is a published one, and few of the runs were at their end. Nats are of the
validation pieces, per token (of piano-rolls per step, of five instruments per segment), lower is better; they compare
with the baselines beside them and not from line to line, since corpora and encodings differ. GANs have no nats.
"""


def main() -> None:
    """Write the page and its pictures."""
    results = Path(sys.argv[1]) if len(sys.argv) == 2 else Path("no results")
    PICTURES.mkdir(exist_ok=True)
    every = [{**result, "run": path.name} for path in sorted(results.glob("*")) if (result := _result(path))]
    for run in every:
        _draw_curve(results / run["run"], PICTURES / f"{run['run']}-curve.png")
        _shrink(results / run["run"] / "song.png", PICTURES / f"{run['run']}-song.png")
    runs = {name: [run for run in every if run["recipe"] == name] for name in recipe.names()}
    parts = [HEADING, _table(runs), *(_section(recipe.get(name), own) for name, own in runs.items())]
    (FOLDER / "recipes.md").write_text("\n".join(parts), encoding="utf-8")
    print(f"{sum(map(bool, runs.values()))} of {len(runs)} recipes have been run")


def _result(folder: Path) -> dict[str, Any] | None:
    path = folder / "result.json"
    if not path.exists():
        return None
    history = _columns(folder / "history.csv")
    kept = min((row for row in history if row.get("val_distance")), key=_distance, default=None)
    return {**json.loads(path.read_text(encoding="utf-8")), "epochs": len(history), "kept": kept}


def _distance(row: dict[str, str]) -> float:
    return float(row["val_distance"])


def _table(runs: dict[str, list[dict[str, Any]]]) -> str:
    lines = [
        "| recipe | trained on | minutes | parameters | epochs | nats | baselines |",
        "|---|---|---|---|---|---|---|",
    ]
    for name, results in runs.items():
        if not results:
            lines.append(f"| [{name}](#{name}) | not run | | | | | |")
        for result in results:
            cells = (
                f"[{name}](#{name}){_changed(result)}",
                result["corpus"],
                f"{result['minutes']:g}",
                f"{result['parameters']:,}",
                result["epochs"],
                "" if result["val_loss"] is None else f"{result['val_loss']:.3f}",
                ", ".join(f"{baseline} {value:.3f}" for baseline, value in result["baselines"].items()),
            )
            lines.append("| " + " | ".join(map(str, cells)) + " |")
    return "\n".join(lines) + "\n"


def _changed(result: dict[str, Any]) -> str:
    changed = result.get("changed", [])
    return f" with {', '.join(f'`{option}`' for option in changed)}" if changed else ""


def _section(fixed: Recipe, results: list[dict[str, Any]]) -> str:
    keys = ("authors", "title", "year", "address")
    source = ", ".join(str(fixed.source[key]) for key in keys if key in fixed.source)
    text = [
        f"## {fixed.name}\n",
        f"{fixed.summary}.\n",
        f"Source: {source}.\n",
        f"It wants {fixed.corpus['wants']}:\n",
        f"    {fixed.corpus['prepare']}\n    musictool train --recipe {fixed.name}\n",
        "It fixes:\n",
        "\n".join(f"- {key.replace('_', ' ')}: {_value(value)}" for key, value in fixed.train.items()) + "\n",
        "What of the original is not reproduced, or not known:\n",
        "\n".join(f"- {line}" for line in fixed.differs) + "\n",
    ]
    return "\n".join([*text, *map(_run, results)] if results else [*text, _not_run(fixed)])


def _value(value: Any) -> str:
    if isinstance(value, dict):
        return ", ".join(f"`{key}={json.dumps(setting).strip(chr(34))}`" for key, setting in value.items())
    return f"{value[0]}..{value[1]} semitones" if isinstance(value, list) else f"`{value}`"


def _not_run(fixed: Recipe) -> str:
    arch = fixed.train["arch"]
    measured = f"; what its arch was measured to do: [{arch}]({PAGES[arch]})" if arch in PAGES else ""
    return f"Not run for these minutes{measured}.\n"


def _run(result: dict[str, Any]) -> str:
    corpus = CORPORA.get(result["corpus"], result["corpus"])
    unit, nats = result["unit"], result["val_loss"]
    evaluation = (
        _distance_to_corpus(result["kept"])
        if nats is None
        else f"Validation: {nats:.3f} nats per {unit}{_against(result)}."
    )
    song = result.get("song")
    wrote = f" A song of {song['bars']} bars and {song['notes']} notes, from its first bar on:" if song else ""
    epochs, steps = result["epochs"], result["steps"]
    heading = f"What came of {result['minutes']:g} minutes{_changed(result)} on {corpus}, seed {result['seed']}"
    lines = [f"{heading}: whole epochs: {epochs}, steps: {steps:,}. {evaluation}{wrote}\n"]
    for kind, what in (("curve", "training loss"), ("song", "piano-roll of a song")):
        if (PICTURES / f"{result['run']}-{kind}.png").exists():
            lines.append(f"![{what}](recipes/{result['run']}-{kind}.png)\n")
    return "\n".join(lines)


def _distance_to_corpus(kept: dict[str, str] | None) -> str:
    """The distance between the samples of the epoch that was kept and the corpus."""
    if kept is None:
        return "It was not evaluated."
    variety, of_corpus = (float(kept[f"val_{name}"]) for name in ("variety", "corpus_variety"))
    return (
        f"Epoch {kept['epoch']} was kept: distance to the corpus {_distance(kept):.2f}, variety {variety:.2f} (of the "
        f"corpus {of_corpus:.2f}; [gan](gan.md) says what these are)."
    )


def _against(result: dict[str, Any]) -> str:
    worse = [f"{name} ({value:.3f})" for name, value in result["baselines"].items() if result["val_loss"] < value]
    better = [f"{name} ({value:.3f})" for name, value in result["baselines"].items() if result["val_loss"] >= value]
    return (f", better than {', '.join(worse)}" if worse else "") + (
        f", NOT better than {', '.join(better)}" if better else ""
    )


def _draw_curve(folder: Path, path: Path) -> None:
    """Training loss over the minutes, the validation loss after each epoch, and the baselines."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    result = _result(folder) or {}
    curve = _columns(folder / "curve.csv")
    history = _columns(folder / "history.csv")
    figure, axes = pyplot.subplots(figsize=(6, 2.6), dpi=80)
    if curve:
        seconds, losses = ([float(row[key]) for row in curve] for key in ("seconds", "loss"))
        run = max(1, len(losses) // 100)
        smooth = [fmean(losses[max(0, i - run) : i + 1]) for i in range(len(losses))]
        axes.plot([second / 60 for second in seconds], smooth, linewidth=1, label="training")
        ends = _ends(curve, [*dict.fromkeys(row["stage"] for row in history)])
        validated = [row for row in history if row.get("val_loss") and (row["stage"], row["epoch"]) in ends]
        at, nats = (
            [ends[row["stage"], row["epoch"]] for row in validated],
            [float(row["val_loss"]) for row in validated],
        )
        if validated:
            axes.plot(at, nats, "o-", markersize=3, linewidth=1, label="validation")
    at_height: dict[float, list[str]] = {}
    for name, value in result.get("baselines", {}).items():
        at_height.setdefault(round(value, 1), []).append(name)
    for value, names in at_height.items():
        axes.axhline(value, linewidth=0.6, linestyle=":", color="grey")
        axes.annotate(", ".join(names), (0, value), fontsize=7, color="grey", va="bottom")
    axes.set_xlabel("minutes")
    axes.set_ylabel(f"nats per {result.get('unit', 'token')}")
    axes.legend(frameon=False, fontsize=8)
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)
    figure.tight_layout()
    figure.savefig(path)
    pyplot.close(figure)


def _ends(curve: list[dict[str, str]], stages: list[str]) -> dict[tuple[str, str], float]:
    """Stage and epoch -> the minute of its last line; a stage begins where epochs are counted anew."""
    ends: dict[tuple[str, str], float] = {}
    left, last = iter(stages), 0
    stage = next(left, "")
    for row in curve:
        if int(row["epoch"]) < last:
            stage = next(left, stage)
        last = int(row["epoch"])
        ends[stage, row["epoch"]] = float(row["seconds"]) / 60
    return ends


def _columns(path: Path) -> list[dict[str, str]]:
    if not path.exists():
        return []
    with open(path, newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def _shrink(path: Path, to: Path) -> None:
    """The picture with few colours, and smaller where it still has too many bytes."""
    from PIL import Image

    if not path.exists():
        return
    image = Image.open(path).convert("RGB")
    while True:
        image.quantize(32).save(to, optimize=True)
        if to.stat().st_size <= MOST_BYTES:
            return
        image = image.resize((image.width * 4 // 5, image.height * 4 // 5), Image.Resampling.LANCZOS)


if __name__ == "__main__":
    main()
