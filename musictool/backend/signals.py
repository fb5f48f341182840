"""Ctrl-C and SIGTERM as a request that a long run looks at, so that it ends where all can be saved."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType


@contextmanager
def ended_by_ctrl_c() -> Iterator[None]:
    """Within the block Ctrl-C ends the process itself: for a call that waits for long and does not look at Python."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGINT, signal.SIG_DFL)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


class StopRequest:
    """Whether somebody has asked the run to stop; `requested` may be set by hand too."""

    def __init__(self) -> None:
        self.requested = False

    @contextmanager
    def catch_signals(self) -> Iterator[None]:
        """Within the block the first signal sets `requested`; a second Ctrl-C ends the run at once."""

        def request_stop(number: int, frame: FrameType | None) -> None:
            if self.requested:
                raise KeyboardInterrupt
            self.requested = True

        if threading.current_thread() is not threading.main_thread():
            yield
            return
        before = {number: signal.signal(number, request_stop) for number in (signal.SIGINT, signal.SIGTERM)}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)
