"""Measure a model that fills in, for docs/infill.md: sopranos that it harmonises, bars that it writes, and pictures.

    python docs/infill_results.py MODEL CORPUS --pieces 40

The pieces are those of the corpus's validation split that are four voices, in the order of the corpus, so that the
model has learnt from none of them. Of each the soprano is harmonised (as by `musictool infill --voices 4`), and the
faults of the harmonies are counted beside those of the composer's own. Then in each two bars in the middle are written
anew, once with all four voices and once with the bass alone, and counted is how many steps come out as they were.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import infill_arguments
import numpy as np

from musictool.apps.chorales.pieces import REST
from musictool.apps.chorales.voice_leading import FAULTS, faults, ranges_of
from musictool.corpus.corpus import Corpus
from musictool.encodings.voices import Voices
from musictool.generation.infill import Infill
from musictool.generation.infill_request import InfillRequest
from musictool.models.model import Model
from musictool.music.grid import in_steps
from musictool.music.score import KEYBOARD, Score
from musictool.music.voices import NAMES, VOICES, track_voices
from musictool.writing import write

FOLDER = Path(__file__).parent / "infill"
BARS = 8  # in a picture


def chorales(corpus: Corpus, is_validation: bool) -> Iterator[Score]:
    """The pieces of one side of the split that are four voices, with these voices alone, named."""
    for index in np.flatnonzero(corpus.is_validation == is_validation):
        score = corpus.score(int(index))
        of_tracks = track_voices(score, *in_steps(score.notes, 4))
        if of_tracks is not None and len(of_tracks) == VOICES:
            notes = score.notes[np.isin(score.notes["track"], [*of_tracks])]
            tracks = tuple(
                replace(track, name=NAMES[of_tracks[i]]) if i in of_tracks else track
                for i, track in enumerate(score.tracks)
            )
            yield replace(score, notes=notes, tracks=tracks).drop_empty_tracks()


def sung(score: Score, steps: int = 0) -> np.ndarray:
    """int64 (T, VOICES): the pitch of each voice in each sixteenth, REST where it has none; T at least `steps`."""
    rows = Voices(Voices.Options(onsets=False)).encode(score).reshape(-1, VOICES, len(KEYBOARD))
    pitches = np.where(rows.any(axis=-1), rows.argmax(axis=-1) + KEYBOARD.start, REST)
    return np.concatenate([pitches, np.full((max(0, steps - len(pitches)), VOICES), REST)])


def filled(model: Model, score: Score, **request: Any) -> Score:
    return Infill(model, score, InfillRequest(engine="numpy", **request)).scores()[0]


def soprano_of(score: Score) -> Score:
    """Its first voice alone."""
    track = next(i for i, track in enumerate(score.tracks) if track.name == NAMES[0])
    return replace(score, notes=score.notes[score.notes["track"] == track]).drop_empty_tracks()


def agreement(model: Model, scores: Sequence[Score], **request: Any) -> float:
    """Share of the sixteenths that are written anew and come out as the composer's, in two bars in the middle."""
    same = total = 0
    for seed, score in enumerate(scores):
        middle = score.bars // 2
        under_way = Infill(
            model, score, InfillRequest(engine="numpy", bars=f"{middle}-{middle + 1}", seed=seed, **request)
        )
        before, after = sung(score), sung(under_way.scores()[0])
        steps = min(len(before), len(after), len(under_way.is_free))
        is_free = under_way.is_free[:steps]
        same += int((before[:steps] == after[:steps])[is_free].sum())
        total += int(is_free.sum())
    return same / max(1, total)


def picture(score: Score, name: str, title: str) -> None:
    """The first bars of a piece."""
    end = score.bar_line_ticks(min(BARS, score.bars))
    write(replace(score.until(end), title=title), FOLDER / f"{name}.png", dots_per_inch=80)


def main() -> None:
    """Print the tables, and make the pictures."""
    model, corpus, pieces, temperature = infill_arguments.parse(__doc__)
    ranges = ranges_of([sung(score) for score in chorales(corpus, is_validation=False)])
    scores = [score for score, _ in zip(chorales(corpus, is_validation=True), range(pieces), strict=False)]
    written = [
        filled(model, soprano_of(score), voices=4, seed=seed, temperature=temperature)
        for seed, score in enumerate(scores)
    ]
    columns = [faults([sung(score) for score in each], ranges) for each in (written, scores)]
    print(f"{len(scores)} sopranos\n\n| per 100 | harmonised | as they are |\n|---|---|---|")
    for name in FAULTS:
        print(f"| {name} | {columns[0][name]:.1f} | {columns[1][name]:.1f} |")
    for what, request in (("all four voices", {}), ("the bass", {"tracks": NAMES[3]})):
        share = agreement(model, scores, temperature=temperature, **request)
        print(f"\nas the composer's, of two bars of {what}: {share:.0%}")
    FOLDER.mkdir(exist_ok=True)
    middle = min(4, scores[0].bars - 1)
    picture(scores[0], "chorale", "a chorale that the model has not seen")
    picture(written[0], "harmonised", "its soprano, harmonised")
    bars = filled(model, scores[0], bars=f"{middle}-{middle + 1}", seed=1, temperature=temperature)
    picture(bars, "bars", f"bars {middle} and {middle + 1} again")


if __name__ == "__main__":
    main()
