"""Measure a model of music with blanks, for docs/infill.md: how well it knows what was taken out, and what it writes.

    python docs/infill_blanks_results.py MODEL CORPUS --pieces 40

The pieces are those of the corpus's validation split, so that the model has learnt from none of them. Of each two bars
in the middle are taken out. Printed are the nats per token of what stood there, given the bars on both sides, and given
those before alone; the same for one track, where there are several; and of what it writes there how many notes are the
composer's, how many infills are his to the note, and how surely a classifier tells those bars from his.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator

import infill_arguments
import numpy as np

from musictool.corpus.corpus import Corpus
from musictool.dataset.blanks import PROGRAM, Excerpt
from musictool.engine.current import within
from musictool.generation.infill_request import InfillRequest
from musictool.generation.infill_tokens import TokenInfill
from musictool.metrics.told_apart import told_apart
from musictool.models.model import Model
from musictool.music.score import Score

BARS = 2  # that are taken out


def held_out(corpus: Corpus, most: int) -> Iterator[tuple[Score, int]]:
    """Validation pieces that have bars enough, and the first of the bars in their middle."""
    validation = (corpus.score(int(index)) for index in np.flatnonzero(corpus.is_validation))
    long = (score for score in validation if score.bars >= 3 * BARS)
    for score, _ in zip(long, range(most), strict=False):
        yield score, score.bars // 2 - BARS // 2


def nats(model: Model, under_way: TokenInfill, sees_future: bool) -> tuple[float, int]:
    """Nats of all tokens of what goes, and how many they are, without the bar marks that end them."""
    (bars,) = under_way.turns
    first, end = under_way.seen(bars)
    end = end if sees_future else bars[-1] + 1
    notes = np.concatenate([under_way.excerpt.notes, under_way.old])
    order = np.lexsort((notes[:, 2], notes[:, PROGRAM], notes[:, 0]))
    is_old = np.arange(len(notes)) >= len(under_way.excerpt.notes)
    whole = Excerpt(under_way.excerpt.begins, under_way.excerpt.metres, notes[order])
    seen = whole.between(first, end)
    inside = (whole.bar_of >= first) & (whole.bar_of < end)
    is_free, is_blank = is_old[order][inside], np.isin(np.arange(first, end), bars)
    given = under_way.blanks.given(seen, is_free, is_blank)
    request = under_way.blanks.request(under_way.most_together)
    written = under_way.blanks.written(seen, is_free, is_blank)
    rows = np.array([*given, *request, *written], np.int32)
    surprisal = model.player("numpy").surprisal(rows[1:])
    answer = surprisal[-len(written) :][1:]  # the first mark is always the same
    return float(answer.sum()), len(answer)


def struck(score: Score, first: int) -> Counter:
    """(onset to the sixteenth, pitch, track) of the notes that begin in the bars."""
    begin, end = score.bar_line_ticks(first), score.bar_line_ticks(first + BARS)
    notes = score.notes[(score.notes["onset_ticks"] >= begin) & (score.notes["onset_ticks"] < end)]
    places = (notes["onset_ticks"].astype(np.int64) + 60) // 120
    return Counter(zip(places.tolist(), notes["pitch"].tolist(), notes["track"].tolist(), strict=True))


def part(score: Score, first: int) -> Score:
    return score.until(score.bar_line_ticks(first + BARS)).since(score.bar_line_ticks(first))


def report(model: Model, pieces: Iterable[tuple[Score, int]], what: str, temperature: float) -> None:
    """Print what was measured, for all tracks or for the lowest of several."""
    both = past = 0.0
    tokens = same = written = original = equal = 0
    pairs: list[tuple[Score, Score]] = []
    for number, (score, first) in enumerate(pieces):
        tracks = None
        if what == "the lowest track":
            pitched = [i for i in np.unique(score.notes["track"]).tolist() if not score.tracks[i].is_drum]
            means = {i: score.notes["pitch"][score.notes["track"] == i].mean() for i in pitched}
            if len(means) < 2:
                continue
            tracks = str(min(means, key=lambda track: means[track]) + 1)
        request = InfillRequest(bars=f"{first + 1}-{first + BARS}", tracks=tracks, engine="numpy", seed=number,
                                temperature=temperature)  # fmt: skip
        under_way = TokenInfill(model, score, request)
        if len(under_way.turns) != 1 or not under_way.is_replaced.any():
            continue
        with_future, without = (nats(model, under_way, sees) for sees in (True, False))
        both, past, tokens = both + with_future[0], past + without[0], tokens + with_future[1]
        (infill,) = under_way.scores()
        ours, theirs = struck(infill, first), struck(score, first)
        locked = struck(Score(score.notes[~under_way.is_replaced], score.tracks, metres=score.metres), first)
        ours, theirs = ours - locked, theirs - locked
        same, written, original = same + (ours & theirs).total(), written + ours.total(), original + theirs.total()
        equal += ours == theirs
        pairs.append((part(infill, first), part(score, first)))
    print(f"\n{BARS} bars of {what}, {len(pairs)} pieces, {tokens:,} tokens")
    if pairs:
        print(f"nats per token, given both sides {both / tokens:.3f}, given the past alone {past / tokens:.3f}")
        print(f"notes written {written:,}, the composer's {original:,}, in both {same / max(1, original):.0%} of his")
        apart = told_apart(*zip(*pairs, strict=True), paired=True, bars=(1, BARS), halves=False)
        print("told apart: " + ", ".join(f"{bars} bars {auc}" for bars, auc in apart.samples.items()))
        print(*(f"- {fact.text}" for fact in apart.facts), sep="\n")
        print(f"infills equal to what stood there: {equal / len(pairs):.0%}")


def main() -> None:
    """Print the tables."""
    model, corpus, pieces, temperature = infill_arguments.parse(__doc__)
    with within("numpy"):
        for what in ("all tracks", "the lowest track"):
            report(model, held_out(corpus, pieces), what, temperature)


if __name__ == "__main__":
    main()
