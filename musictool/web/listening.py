"""The blind listening test: which two excerpts come next, and the file of answers.

A trial is two excerpts of different sources in random order: people's pieces that were kept aside when models were
trained, models of that corpus, and `markov`. One trial in REPEAT_EVERY is an earlier one with its sides swapped, by
which it shows how far a listener agrees with herself. Whose an excerpt is stays with the server; the page sees random
digits. Answers go to a file of JSON lines (musictool/metrics/listening.py): no name, no address, no time of day.
"""

from __future__ import annotations

import json
import random
import secrets
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from musictool import home
from musictool.errors import BadOption, UnknownName
from musictool.web.library import models

PREFER, PERSON = "prefer", "person"
PEOPLE, MARKOV = "people", "markov"
LEAST_SECONDS = 10.0  # of each excerpt that are heard before an answer counts
REPEAT_EVERY = 10
MOST_RATERS, MOST_OPEN = 200, 3
EXCERPTS = 12  # made of each source; then they come again to other pairs
FILE = "votes.jsonl"


@dataclass(frozen=True)
class SoundExcerpt:
    """Half a minute of somebody's music.

    Attributes:
        id: by which the page fetches its sound; says nothing.
        source: "people", "markov" or "model:NAME".
        piece: which piece it is from.
        path: its sound.
    """

    id: str
    source: str
    piece: str
    path: Path


@dataclass(frozen=True)
class Trial:
    """A question that was put.

    Attributes:
        sides: what is heard first and second.
        began: by the monotonic clock.
        repeats: the trial that comes again here.
    """

    id: str
    rater: str
    mode: str
    corpus: str
    sides: tuple[SoundExcerpt, SoundExcerpt]
    began: float
    repeats: str | None = None


@dataclass
class Rater:
    """A session of listening: random digits, and what was answered in it."""

    trials: int = 0  # that were put
    open: dict[str, Trial] = field(default_factory=dict)
    answered: list[tuple[Trial, int]] = field(default_factory=list)  # and not known
    repeated: set[str] = field(default_factory=set)


def corpora() -> list[dict[str, Any]]:
    """The corpora of this home that have models, each with the sources that a test of it can have."""
    prepared = set(home.names(home.corpora_folder(), home.CORPUS_MARKER))
    found: dict[str, list[str]] = {}
    for model in models():
        if model["corpus"] in prepared:
            found.setdefault(model["corpus"], [])
            if model["arch"] != MARKOV:
                found[model["corpus"]].append(f"model:{model['name']}")
    return [{"name": name, "sources": [PEOPLE, MARKOV, *sorted(those)]} for name, those in sorted(found.items())]


def sources_of(corpus: str) -> list[str]:
    """Those of one corpus. Raises UnknownName."""
    known = {row["name"]: row["sources"] for row in corpora()}
    if corpus not in known:
        raise UnknownName.of("corpus with models", corpus, known)
    return list(known[corpus])


class ListeningTest:
    """All raters' trials, and the file of their answers.

    Args:
        votes: the file; it is made with the first answer.
        seed: of the order of everything.
    """

    def __init__(self, votes: Path, seed: int):
        self.votes = votes
        self._random = random.Random(seed)
        self._raters: dict[str, Rater] = {}
        self._excerpts: dict[str, SoundExcerpt] = {}
        self._left_out: dict[tuple[str, str], str] = {}  # (corpus, source) -> why it has no excerpts

    def excerpt(self, excerpt_id: str) -> SoundExcerpt:
        """One that was made. Raises UnknownName."""
        if excerpt_id not in self._excerpts:
            raise UnknownName("this excerpt is no longer here; begin the test again")
        return self._excerpts[excerpt_id]

    def begin(self) -> str:
        """A new rater's random digits."""
        while len(self._raters) >= MOST_RATERS:
            self._raters.pop(next(iter(self._raters)))
        rater = secrets.token_hex(8)
        self._raters[rater] = Rater()
        return rater

    def rater(self, rater: str) -> Rater:
        """One who has begun. Raises UnknownName."""
        if rater not in self._raters:
            raise UnknownName("this session of listening is over; begin the test again")
        return self._raters[rater]

    def pair(self, mode: str, corpus: str) -> list[str]:
        """Two sources in random order; for the question which a person wrote, people are one of them."""
        if mode not in (PREFER, PERSON):
            raise BadOption(f"the question is {PREFER} or {PERSON}, not {mode}")
        sources = [source for source in sources_of(corpus) if (corpus, source) not in self._left_out]
        if len(sources) < 2 or (mode == PERSON and PEOPLE not in sources):
            raise BadOption(f"there is too little to compare: {'; '.join(self._left_out.values())}")
        if mode == PERSON:
            chosen = [PEOPLE, self._random.choice([source for source in sources if source != PEOPLE])]
            self._random.shuffle(chosen)
            return chosen
        return self._random.sample(sources, 2)

    def repeat(self, rater: str, mode: str, corpus: str) -> Trial | None:
        """An earlier trial, if one is due to come again."""
        session = self.rater(rater)
        if session.trials % REPEAT_EVERY != REPEAT_EVERY - 1:
            return None
        earlier = [
            trial
            for trial, _ in session.answered
            if (trial.mode, trial.corpus) == (mode, corpus)
            and trial.repeats is None
            and trial.id not in session.repeated
        ]
        return self._random.choice(earlier) if earlier else None

    def known_excerpts(self, corpus: str, source: str) -> list[SoundExcerpt]:
        """Those that were made of a source."""
        return [each for each in self._excerpts.values() if (each.source, each.path.parent.name) == (source, corpus)]

    def some_excerpt(self, corpus: str, source: str) -> SoundExcerpt | None:
        """One of those that were made, if there are enough of them."""
        known = self.known_excerpts(corpus, source)
        return self._random.choice(known) if len(known) >= EXCERPTS else None

    def add_excerpt(self, source: str, piece: str, path: Path) -> SoundExcerpt:
        """Note one that was made: `path` is FOLDER/CORPUS/ID.mp3."""
        made = SoundExcerpt(path.stem, source, piece, path)
        self._excerpts[made.id] = made
        return made

    def leave_out(self, corpus: str, source: str, why: str) -> None:
        """Ask no more about a source that has no excerpts, such as a model that cannot be opened."""
        self._left_out[corpus, source] = f"{source}: {why}"

    def draw_seed(self) -> int:
        """For an excerpt that is to be made."""
        return self._random.randrange(2**31)

    def put(
        self, rater: str, mode: str, corpus: str, sides: Sequence[SoundExcerpt], repeats: Trial | None = None
    ) -> tuple[Trial, int]:
        """A trial with these sides, and its number. Raises BadOption if too many are open."""
        session = self.rater(rater)
        if len(session.open) >= MOST_OPEN:
            session.open.pop(next(iter(session.open)))  # one that was left without an answer
        first, second = sides
        trial = Trial(
            secrets.token_hex(8),
            rater,
            mode,
            corpus,
            (first, second),
            time.monotonic(),
            None if repeats is None else repeats.id,
        )
        if repeats is not None:
            session.repeated.add(repeats.id)
        session.trials += 1
        session.open[trial.id] = trial
        return trial, session.trials

    def answer(self, rater: str, trial_id: str, answer: int | None, heard: Sequence[float]) -> None:
        """Write an answer to the file; None for a piece that is known.

        Raises:
            BadOption: before both were heard for LEAST_SECONDS, or for no such answer.
            UnknownName: for a trial that is not open.
        """
        session = self.rater(rater)
        if trial_id not in session.open:
            raise UnknownName("this question is answered already")
        trial = session.open[trial_id]
        if answer is not None and (isinstance(answer, bool) or answer not in (-2, -1, 0, 1, 2)):
            raise BadOption("an answer is -2, -1, 0, 1 or 2")
        listened = time.monotonic() - trial.began
        if answer is not None and (min(heard, default=0) < LEAST_SECONDS or len(heard) != 2 or listened < sum(heard)):
            raise BadOption(f"listen to both for {LEAST_SECONDS:g} seconds first")
        del session.open[trial_id]
        if answer is not None:
            session.answered.append((trial, answer))
        self._write(trial, answer)

    def _write(self, trial: Trial, answer: int | None) -> None:
        from musictool.metrics.listening import Vote

        sources = (trial.sides[0].source, trial.sides[1].source)
        pieces = (trial.sides[0].piece, trial.sides[1].piece)
        vote = Vote(trial.id, trial.rater, trial.mode, sources, pieces, answer, trial.repeats)
        self.votes.parent.mkdir(parents=True, exist_ok=True)
        with open(self.votes, "a", encoding="utf-8") as file:
            file.write(json.dumps({**vote.to_json(), "corpus": trial.corpus}) + "\n")

    def result(self, rater: str) -> list[str]:
        """What the answers of one rater come to, in sentences."""
        from musictool.metrics.listening import Guesses

        session = self.rater(rater)
        counted = [(trial, answer) for trial, answer in session.answered if trial.repeats is None]
        lines = []
        guessed = [(trial, answer) for trial, answer in counted if trial.mode == PERSON and answer]
        if guessed:
            right = sum(trial.sides[int(answer > 0)].source == PEOPLE for trial, answer in guessed)
            lines.append(f"You told people from models: {Guesses(right, len(guessed))}.")
        wins: dict[str, list[int]] = {}
        for trial, answer in counted:
            if trial.mode == PREFER:
                for side, sign in zip(trial.sides, (-1, 1), strict=True):
                    won, of = wins.setdefault(side.source, [0, 0])
                    wins[side.source] = [won + (answer * sign > 0), of + 1]
        lines += [
            f"{name.replace('model:', 'the model ')}: preferred in {won} of {of}" for name, (won, of) in wins.items()
        ]
        if 0 < len(counted) < 20:
            lines.append("So few answers prove nothing yet: of 20 guesses, 15 or more are right once in 50 times.")
        return lines or ["No answer yet."]
