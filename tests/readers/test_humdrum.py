from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from musictool.errors import BadFile
from musictool.music.score import Score
from musictool.readers import humdrum
from tests.readers.smf import rows


def kern(lines: str) -> str:
    """A file from lines whose columns have spaces between them; _ stands for a space within a chord."""
    return "\n".join(
        "\t".join(token.replace("~", " ") for token in line.split()) for line in lines.strip().splitlines()
    )


def read(path: Path, content: str | bytes, parser: str = "") -> Score:
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    (score,) = humdrum.read(path, parser).scores
    return score


def short(score: Score) -> list[tuple[float, float, int]]:
    """(onset, duration, pitch), the first two in quarter notes."""
    return [(onset / 480, duration / 480, pitch) for onset, duration, pitch, *_ in rows(score)]


def test_a_score_with_its_metre_key_and_tied_notes(tmp_path: Path):
    content = kern("""
        **kern **kern
        *M4/4 *M4/4
        *k[f#] *k[f#]
        *MM90 *MM90
        =1 =1
        2C 4e
        . 4f#
        [2D 2g
        =2 =2
        4D] 4r
        *- *-""")
    score = read(tmp_path / "a.krn", content)
    assert short(score) == [(0, 1, 64), (0, 2, 48), (1, 1, 66), (2, 2, 67), (2, 3, 50)]
    assert score.keys.tolist() == [(0, 1, False)]
    assert score.metres.tolist() == [(0, 4, 4)]
    assert score.tempos.tolist() == [(0, 90.0)]


SPINES = {
    "split and join": (
        """
        **kern **kern
        4C 4c
        * *^
        2D 4d 2b
        . 4e .
        * *v *v
        4E 4f""",
        [(0, 1, 48), (0, 1, 60), (1, 1, 62), (1, 2, 50), (1, 2, 71), (2, 1, 64), (3, 1, 52), (3, 1, 65)],
    ),
    "three splits one within the other": (
        """
        **kern
        *^
        *^ *
        * *^ *
        4c 8e 2g 1b
        . 8f . .
        4d 4d . .
        *v *v *v *v
        1C""",
        [(0, 0.5, 64), (0, 1, 60), (0, 2, 67), (0, 4, 71), (0.5, 0.5, 65), (1, 1, 62), (1, 1, 62), (4, 4, 48)],
    ),
    "a split while a note sounds": (
        """
        **kern **kern
        4C 2c
        * *^
        4D . 4g
        * *v *v
        4E 4d""",
        [(0, 1, 48), (0, 2, 60), (1, 1, 50), (1, 1, 67), (2, 1, 52), (2, 1, 62)],
    ),
    "two pairs that are joined at once": (
        """
        **kern **kern
        *^ *^
        4C 4E 4c 4e
        *v *v *v *v
        4D 4d""",
        [(0, 1, 48), (0, 1, 52), (0, 1, 60), (0, 1, 64), (1, 1, 50), (1, 1, 62)],
    ),
    "an exchange": (
        """
        **kern **text **kern
        4C la 4c
        *x *x *
        * *x *x
        lo 4d 4D""",
        [(0, 1, 48), (0, 1, 60), (1, 1, 50), (1, 1, 62)],
    ),
    "a spine that is added": (
        """
        **kern
        4C
        *+
        * **kern
        4D 4d
        4E 4e
        * *-
        4F""",
        [(0, 1, 48), (1, 1, 50), (1, 1, 62), (2, 1, 52), (2, 1, 64), (3, 1, 53)],
    ),
    "a spine that is added and joined": (
        """
        **kern **kern
        4C 4c
        * *+
        * * **kern
        4D 4d 4f
        * *v *v
        4E 4e""",
        [(0, 1, 48), (0, 1, 60), (1, 1, 50), (1, 1, 62), (1, 1, 65), (2, 1, 52), (2, 1, 64)],
    ),
    "all spines end and others begin": (
        """
        **kern **kern
        4C 4c
        *- *-
        **kern
        4D
        *-""",
        [(0, 1, 48), (0, 1, 60), (1, 1, 50)],
    ),
    "grace notes between": (
        """
        **kern **kern
        4C 16cL
        . 16d
        . 16qqe
        . 8fJ
        4D 4g""",
        [(0, 0.25, 60), (0, 1, 48), (0.25, 0.25, 62), (0.5, 0.5, 65), (1, 1, 50), (1, 1, 67)],
    ),
    "lines of nothing": (
        """
        **kern **kern **dynam
        4C 8c .
        . . p
        . 8d .
        . . .
        4D 4e .""",
        [(0, 0.5, 60), (0, 1, 48), (0.5, 0.5, 62), (1, 1, 50), (1, 1, 64)],
    ),
    "triplets, dots, breves and rational lengths": (
        """
        **kern
        12c
        12d
        12e
        4..f
        16g
        0C
        3%2D
        8.e""",
        [
            (0, 1 / 3, 60), (160 / 480, 160 / 480, 62), (320 / 480, 160 / 480, 64), (1, 1.75, 65), (2.75, 0.25, 67),
            (3, 8, 48), (11, 1280 / 480, 50), (11 + 1280 / 480, 0.75, 64),
        ],
    ),
    "chords with ties of their own": (
        """
        **kern
        [4c~4e
        4c]~4f
        4r""",
        [(0, 1, 64), (0, 2, 60), (1, 1, 65)],
    ),
    "a voice whose note is too long": (
        """
        **kern **kern **kern
        4C 4c 2e
        =2 =2 =2
        4D 4d 4f""",
        [(0, 1, 48), (0, 1, 60), (0, 2, 64), (1, 1, 50), (1, 1, 62), (1, 1, 65)],
    ),
    "a chord whose notes differ is as long as its first": (
        """
        **kern
        8.c~8e
        16d""",
        [(0, 0.5, 64), (0, 0.75, 60), (0.75, 0.25, 62)],
    ),
    "a dot apart from its number": (
        """
        **kern **kern
        2r. 1.c
        4C .
        2D .""",
        [(0, 6, 60), (3, 1, 48), (4, 2, 50)],
    ),
    "a rest that is too short before a bar that splits": (
        """
        **kern **kern
        2r 2.c
        =2 =2
        *^ *
        4C 4D 4d""",
        [(0, 3, 60), (3, 1, 48), (3, 1, 50), (3, 1, 62)],
    ),
    "accidentals apart from their letters": ("**kern\n4c>#X\n4B--\n4f##", [(0, 1, 61), (1, 1, 57), (2, 1, 67)]),
    "octaves": ("**kern\n4CCC\n4C\n4c\n4ccc", [(0, 1, 24), (1, 1, 48), (2, 1, 60), (3, 1, 84)]),
}  # fmt: skip


@pytest.mark.parametrize("name", SPINES)
def test_spines_keep_every_note_and_every_time(tmp_path: Path, name: str):
    lines, expected = SPINES[name]
    found = short(read(tmp_path / "a.krn", kern(lines)))
    assert np.array(found) == pytest.approx(np.array(sorted(expected)))


def test_what_splits_off_belongs_to_its_spine(tmp_path: Path):
    content = kern('**kern **kern\n*I"Cello *I"Violin\n* *^\n4C 4c 4e\n* *v *v\n4D 4d')
    score = read(tmp_path / "a.krn", content)
    assert [(track.name, track.program) for track in score.tracks] == [("Cello", 42), ("Violin", 40)]
    assert sorted(score.notes["track"].tolist()) == [0, 0, 1, 1, 1]


@pytest.mark.parametrize("code, program", [("*Ioboe", 68), ("*Icemba", 6), ("*Isoprn", 52), ("*Iunknown", 0)])
def test_the_code_of_an_instrument_is_its_program(tmp_path: Path, code: str, program: int):
    assert read(tmp_path / "a.krn", f"**kern\n{code}\n4c\n").tracks[0].program == program


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "latin-1"])
def test_reference_records_are_read_in_their_encoding(tmp_path: Path, encoding: str):
    text = "!!!OTL@@DE: Étude für Klavier\n!!!OTL@EN: Study\n**kern\n4c\n*-\n"
    assert read(tmp_path / "a.krn", text.encode(encoding)).title == "Étude für Klavier"


def test_dynamic_marks_are_those_of_their_part(tmp_path: Path):
    content = kern("""
        **kern **kern **dynam
        *part1 *part1 *part1
        4C 4c .
        4D 4d pp
        4E 4e [
        4F 4f ff""")
    velocities = read(tmp_path / "a.krn", content).notes["velocity"].tolist()
    assert velocities[0] == 80
    assert velocities[::2] == velocities[1::2]
    assert velocities[2] == velocities[4] < 80 < velocities[6]


def test_keys_with_their_mode_and_metres_of_breves(tmp_path: Path):
    score = read(tmp_path / "a.krn", "**kern\n*k[b-e-]\n*g:\n*M3/0\n0c\n0d\n0e\n*k[]\n*a:\n0c\n")
    assert score.keys.tolist() == [(0, -2, True), (11520, 0, True)]
    assert score.metres.tolist() == [(0, 6, 1)]


def test_lines_of_other_columns_are_remarked_on(tmp_path: Path):
    (tmp_path / "a.krn").write_text(kern("**kern **kern\n4C 4c\n4D\n4E 4e 4g\n4F 4f"))
    reading = humdrum.read(tmp_path / "a.krn")
    assert reading.remark == "salvaged: 2 lines of other columns"
    assert len(reading.scores[0].notes) == 7


@pytest.mark.parametrize(
    "content, reason",
    [
        ("once upon a time", "not Humdrum"),
        ("**kern\n4r\n*-", "no notes"),
        ("**text\nla\n*-", "no notes"),
        ("**kern\n" + "\n".join("\t".join(["*^"] * 2**i) for i in range(11)) + "\n4c", "unreadable"),
        ("**kern\n1%99999c\n", "too long"),
    ],
)
def test_what_is_no_music_says_why(tmp_path: Path, content: str, reason: str):
    with pytest.raises(BadFile) as error:
        read(tmp_path / "a.krn", content)
    assert error.value.reason == reason


def test_music21_reads_it_too(tmp_path: Path):
    assert short(read(tmp_path / "a.krn", "**kern\n*M4/4\n=1\n2c\n2d\n*-\n", "music21")) == [(0, 2, 60), (2, 2, 62)]
