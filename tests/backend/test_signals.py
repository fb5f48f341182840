from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading

import pytest

from musictool.backend.signals import StopRequest, ended_by_ctrl_c


def test_the_first_ctrl_c_is_a_wish_and_the_second_ends_the_run():
    before = signal.getsignal(signal.SIGINT)
    stop = StopRequest()
    with stop.catch_signals():
        signal.raise_signal(signal.SIGINT)
        assert stop.requested
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(signal.SIGINT)
    assert signal.getsignal(signal.SIGINT) is before


def test_ctrl_c_ends_a_process_that_waits_where_python_does_not_look():
    program = (
        "import ctypes\nfrom musictool.backend.signals import ended_by_ctrl_c\n"
        "wait = ctypes.PyDLL(None).pause\n"  # holds the interpreter, as TensorFlow may while it waits for others
        "with ended_by_ctrl_c():\n    print('waiting', flush=True)\n    wait()\n    print('went on')"
    )
    process = subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert process.stdout.readline() == "waiting\n"
    os.kill(process.pid, signal.SIGINT)
    assert process.communicate(timeout=20)[0] == ""
    assert process.returncode == -signal.SIGINT


def test_afterwards_and_in_other_threads_all_is_as_before():
    before, seen = signal.getsignal(signal.SIGINT), []

    def elsewhere() -> None:
        with ended_by_ctrl_c():
            seen.append(signal.getsignal(signal.SIGINT))

    thread = threading.Thread(target=elsewhere)
    thread.start()
    thread.join()
    with ended_by_ctrl_c():
        assert signal.getsignal(signal.SIGINT) is signal.SIG_DFL
    assert seen == [before]
    assert signal.getsignal(signal.SIGINT) is before
