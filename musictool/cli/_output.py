"""The output of commands: results to stdout, progress and log messages to stderr, as -v and -q ask for."""

from __future__ import annotations

import json
import logging
import os
import re
import sys
from contextlib import AbstractContextManager, nullcontext
from typing import Any

import click

from musictool.errors import MusictoolError

SECONDS_IN_A_LOG = 10  # between two lines of progress where nobody watches them move
_VERBOSITY = "musictool.verbosity"
# What moves a terminal's cursor, colours it or turns its text round, ends lines elsewhere than "\n", or is no text.
_UNPRINTABLE = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")


def printable(text: object) -> str:
    """Text that does nothing to a terminal: control characters as escapes, such as \\x1b; lines and tabs stay."""
    return _UNPRINTABLE.sub(lambda match: match[0].encode("unicode_escape").decode(), str(text))


def one_line(text: object) -> str:
    """The same, with the ends of lines as escapes as well: for names and messages, which anybody may have chosen."""
    return printable(text).replace("\n", "\\n")


class _OneLine(logging.Formatter):
    def formatMessage(self, record: logging.LogRecord) -> str:  # as it is called there
        return one_line(super().formatMessage(record))


def one_line_logs() -> None:
    """Print each log message as one line, also where neither -v nor -q has said how."""
    if logging.lastResort is not None:
        logging.lastResort.setFormatter(_OneLine("%(message)s"))


def verbosity() -> list[click.Parameter]:
    """-v and -q, which every command has; they take effect when they are parsed."""
    return [
        click.Option(["-v", "--verbose"], count=True, expose_value=False, callback=_verbose, help="Say more."),
        click.Option(
            ["-q", "--quiet"], is_flag=True, expose_value=False, callback=_quiet, help="Say only what went wrong."
        ),
    ]


def say(text: str = "") -> None:
    """A line for the user, unless -q."""
    if not is_quiet():
        click.echo(printable(text))


def say_error(text: object) -> None:
    """What went wrong, as one line on stderr."""
    click.echo(f"Error: {one_line(text)}", err=True)


def say_json(values: Any) -> None:
    """JSON on stdout; -q does not silence what was asked for."""
    text = json.dumps(values, indent=1, ensure_ascii=False, default=str)
    click.echo(_UNPRINTABLE.sub(lambda match: f"\\u{ord(match[0]):04x}", text))


def seed_or_random(seed: int | None) -> int:
    """The seed that is given, or a random one, which the command then prints."""
    import secrets

    return secrets.randbelow(2**31) if seed is None else seed


def bar(total: int | None, what: str, unit: str, initial: int = 0) -> Any:
    """A tqdm progress bar on stderr; silent under -q."""
    from tqdm import tqdm

    class Bar(tqdm):
        """Of what takes longer than a second each, "5.07 s/step" in place of tqdm's "5.07s/ steps"."""

        @staticmethod
        def format_meter(*args: Any, **kwargs: Any) -> str:
            meter = str(tqdm.format_meter(*args, **kwargs))
            return meter.replace(f"s/ {unit}", f" s/{unit.removesuffix('s')}")

    watched = sys.stderr.isatty()
    return Bar(
        total=total,
        desc=what,
        unit=f" {unit}",
        initial=initial,
        disable=is_quiet(),
        dynamic_ncols=True,
        leave=not watched,  # so that in a log the next line has a line of its own
        mininterval=0.1 if watched else SECONDS_IN_A_LOG,
        delay=0 if watched else SECONDS_IN_A_LOG,
    )


def log_above_bar() -> AbstractContextManager[Any]:
    """In this block, log messages are printed above a progress bar on a terminal, and not within it."""
    if not sys.stderr.isatty():
        return nullcontext()
    from tqdm.contrib.logging import logging_redirect_tqdm

    return logging_redirect_tqdm()


def load_backend(announce: bool = True) -> None:
    """Import Keras and what computes for it, TensorFlow or (KERAS_BACKEND=jax) JAX, which takes seconds.

    What their libraries write to stderr while they load is not shown, but with -v. Raises MusictoolError if what shall
    compute is not installed.
    """
    backend = os.environ.get("KERAS_BACKEND") or "tensorflow"
    if announce:
        say(f"loading {'TensorFlow' if backend == 'tensorflow' else backend} ...")
    try:
        _import_keras(quietly=_verbosity() <= 0)
    except (ImportError, ValueError) as error:  # the second for a backend that Keras does not know
        raise MusictoolError(
            f"{backend} computes for Keras and cannot be loaded ({error}); install it, or set the environment variable "
            f"KERAS_BACKEND to {'jax' if backend == 'tensorflow' else 'tensorflow'} if you have that"
        ) from None


def load_engine(engine: str, announce: bool = True) -> None:
    """Load what computes for an engine (musictool/engine), which takes seconds for Keras and no time for numpy.

    Args:
        announce: whether to say so on stdout.
    """
    if engine == "keras":
        load_backend(announce)


def _import_keras(quietly: bool) -> None:
    if not quietly:
        import keras

        return
    sys.stderr.flush()
    stderr = os.dup(2)
    try:
        with open(os.devnull, "wb") as nowhere:
            os.dup2(nowhere.fileno(), 2)
        import keras  # noqa: F401

        logging.getLogger("tensorflow").setLevel(logging.ERROR)  # that a function is traced again is nobody's concern
    finally:
        os.dup2(stderr, 2)
        os.close(stderr)


def table(rows: list[tuple[str, ...]], indent: str = "") -> None:
    """Columns, left-aligned, two spaces apart."""
    if not rows:
        return
    rows = [tuple(map(one_line, row)) for row in rows]
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    for row in rows:
        say(indent + "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())


def is_quiet() -> bool:
    """Whether -q was given."""
    return _verbosity() < 0


def _verbosity() -> int:
    context = click.get_current_context(silent=True)
    return 0 if context is None else context.find_root().meta.get(_VERBOSITY, 0)


def _verbose(context: click.Context, parameter: click.Parameter, count: int) -> None:
    if count:
        _set(context, count)


def _quiet(context: click.Context, parameter: click.Parameter, given: bool) -> None:
    if given:
        _set(context, -1)


def _set(context: click.Context, verbosity: int) -> None:
    context.find_root().meta[_VERBOSITY] = verbosity
    level = {-1: logging.ERROR, 1: logging.INFO}.get(verbosity, logging.DEBUG)
    handler = logging.StreamHandler()
    handler.setFormatter(_OneLine("%(levelname)s %(name)s: %(message)s"))
    logging.basicConfig(level=logging.WARNING, handlers=[handler])
    logging.getLogger("musictool").setLevel(level)
