"""Whether a training run fits into memory, checked before it starts.

What a run needs at least is known: the weights, their gradient and the two running means of Adam; and what an arch says
that it holds for each window (`Arch.held_numbers`). A run that needs more than is free would be killed, or would bring
the machine to a standstill.
"""

from __future__ import annotations

from pathlib import Path

from musictool.errors import OutOfMemory
from musictool.training.options import RunSettings

BYTES = 4  # of a number; half precision keeps its weights in float32, and is counted as if it kept all so
LIMITS = Path("/sys/fs/cgroup/memory.max"), Path("/sys/fs/cgroup/memory.current")  # of a container


def free_bytes(meminfo: Path = Path("/proc/meminfo"), limits: tuple[Path, Path] = LIMITS) -> float:
    """Memory that a process may still take; infinity where the system does not say."""
    free = float("inf")
    if meminfo.exists():
        lines = dict(line.split(":", 1) for line in meminfo.read_text(encoding="utf-8").splitlines() if ":" in line)
        free = float(lines.get("MemAvailable", "inf kB").split()[0]) * 1024
    most, used = (path.read_text(encoding="utf-8").strip() if path.exists() else "max" for path in limits)
    return free if "max" in (most, used) else min(free, float(most) - float(used))


def needed_bytes(parameters: int, held_numbers: int, batch_size: int, parts: int) -> int:
    """What a run needs at least.

    Args:
        parameters: trained numbers.
        held_numbers: numbers held for a window.
        batch_size: windows of a batch.
        parts: in which a batch is taken.
    """
    copies = 4 + (parts > 1)  # weights, gradient, Adam's two means, and the sum of the gradients of parts
    return BYTES * (parameters * copies + held_numbers * -(-batch_size // parts))


def check_fits(parameters: int, held_numbers: int, settings: RunSettings, machines: int, free: float) -> None:
    """Raises OutOfMemory for a run that needs more than `free` bytes on one of so many machines."""
    windows = -(-settings.batch_size // machines)
    need = needed_bytes(parameters, held_numbers, windows, settings.accumulate)
    if need <= free:
        return
    fitting = (n for n in range(settings.accumulate + 1, windows + 1))
    parts = next((n for n in fitting if needed_bytes(parameters, held_numbers, windows, n) <= free), None)
    smaller = "a smaller --batch-size, --window or --size" if parts is None else f"--accumulate {parts}"
    raise OutOfMemory(
        f"this run needs at least {need / 1e9:.1f} GB of memory, and {free / 1e9:.1f} GB are free; begin one with "
        f"{smaller}"
    )
