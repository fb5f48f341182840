"""musictool serve: a local page that plays what models write."""

from __future__ import annotations

from pathlib import Path

import click

from musictool.cli import _output
from musictool.errors import MusictoolError

PORT = 8765


@click.command(epilog="\b\nExample:\n    musictool serve")
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on; others need a token.")
@click.option("--port", type=click.IntRange(0, 65535), default=PORT, show_default=True, help="Port; 0: any free one.")
@click.option("--listen", is_flag=True, help="Open the page at its blind listening test.")
@click.option("--votes", type=click.Path(path_type=Path), help="File of the test's answers.  [default: votes.jsonl]")
@click.option("--seed", type=click.IntRange(0), help="Fixes the order of the test's questions.  [default: drawn]")
@click.option("--browser/--no-browser", default=False, help="Open the page in a browser.  [default: no]")
def command(host: str, port: int, listen: bool, votes: Path | None, seed: int | None, browser: bool) -> None:
    """Open a page on this machine that plays what your models write, piece after piece.

    Choose a model and press play; steer it, continue your own music, keep what you like, take it away as MIDI, sound or
    notation. Only this machine can reach it, unless --host names another address: then whoever comes needs the token
    that is printed once.
    """
    try:
        from musictool.web.server import serve
    except ImportError as error:
        raise MusictoolError(f"the page needs {error.name}: pip install 'musictool[web]'") from None

    def announce(address: str) -> None:
        _output.say(f"{address}   (Ctrl-C ends it)")
        if browser:
            import webbrowser

            webbrowser.open(address)

    serve(host, port, announce, "/listen" if listen else "/", votes, _output.seed_or_random(seed))
