"""musictool export: a model to give away."""

from __future__ import annotations

import shlex
from pathlib import Path

import click

from musictool.cli import _output


@click.command(epilog="\b\nExample:\n    musictool export bach-lstm --out bach-lstm.zip")
@click.argument("model", required=False)
@click.option(
    "--out", type=click.Path(path_type=Path), metavar="PLACE", help="A folder that does not exist yet, or a .zip file.",
    required=True,
)  # fmt: skip
@click.option("--float32", is_flag=True, help="Keep the weights as they are, in twice the space.")
@click.option("--json", "as_json", is_flag=True, help="What was written, as JSON.")
def command(model: str | None, out: Path, float32: bool, as_json: bool) -> None:
    """Write MODEL (default: the one trained last) as others need it to make music with it, and no more.

    Weights are rounded to float16, and what only resuming needs is left out. Whoever has the folder, from a .zip
    unpacked, names it (musictool sample ./bach-lstm) or lays it into their saved_models/. The music that a model
    learnt from has a licence, which stands in it; see what it allows before you give the model away.
    """
    from musictool.models.export import export

    exported = export(model, out, float16=not float32)
    licence = exported.info["corpus"]["licence"]
    if as_json:
        size = exported.size_bytes
        _output.say_json({"model": exported.name, "path": str(out), "bytes": size, "licence": licence})
        return
    _output.say(f"wrote {out}: {exported.name}, {exported.size_bytes / 1e6:.1f} MB")
    _output.say(f"it has learnt {exported.info['corpus']['name']}, licence: {licence or 'not known'}")
    if out.suffix.lower() != ".zip":
        _output.say(f"next: musictool sample {shlex.quote(str(out))}")
