"""Which machines train one model together: --workers and --worker, or the environment variable TF_CONFIG."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from musictool.errors import BadOption, UnknownName

StrategyName = Literal["auto", "one", "mirrored", "multi-worker"]
STRATEGIES: tuple[StrategyName, ...] = ("auto", "one", "mirrored", "multi-worker")

# Where a run is computed is no part of what it is: any of these may be another when it is resumed.
PLACEMENT: Mapping[str, Any] = {"strategy": "auto", "workers": (), "worker": None}

_ADDRESS = re.compile(r"[^\s:/]+:(\d{1,5})")
LAST_PORT = 65535


@dataclass(frozen=True)
class Machines:
    """The workers of one run.

    Attributes:
        addresses: host:port of each; the first is the chief.
        index: which of them this process is.
    """

    addresses: tuple[str, ...]
    index: int


def machines(place: Mapping[str, Any], environment: Mapping[str, str] = os.environ) -> Machines | None:
    """Who works on the run; None for this process alone.

    Args:
        place: values for the keys of PLACEMENT.
        environment: that of the process.

    Raises:
        UnknownName, BadOption: for what cannot be meant, or does not go together.
    """
    name, addresses, index = place["strategy"], tuple(place["workers"]), place["worker"]
    if name not in STRATEGIES:
        raise UnknownName.of("strategy", name, STRATEGIES)
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
        found = _ADDRESS.fullmatch(address)
        if not found or not 1 <= int(found[1]) <= LAST_PORT:
            raise BadOption(
                f"{source}: '{address}' is not host:port, such as 10.0.0.5:2222, with a port to {LAST_PORT}"
            )
    if len(set(addresses)) != len(addresses):
        raise BadOption(f"{source}: an address stands twice in {','.join(addresses)}")
    if not isinstance(index, int) or not 0 <= index < len(addresses):
        said = "none" if index is None else index
        raise BadOption(f"--worker {said}: say which of the {len(addresses)} workers this is, from 0 to the last")
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
