"""musictool score: how likely a piece is to a model."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

import click

from musictool.cli import _output
from musictool.cli._flags import flags
from musictool.errors import BadOption
from musictool.generation.request import Constraints
from musictool.options import build, pop_given

_PATH = click.Path(path_type=Path)
CONDITIONS = ("density", "histogram", "label")  # that can be said of a piece
USUAL_ROWS = 2000  # of a piece, to foresee how much there is to compute


@click.command(epilog="\b\nExample:\n    musictool score song.mid --model bach-lstm --out surprise.png")
@click.argument("files", nargs=-1, required=True, type=_PATH)
@click.option("--model", "name", help="A model's name or folder.  [default: the one trained last]")
@click.option("--where-surprised", is_flag=True, help="Draw it as surprise.png, unless --out says where.")
@click.option("--out", type=_PATH, help="Draw where the model was surprised: .png .svg .pdf .html.")
@flags(Constraints, *CONDITIONS)
@click.option("--json", "as_json", is_flag=True, help="As JSON, with the nats of each bar.")
def command(
    files: tuple[Path, ...], name: str | None, where_surprised: bool, out: Path | None, as_json: bool, **options: Any
) -> None:
    """Say how likely pieces of music are to a model.

    Prints for each piece in FILES the nats per token, per note and per second; less is likelier. The nats of a token
    are the negative natural logarithm of its probability after all that stands before it.
    """
    constraints = build(Constraints, pop_given(Constraints, options))
    if where_surprised and out is None:
        out = Path("surprise.png")
    if out is not None:
        _check_place(out)
    from musictool.generation.scoring import score_files
    from musictool.models.model import Model

    skipped: list[str] = []
    model, pieces = Model.open(name), []
    _output.load_engine(model.engine_for(USUAL_ROWS * len(files)), announce=not as_json)
    with _output.bar(None, "scoring", f"{model.spec.unit}s") as bar:
        for piece in score_files(model, files, skipped.append, constraints, partial(_advance, bar)):
            pieces.append(piece)
            bar.set_description_str(f"{len(pieces)} scored, the next", refresh=False)
    drawn = [] if out is None else _draw(pieces, out)
    if as_json:
        validation = {key: model.info["metrics"].get(key) for key in ("val_loss", "baselines")}
        values = {"model": model.name, "validation": validation, "pieces": [piece.to_json() for piece in pieces]}
        _output.say_json({**values, "skipped": skipped, "pictures": drawn})
        return
    _report(model, pieces)
    groups = [name for name in model.conditions.sizes if name in CONDITIONS]
    if groups and constraints == Constraints():
        _output.say(f"{model.name} is conditioned on a piece's {', '.join(groups)}, and none was given (see --help)")
    for piece_name in skipped:
        _output.say(f"{piece_name}: no music that {model.encoding.name} writes; left out")
    for path in drawn:
        _output.say(f"wrote {path}")


def _advance(bar: Any, rows: int, total: int) -> None:
    bar.total = total
    bar.update(rows - bar.n)


def _check_place(out: Path) -> None:
    from musictool.writers.picture import SUFFIXES

    if out.suffix.lower() not in SUFFIXES:
        raise BadOption(f"--out {out}: a picture ends with one of {' '.join(SUFFIXES)}")
    out.parent.mkdir(parents=True, exist_ok=True)


def _draw(pieces: list[Any], out: Path) -> list[Path]:
    """One picture for each piece, numbered where there are several."""
    from musictool.drawing.surprisal import draw

    drawn = []
    for number, piece in enumerate(pieces, 1):
        path = out if len(pieces) == 1 else out.with_name(f"{out.stem}-{number:03d}{out.suffix}")
        draw(piece.music, piece.onsets_ticks, piece.surprisal, path)
        drawn.append(path)
    return drawn


def _report(model: Any, pieces: list[Any]) -> None:
    row = "token" if model.spec.kind == "tokens" else "time step"
    heading = (
        "piece",
        f"{row}s",
        "notes",
        "seconds",
        f"nats per {row}",
        "nats per note",
        "nats per second",
        "nats in all",
    )
    _output.table([heading, *(_line(piece) for piece in pieces)])
    loss = model.info["metrics"].get("val_loss")
    if loss is not None:
        _output.say(f"{model.name} on its own validation pieces: {loss:.3f} nats per {row}")
    for piece in pieces:
        bars = ", ".join(f"{bar} ({nats:.2f})" for bar, nats in piece.surprising_bars())
        _output.say(f"{piece.name}: most surprising bars, in nats per {row}: {bars}")
        if not piece.is_aligned:
            _output.say(
                f"{piece.name}: these bars, and those of a picture, are NOT your file's: the model reads the piece as "
                f"{piece.music.seconds:.1f} s in {piece.music.bars} bars"
            )
        if piece.unknown:
            _output.say(
                f"{piece.name}: {piece.unknown:.1%} of its tokens are not in the vocabulary; the nearest stand in"
            )
        if piece.transposition:
            _output.say(
                f"{piece.name}: read {piece.transposition:+d} semitones higher, for a model of C major and A minor"
            )


def _line(piece: Any) -> tuple[str, ...]:
    counts = str(len(piece.surprisal)), str(piece.notes), f"{piece.seconds:.1f}"
    return piece.name, *counts, *(
        f"{nats:.3f}" for nats in (piece.per_row, piece.per_note, piece.per_second)
    ), f"{piece.total:.1f}"  # fmt: skip
