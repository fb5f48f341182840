"""Which machines train one model together: --workers and --worker, or the environment variable TF_CONFIG."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from musictool import options
from musictool.errors import BadOption
from musictool.options import flag

STRATEGIES = ("auto", "one", "mirrored", "multi-worker")

_ADDRESS = re.compile(r"[^\s:/]+:(\d{1,5})")
LAST_PORT = 65535


@dataclass(frozen=True)
class Placement:
    """Where a run is computed, which is no part of what it is: any of it may be another when the run is resumed."""

    strategy: str = flag("auto", "auto, one, mirrored (GPUs) or multi-worker.", metavar="NAME", choices=STRATEGIES)
    workers: tuple[str, ...] = flag((), "All machines, the chief first; or TF_CONFIG.", metavar="HOST:PORT,...")
    worker: int | None = flag(None, "Which of --workers this machine is, from 0.", metavar="N")

    def __post_init__(self) -> None:
        options.check(self)


@dataclass(frozen=True)
class Machines:
    """The workers of one run.

    Attributes:
        addresses: host:port of each; the first is the chief.
        index: which of them this process is.
    """

    addresses: tuple[str, ...]
    index: int


def machines(placement: Placement, environment: Mapping[str, str] = os.environ) -> Machines | None:
    """Which machines work on the run; None for this process alone.

    Args:
        placement: as given.
        environment: of the process.

    Raises:
        BadOption: for options that do not go together, and addresses that are none.
    """
    name, addresses, index = placement.strategy, placement.workers, placement.worker
    if name not in ("auto", "multi-worker"):
        if addresses or index is not None:
            raise BadOption(f"--workers and --worker are for --strategy multi-worker, not for {name}")
        return None
    if addresses:
        source = "--workers"
    elif environment.get("TF_CONFIG"):
        source, (addresses, index) = "TF_CONFIG", _from_environment(environment["TF_CONFIG"])
    elif name == "auto" and index is None:
        return None
    else:
        raise BadOption("several machines need --workers host:port,host:port (the same on each) or TF_CONFIG")
    return _checked(addresses, index, source)


def _checked(addresses: tuple[str, ...], index: Any, source: str) -> Machines:
    for address in addresses:
        match = _ADDRESS.fullmatch(address)
        if not match or not 1 <= int(match[1]) <= LAST_PORT:
            raise BadOption(
                f"{source}: '{address}' is not host:port, such as 10.0.0.5:2222, with a port to {LAST_PORT}"
            )
    if len(set(addresses)) != len(addresses):
        raise BadOption(f"{source}: an address stands twice in {','.join(addresses)}")
    if not isinstance(index, int) or not 0 <= index < len(addresses):
        given = "none" if index is None else index
        raise BadOption(f"--worker {given}: say which of the {len(addresses)} workers this is, from 0 to the last")
    return Machines(addresses, index)


def _from_environment(text: str) -> tuple[tuple[str, ...], int]:
    """Addresses and index of TF_CONFIG, its "chief" (if it has one) before its "worker"s."""
    try:
        config = json.loads(text)
        chief, workers = (list(config["cluster"].get(job, ())) for job in ("chief", "worker"))
        job, index = config["task"]["type"], int(config["task"]["index"])
        if job not in ("chief", "worker"):
            raise ValueError(f"a task of type {job}")
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise BadOption(
            f'TF_CONFIG is not like {{"cluster": {{"worker": ["host:port", ...]}}, "task": {{"type": "worker", '
            f'"index": 0}}}}: {type(error).__name__} {error}'
        ) from None
    return (*chief, *workers), index + (len(chief) if job == "worker" else 0)
