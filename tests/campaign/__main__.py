"""The campaign: python -m tests.campaign --files 10000 --kills 100 --seed 1 (or make campaign)."""

from __future__ import annotations

import argparse
import shutil
import sys
import tempfile
from pathlib import Path

from tests.campaign import damaged, kills


def main() -> int:
    parser = argparse.ArgumentParser(description="Damaged files and killed runs, by the thousand.")
    parser.add_argument("--files", type=int, default=10_000, help="damaged files that are prepared")
    parser.add_argument("--kills", type=int, default=100, help="of prepare, and as many of train")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--work", type=Path, help="a new folder to work in, which is kept (default: a temporary one)")
    given = parser.parse_args()
    work = given.work or Path(tempfile.mkdtemp(prefix="musictool-campaign-"))
    wrong = []
    for part, campaign, number in (("files", damaged.campaign, given.files), ("kills", kills.campaign, given.kills)):
        if number:
            (work / part).mkdir(parents=True)
            wrong += campaign(work / part, number, given.seed)
    for line in wrong:
        print(f"WRONG: {line}")
    if given.work is None and not wrong:
        shutil.rmtree(work)
    print(f"campaign, seed {given.seed}: {f'{len(wrong)} things went wrong, see {work}' if wrong else 'all is well'}")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
