"""The colours of all pictures, which the colour-blind tell apart too."""

from __future__ import annotations

import numpy as np

from musictool.music.score import Score

# Okabe and Ito's colours without yellow and black, then some of Paul Tol's
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#332288", "#882255", "#999933", "#44AA99")
DRUM_COLOUR = "#333333"
BLACK_KEY, BAR_LINE, C_LINE, WORDS = "#F0F0F2", "#C9C9CF", "#DCDCE2", "#55555C"


def of_tracks(score: Score) -> list[str]:
    """A colour for each track; the drums' own for drums."""
    pitched = [track for track in np.unique(score.notes["track"]).tolist() if not score.tracks[track].is_drum]
    seats = {track: COLOURS[i % len(COLOURS)] for i, track in enumerate(pitched)}
    return [seats.get(track, DRUM_COLOUR) for track in range(len(score.tracks))]
