"""How far a long piece of work has come: what its function calls, for a command to show."""

from __future__ import annotations

from collections.abc import Callable

Progress = Callable[[int, int], object]  # called with how much is done, and how much there is
Transfer = Callable[[str, int, "int | None"], object]  # called with what is done, bytes done, bytes in all if known
