"""The precision in which a network computes."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

PRECISIONS = ("auto", "float32", "mixed_float16", "mixed_bfloat16")

BFLOAT16_UNITS = {"avx512_bf16", "amx_bf16"}  # as Linux names them


def chosen_precision(requested: str, has_gpu: bool, cpu: str | None = None) -> str:
    """What "auto" stands for: mixed_float16 on a GPU, mixed_bfloat16 on a CPU with units for it, else float32.

    Args:
        requested: as on the command line.
        has_gpu: whether a GPU computes.
        cpu: what /proc/cpuinfo says; None to look. Systems without it count as CPUs without the units.
    """
    if requested != "auto":
        return requested
    if has_gpu:
        return "mixed_float16"
    return "mixed_bfloat16" if has_bfloat16(_cpuinfo() if cpu is None else cpu) else "float32"


def has_bfloat16(cpu: str) -> bool:
    """Whether /proc/cpuinfo, given as text, names units that multiply bfloat16."""
    return any(line.startswith("flags") and BFLOAT16_UNITS & {*line.split()} for line in cpu.splitlines())


def _cpuinfo() -> str:
    path = Path("/proc/cpuinfo")
    return path.read_text(encoding="utf-8", errors="replace") if path.exists() else ""


@contextmanager
def precision_within(precision: str | None = None) -> Iterator[None]:
    """Set the precision of networks that are built in the block (None: leave it); afterwards all is as before, whatever
    the block has set."""
    import keras

    before = keras.config.dtype_policy()
    if precision is not None:
        keras.config.set_dtype_policy(precision)
    try:
        yield
    finally:
        keras.config.set_dtype_policy(before)
