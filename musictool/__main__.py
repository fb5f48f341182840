"""`python -m musictool`: the command `musictool` for who has no such script on the path."""

import sys

from musictool.cli._main import main

if __name__ == "__main__":
    sys.exit(main(prog_name="musictool"))
