from __future__ import annotations

import pytest

from musictool.errors import OutOfMemory
from musictool.training.memory import check_fits, free_bytes, needed_bytes
from musictool.training.options import RunSettings

RUN = RunSettings(batch_size=12)


def test_weights_count_four_times_and_windows_by_the_largest_part():
    assert needed_bytes(1000, 10, 12, 1) == 4 * (4 * 1000 + 12 * 10)
    assert needed_bytes(1000, 10, 12, 5) == 4 * (5 * 1000 + 3 * 10)


def test_a_run_that_does_not_fit_says_what_would():
    check_fits(10**6, 10**6, RUN, 1, 4 * 16e6)
    check_fits(10**6, 10**6, RUN, 2, 4 * 10e6)  # a machine has half of the windows
    with pytest.raises(OutOfMemory, match=r"at least 0\.1 GB of memory, and 0\.0 GB are free; begin .* --accumulate 3"):
        check_fits(10**6, 10**6, RUN, 1, 4 * 10e6)
    with pytest.raises(OutOfMemory, match=r"begin one with a smaller --batch-size, --window or --size"):
        check_fits(10**6, 10**6, RUN, 1, 4 * 5e6)


def test_the_limit_of_a_container_counts(tmp_path):
    meminfo, most, used = (tmp_path / name for name in ("meminfo", "most", "used"))
    assert free_bytes(meminfo, (most, used)) == float("inf")
    meminfo.write_text("MemTotal:  2000 kB\nMemAvailable:  1000 kB\n")
    most.write_text("max\n")
    used.write_text("5\n")
    assert free_bytes(meminfo, (most, used)) == 1000 * 1024
    most.write_text("1005\n")
    assert free_bytes(meminfo, (most, used)) == 1000
