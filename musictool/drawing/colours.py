"""The colours of all pictures, which the colour-blind can tell apart too."""

from __future__ import annotations

import numpy as np

from musictool.music.score import Score

# Okabe and Ito's colours without yellow and black, then some of Paul Tol's
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#332288", "#882255", "#999933", "#44AA99")
DRUM_COLOUR = "#333333"
TEXT, LINE, FAINT_LINE = "#55555C", "#C9C9CF", "#DCDCE2"
BLACK_KEY = "#F0F0F2"


def of_tracks(score: Score) -> list[str]:
    """A colour for each track; DRUM_COLOUR for drums."""
    pitched = [track for track in np.unique(score.notes["track"]).tolist() if not score.tracks[track].is_drum]
    colours = {track: COLOURS[i % len(COLOURS)] for i, track in enumerate(pitched)}
    return [colours.get(track, DRUM_COLOUR) for track in range(len(score.tracks))]
