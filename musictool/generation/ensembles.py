"""Who plays in a piece: the instruments of one training piece, so that they do not change from note to note.

A model of many programs in one stream of tokens chooses a program anew with each change of it, and a band of twenty
takes the stage. So each piece is given an ensemble of the corpus: of those that the model keeps
(model.json, music.ensembles), one that has as many of the instruments of its primer as any; what the primer plays may
go on in any case. All else is banned, unless --instruments says who plays, or `any`.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from musictool.models.model import Model
from musictool.music.instruments import DRUM_PROGRAM
from musictool.music.score import Track

_STREAM = 4  # of random numbers, beside those of primers and draws


def programs_of_tokens(model: Model) -> np.ndarray:
    """int64 (V,): the program that each token chooses or plays, DRUM_PROGRAM for drums, -1 for none."""
    tracks = model.encoding.instruments()
    return np.array([-1 if track is None else DRUM_PROGRAM if track.is_drum else track.program for track in tracks])


def draw(model: Model, openings: Sequence[np.ndarray], seed: int) -> list[list[Track]]:
    """The instruments of each piece that continues one of `openings`, int32 (T,) each; [] where all may play."""
    ensembles = [frozenset(ensemble) for ensemble in model.info["music"].get("ensembles", ())]
    if not ensembles or model.spec.kind != "tokens":
        return [[]] * len(openings)
    of_token = programs_of_tokens(model)
    known = frozenset(of_token.tolist()) - {-1}
    rng = np.random.default_rng((seed, _STREAM))
    drawn = []
    for rows in openings:
        playing = frozenset(of_token[rows].tolist()) - {-1}
        common = [len(ensemble & playing) for ensemble in ensembles]
        nearest = [ensemble for ensemble, count in zip(ensembles, common, strict=True) if count == max(common)]
        players = (nearest[int(rng.integers(len(nearest)))] | playing) & known
        drawn.append([Track(program % DRUM_PROGRAM, program == DRUM_PROGRAM) for program in sorted(players)])
    return drawn


def banned_tokens(model: Model, players: Sequence[Sequence[Track]]) -> np.ndarray | None:
    """bool (B, V): the tokens of each piece that choose or play another instrument; None where all may play."""
    if not any(players):
        return None
    of_token = programs_of_tokens(model)
    allowed = [[DRUM_PROGRAM if track.is_drum else track.program for track in tracks] for tracks in players]
    return np.stack([(of_token >= 0) & ~np.isin(of_token, programs) for programs in allowed])
