"""What of a request can be judged before there is a model, and without TensorFlow, which takes seconds to load."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

from musictool.errors import BadFile, BadOption


def check_length(length: int | None, bars: int | None, seconds: float | None) -> None:
    """Raises BadOption unless exactly one of the three is set, to a number above 0."""
    units = {"--length": length, "--bars": bars, "--seconds": seconds}
    given = {name: value for name, value in units.items() if value is not None}
    if len(given) != 1:
        raise BadOption(f"give exactly one of {', '.join(units)}; given: {', '.join(given) or 'none'}")
    ((name, value),) = given.items()
    if not 0 < value < float("inf"):
        raise BadOption(f"{name} {value} is not a number above 0")


def check_primer(from_scratch: bool, primer: Path | str | None, primer_length: int | None, keep_primer: bool) -> None:
    """Raises BadOption for a primer that shall not be heard."""
    of_primers = {"--primer": primer, "--primer-length": primer_length, "--keep-primer": keep_primer}
    for option, given_too in of_primers.items() if from_scratch else ():
        if given_too not in (None, False):
            raise BadOption(f"{option} and --from-scratch exclude each other")


def check_files(files: Iterable[Path]) -> None:
    """Raises BadFile for the first of some files that is not there."""
    for path in files:
        if not path.is_file():
            raise BadFile("not found", str(path))


def numbered(out: Path | Sequence[Path], pieces: int) -> list[list[Path]]:
    """The files of each of some pieces: `out` itself, or out-001, out-002, ... where there are several pieces."""
    outs = [out] if isinstance(out, Path) else list(out)
    if pieces == 1:
        return [outs]
    return [
        [path.with_name(f"{path.stem}-{number:03d}{path.suffix}") for path in outs] for number in range(1, pieces + 1)
    ]
