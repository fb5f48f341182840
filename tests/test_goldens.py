"""One short song in every encoding, as it stood when a person last looked at it.

What a saved model learned is written in these rows: a change here makes old models play other music. After an
intended change: `MUSICTOOL_REGENERATE_GOLDENS=1 pytest tests/test_goldens.py` (`make golden`), and read the diff.
"""

from __future__ import annotations

import json
import os
from pathlib import Path

import numpy as np
import pytest

from musictool.music.score import Score, Track
from musictool.registry import ENCODINGS

FOLDER = Path(__file__).parent / "encodings" / "goldens"
MELODY = ((67, 0, 1), (64, 1, 0.5), (65, 1.5, 0.5), (67, 2, 1.5), (72, 4, 2), (71, 6, 1), (72, 7, 1 / 3), (70, 8, 4))
CHORDS = ((48, 0, 2), (52, 0, 2), (55, 2, 1), (53, 4, 1.75), (57, 4, 1.75), (55, 6, 2), (34, 14, 2), (46, 14, 2))
DRUMS = ((36, 0, 0.25), (38, 1, 0.25), (36, 2, 0.25), (38, 3, 0.25))


def song() -> Score:
    tracks = (Track(0, name="Melody"), Track(24, name="Guitar"), Track(0, is_drum=True, name="Drums"))
    parts = [Score.from_notes(part, tracks, i).notes for i, part in enumerate((MELODY, CHORDS, DRUMS))]
    notes = np.concatenate(parts)
    return Score.from_columns(*(notes[column] for column in notes.dtype.names), tracks=tracks)


OLDER = {  # what models were trained on before these were options, or had another default
    "chord-roll": ("closed", {"vocabulary": "closed"}),
    "multitrack-roll": ("held", {"onsets": False}),
    "note-chord": ("closed", {"vocabulary": "closed"}),
    "piano-roll": ("held", {"onsets": False}),
}
GOLDENS = [(name, name.replace("-", "_"), {}) for name in ENCODINGS.names()]
GOLDENS += [(name, f"{name.replace('-', '_')}_{suffix}", options) for name, (suffix, options) in OLDER.items()]


@pytest.mark.parametrize("name, file, options", GOLDENS, ids=[file for _, file, _ in GOLDENS])
def test_the_song_is_written_as_ever(name, file, options):
    cls = ENCODINGS.get(name)
    encoding = cls(cls.Options(**options))
    encoding.fit([song()], (0, 2))
    rows = encoding.encode(song())
    music = encoding.decode(rows)
    values = {
        "encoding": encoding.to_json(),
        "spec": encoding.spec.to_json(),
        "rows": rows.tolist() if encoding.kind == "tokens" else np.argwhere(rows).tolist(),
        "vocabulary": encoding.vocabulary(),
        "tracks": [[track.program, track.is_drum, track.name] for track in music.tracks],
        "notes": [list(note) for note in music.notes.tolist()],
    }
    text = "{\n" + ",\n".join(f"{json.dumps(key)}: {json.dumps(value)}" for key, value in values.items()) + "\n}\n"
    path = FOLDER / f"{file}.json"
    if os.environ.get("MUSICTOOL_REGENERATE_GOLDENS"):
        FOLDER.mkdir(exist_ok=True)
        path.write_text(text, encoding="utf-8")
    assert path.exists(), f"no golden for {name} yet: make golden"
    assert json.loads(text) == json.loads(path.read_text(encoding="utf-8"))
