"""What can go wrong for a user, as a tree.

    MusictoolError
    ├── UnknownName     a name that no folder, table or list of options knows
    ├── BadOption       a value outside what an option allows
    ├── BadFile         a music file that cannot be read or written
    ├── BadCorpus       a corpus that is missing, empty, or of another version
    ├── BadModel        a model folder that is missing, damaged, or of another version
    ├── BadDownload     a collection that cannot be downloaded or unpacked
    ├── Busy            another process is at work in the same folder
    ├── KindMismatch    an arch met an encoding of a kind that it does not learn
    ├── Diverged        a training run whose loss is no longer a number
    ├── OutOfMemory     a training run that needs more memory than there is
    ├── Stopped         a training run that the user stopped; it is saved
    ├── LostWorker      another machine that a training run needs is gone
    └── NoMusic         the work was done and there is not one note in the result

The command line catches `MusictoolError` once, prints its message as one line and exits with 1
(BadOption, KindMismatch, UnknownName: with 2).
Every message says what was wrong, what was received, what is allowed and what to do next.
Programming mistakes stay `ValueError` and `TypeError`.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable


class MusictoolError(Exception):
    """Anything that a user can put right."""


class UnknownName(MusictoolError):
    """A name that nothing answers to; the message offers the nearest one that exists."""

    @classmethod
    def of(cls, what: str, name: str, known: Iterable[str]) -> UnknownName:
        """The error for `name`, where `known` are the names that would have been right."""
        known = sorted(known)
        near = difflib.get_close_matches(name, known, n=1, cutoff=0.6)
        hint = f" Did you mean '{near[0]}'?" if near else ""
        return cls(f"unknown {what} '{name}'.{hint} Known: {', '.join(known) or 'none yet'}")


class BadOption(MusictoolError):
    """A value that an option does not take."""


class BadFile(MusictoolError):
    """One music file that cannot be read or written.

    Attributes:
        reason: a few words that can be counted in a summary, such as "truncated".
    """

    def __init__(self, reason: str, detail: str = ""):
        self.reason = reason
        super().__init__(f"{reason}: {detail}" if detail else reason)

    def of(self, path: object) -> BadFile:
        """The same error, with the file that it is about in its message."""
        return _bad_file_again(self.reason, f"{path}: {self}")

    def __reduce__(self) -> tuple[object, ...]:
        return _bad_file_again, (self.reason, str(self))


def _bad_file_again(reason: str, message: str) -> BadFile:
    error = BadFile(reason)
    error.args = (message,)
    return error


class BadCorpus(MusictoolError):
    """A corpus that is missing, empty, or written by another version."""


class BadModel(MusictoolError):
    """A model folder that is missing, damaged, or written by another version."""


class BadDownload(MusictoolError):
    """A collection that cannot be downloaded, is not what it should be, or cannot be unpacked."""


class Busy(MusictoolError):
    """Another process is at work in the same folder."""


class KindMismatch(MusictoolError):
    """An arch met an encoding of a kind that it does not learn."""


class Diverged(MusictoolError):
    """The loss is infinite or no number; the run cannot go on from there."""


class OutOfMemory(MusictoolError):
    """The work needs more memory than there is; the message says what to make smaller."""


class Stopped(MusictoolError):
    """The user stopped the run (Ctrl-C or SIGTERM); it is saved."""


class LostWorker(MusictoolError):
    """Another worker of a training run on several machines is gone."""


class NoMusic(MusictoolError):
    """The work was done, and there is not one note in the result."""
