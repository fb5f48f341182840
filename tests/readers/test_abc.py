"""What ABC means, by the standard 2.1: each case is a tune and what sounds, written `pitch@onset` in quarter notes."""

from __future__ import annotations

import time
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from musictool.errors import BadFile
from musictool.music.score import NOTE, Score, Track
from musictool.readers import _abc_voice, abc
from musictool.reading import Reading
from tests.readers.smf import rows
from tests.strategies import examples

_UNEVEN = "1 of 1 tunes: broken rhythm between notes of different lengths, which stay as written"
HEAD = "X:1\nM:4/4\nL:1/4\nK:C\n"


def reading(tmp_path: Path, text: str | bytes, parser: str = "") -> Reading:
    (tmp_path / "a.abc").write_bytes(text if isinstance(text, bytes) else text.encode())
    return abc.read(tmp_path / "a.abc", parser)


def read(tmp_path: Path, text: str | bytes) -> Score:
    (score,) = reading(tmp_path, text).scores
    return score


def short(score: Score) -> list[tuple[int, int, int]]:
    return [row[:3] for row in rows(score)]


def played(score: Score, track: int | None = None) -> str:
    """`pitch@onset` of each note, of one track or of all."""
    notes = score.notes if track is None else score.notes[score.notes["track"] == track]
    return " ".join(f"{note['pitch']}@{note['onset_ticks'] / 480:.4g}" for note in notes)


def lengths(score: Score) -> list[float]:
    return [ticks / 480 for ticks in score.notes["duration_ticks"].tolist()]


# ---- pitch ----


@pytest.mark.parametrize(
    "key, music, pitches",
    [
        # an accidental holds to the end of its bar, in every octave, and not for other letters
        ("Eb", "_G =E D G | G E D2", [66, 64, 62, 66, 67, 63, 62]),
        ("C", "^c C c' =C | C", [73, 61, 85, 60, 60]),
        ("C", "^F F || F ^F |: F ^F :: F ^F [| F", [66, 66, 65, 66, 65, 66, 65, 66, 65]),
        ("C", "[^CE]C [V:1] C | C", [61, 64, 61, 61, 60]),
        ("C", "^^C __D =E ^E _C", [62, 60, 64, 65, 59]),
        ("C", "{^f}F F | F", [66, 66, 65]),  # also that of a grace note
        ("C", "^F-|F F", [66, 65]),  # a tie carries its accidental over the bar line, and no further
        # keys: modes, in full and abbreviated, and what stands behind them
        ("Ddor", "F C B A", [65, 60, 71, 69]),
        ("A mix", "G C F A", [67, 61, 66, 69]),
        ("D exp _b ^f", "B F C A", [70, 66, 60, 69]),
        ("Em ^d", "D F C G", [63, 66, 60, 67]),
        ("HP", "C F G A", [61, 66, 67, 69]),
        ("Hp", "C F G A", [61, 66, 67, 69]),
        ("F# Minor", "F G A C D", [66, 68, 69, 61, 62]),
        ("EbMajor", "E A B D", [63, 68, 70, 62]),
        ("G Lydian", "C F", [61, 66]),
        ("E phrygian", "F C", [65, 60]),
        ("B locrian", "F C", [65, 60]),
        ("AAeolian", "F C", [65, 60]),
        ("CM", "E B", [63, 70]),
        ("Cm", "E B", [63, 70]),
        ("none", "F C", [65, 60]),
        ("", "F C", [65, 60]),
        ("D =c", "F C", [66, 60]),
        ("D Phr ^f", "F E B", [66, 63, 70]),
        ("G middle=B clef=treble", "F B", [66, 71]),
        ("Cb", "C F", [59, 64]),
        ("C#", "C B", [61, 72]),
        # clefs and octaves
        ("C treble-8", "C", [48]),
        ("C clef=treble+8", "C", [72]),
        ("C clef=bass-8 octave=-1", "C", [36]),
        ("C clef=bass", "C", [60]),
        ("bass", "C F", [60, 65]),
        ("clef=alto", "C F", [60, 65]),
        ("C clef=unheard-of octave=1", "C", [72]),
        ("C octave=1 transpose=-2", "C", [70]),
        ("C octave=1 t=2", "C", [74]),
        ("C treble-8", "[K:G] F [K:bass] F", [54, 66]),
        ("D", "[K:clef=bass] F [K:octave=1] F [K:transpose=-2 octave=0] F [K:] F", [66, 78, 64, 63]),
    ],
)
def test_pitches(tmp_path: Path, key: str, music: str, pitches: list[int]):
    score = read(tmp_path, f"X:1\nM:none\nL:1/4\nK:{key}\n{music}\n")
    assert score.notes["pitch"].tolist() == pitches


@pytest.mark.parametrize("line", ["%%propagate-accidentals {}", "I:propagate-accidentals {}"])
@pytest.mark.parametrize("rule, pitches", [("not", [61, 60, 72]), ("octave", [61, 61, 72]), ("pitch", [61, 61, 73])])
def test_a_tune_may_say_how_far_accidentals_go(tmp_path: Path, line: str, rule: str, pitches: list[int]):
    score = read(tmp_path, f"X:1\n{line.format(rule)}\nK:C\n^C C c\n")
    assert score.notes["pitch"].tolist() == pitches


@pytest.mark.parametrize(
    "mode, sharps, minor",
    [("", 2, False), ("m", -1, True), ("mix", 1, False), ("dor", 0, False), ("aeo", -1, True), ("lyd", 3, False)],
)
def test_the_signature_of_a_key(tmp_path: Path, mode: str, sharps: int, minor: bool):
    assert read(tmp_path, f"X:1\nK:D{mode}\nD\n").keys.tolist() == [(0, sharps, minor)]


# ---- time ----


@pytest.mark.parametrize(
    "music, notes",
    [
        # lengths
        ("c c2 c/ c/2 c// c3/2 c3/ c", "72@0 72@1 72@3 72@3.5 72@4 72@4.25 72@5.75 72@7.25"),
        ("[CE]2 [C2E2]/ [C3E]2 c", "60@0 64@0 60@2 64@2 60@3 64@3 72@9"),
        # bar lines behind a letter are no fields
        ("C::D\nE::F\nG:|A\nB||:c:|2 d", "60@0 62@1 64@2 65@3 67@4 69@5 71@6 72@7 74@8"),
        ("C|]D|E[|F|[1 G:|[2 A|3 B :|1,3 c [4-6 d|", "60@0 62@1 64@2 65@3 67@4 69@5 71@6 72@7 74@8"),
        ("C .| D [|] E", "60@0 62@1 64@2"),
        ("C|[DF]|[K:C]E", "60@0 62@1 65@1 64@2"),
        ("C: |: D\nE: | F\nG:[2 A |", "60@0 62@1 64@2 65@3 67@4 69@5"),
        # rests
        ("z C x D z2 E x/ F", "60@1 62@3 64@6 65@7.5"),
        ("C4 | Z | D4 | Z2 | X | E | X2 F", "60@0 62@8 64@24 65@33"),
        ("C y D y10 E", "60@0 62@1 64@2"),
        # overlays
        ("c4 | d2 cz & A4 & FEDC | e4 |", "72@0 65@4 69@4 74@4 64@5 62@6 72@6 60@7 76@8"),
        ("C2 & E | G", "60@0 64@0 67@2"),
        ("C & E2 | G", "60@0 64@0 67@2"),
        ("C (& D | E & F | G &) A", "60@0 62@1 65@1 64@2 67@2 69@3"),
        ("C4- & E4 | C2 D2 & E2 F2", "60@0 64@0 64@4 62@6 65@6"),
        ("C4 & E4- | C2 D2 & E2 F2", "60@0 64@0 60@4 62@6 65@6"),
        # ornaments of one letter, in words, and redefined
        ("Hc Id JC Ke Lf MC NC Oc Pc Qc Rc Sc Tc uc vc ~c .c Wc wc hc", None),
        ("!trill!C !f!D +fermata+E !>!F !D.C.!G !<(!A", "60@0 62@1 64@2 65@3 67@4 69@5"),
        ("C D ! E F ! G\nA !\nB", "60@0 62@1 64@2 65@3 67@4 69@5 71@6"),
        ("!D.S. al coda!C !To Coda!D ! E !Da capo al fine! F", "60@0 62@1 64@2 65@3"),
        ("C\nd:!f! * !trill!\nD", "60@0 62@1"),
        ("|\nU:T=!turn!\nTC TD", "60@0 62@1"),
        # broken rhythm, whatever stands between
        ("c>d e<f", "72@0 74@1.5 76@2 77@2.5"),
        ("c>>d e<<f g>>>a b", "72@0 74@1.75 76@2 77@2.25 79@4 81@5.875 83@6"),
        ("c>(de) f", "72@0 74@1.5 76@2 77@3"),
        ("(c>d) (e<f)", "72@0 74@1.5 76@2 77@2.5"),
        ("c >d e> f", "72@0 74@1.5 76@2 77@3.5"),
        ('c>.d e>~f g>"C"a b>{c\'}b c>!f!d', "72@0 74@1.5 76@2 77@3.5 79@4 81@5.5 83@6 83@7.5 72@8 74@9.5"),
        ("[CE]>[DF] C", "60@0 64@0 62@1.5 65@1.5 60@2"),
        ("[CE]>D z>C C<z C", "60@0 64@0 62@1.5 60@3.5 60@4 60@6"),
        ("c->c d", "72@0 74@2"),
        ("c2>d2 e", "72@0 74@3 76@4"),
        ("c>|d e", "72@0 74@1.5 76@2"),
        # tuplets: p in the time of q for r notes
        ("(3cde f", "72@0 74@0.6667 76@1.333 77@2"),
        ("(3 c d e f", "72@0 74@0.6667 76@1.333 77@2"),
        ("(3:2:2 c2 d e", "72@0 74@1.333 76@2"),
        ("(3::2 c2 d e", "72@0 74@1.333 76@2"),
        ("(3:4:3 cde f", "72@0 74@1.333 76@2.667 77@4"),
        ("(3:2:4 c d// e// f g", "72@0 74@0.6667 76@0.8333 77@1 79@1.667"),
        ("(2cd e", "72@0 74@1.5 76@3"),
        ("(4cdef g", "72@0 74@0.75 76@1.5 77@2.25 79@3"),
        ("(5cdefg a", "72@0 74@0.4 76@0.8 77@1.2 79@1.6 81@2"),
        ("[M:6/8](5cdefg a", "72@0 74@0.6 76@1.2 77@1.8 79@2.4 81@3"),
        ("(6cdefga b", "72@0 74@0.3333 76@0.6667 77@1 79@1.333 81@1.667 83@2"),
        ("(8cdefgabc d", "72@0 74@0.375 76@0.75 77@1.125 79@1.5 81@1.875 83@2.25 72@2.625 74@3"),
        ("(3[ce]{f}d!f!z e", "72@0 76@0 74@0.6667 76@2"),
        ("(3|c2d|", "72@0 74@1.333"),
        ("(3cd|e f", "72@0 74@0.6667 76@1.333 77@2"),
        ("((3cde f)", "72@0 74@0.6667 76@1.333 77@2"),
        ("(c d) (e(f)) .(g a)", "72@0 74@1 76@2 77@3 79@4 81@5"),
        # what does not sound
        ("{c}C {/cde}D {cd}[EG] | F", "60@0 62@1 64@2 67@2 65@3"),
        ('"Am7"C "^above"D "@60,10 text"E "_C>D|[EF]"F "unended G', "60@0 62@1 64@2 65@3"),
        ('C|["1.-3." D|["4" E', "60@0 62@1 64@2"),
        ('["C"CE] [!f!C"x"E]', "60@0 64@0 60@1 64@1"),
        ("C % D E\nF", "60@0 65@1"),
        ("C D \\\nE F\\\n|G", "60@0 62@1 64@2 65@3 67@4"),
        ("C\nw: la-la * E\nW: C D E\ns: !f! * C\n+: D D\nr: C D\nN: C D\n%%text C D\nD", "60@0 62@1"),
        ("C [r: C D E] [N:C] [P:A] D", "60@0 62@1"),
        ("`C*D$E;F?G@A#B", "60@0 62@1 64@2 65@3 67@4 69@5 71@6"),
        # fields within the line
        ("C4 | [L:1/2] D2 | [L:1/16] E8 F8 | [M:3/4][L:1/4] G3 | [K:G] F3", "60@0 62@4 64@8 65@10 67@12 66@15"),
        ("C|\nL:1/8\nM:3/4\nD|Z|E|", "60@0 62@1 64@4.5"),
        # chords of ABC 1.3
        ("+CEG+2 C +ff+ D", "60@0 64@0 67@0 60@2 62@3"),
    ],
)
def test_times(tmp_path: Path, music: str, notes: str | None):
    if notes is None:  # every note of the line sounds, a quarter long
        notes = " ".join(f"{p}@{i}" for i, p in enumerate((72, 74, 60, 76, 77, 60, 60, *[72] * 13)))
    result = reading(tmp_path, HEAD + music + "\n")
    assert result.remark == ""
    assert played(result.scores[0]) == notes


@pytest.mark.parametrize(
    "music, notes",
    [
        ("[CEG]4- | [CEG]4 | C4 |]", [(0, 3840, 60), (0, 3840, 64), (0, 3840, 67), (3840, 1920, 60)]),
        ("[CE]4- | [CE]4- | [CE]4 |]", [(0, 5760, 60), (0, 5760, 64)]),
        ("[C-E]4 | C4 | C4 |]", [(0, 3840, 60), (0, 1920, 64), (3840, 1920, 60)]),
        ("[CE-]4 | [CE]4 | z4 |]", [(0, 1920, 60), (0, 3840, 64), (1920, 1920, 60)]),
        ("C4- | [CE]4 | z4 |]", [(0, 3840, 60), (1920, 1920, 64)]),
        ("[CE]4 | [CE]4 | z4 |]", [(0, 1920, 60), (0, 1920, 64), (1920, 1920, 60), (1920, 1920, 64)]),
        ("C4- |: C4 | D4", [(0, 3840, 60), (3840, 1920, 62)]),
        ("^C4- | _D4", [(0, 3840, 61)]),
        ("C4- | D4 | C4", [(0, 1920, 60), (1920, 1920, 62), (3840, 1920, 60)]),
        ("C-zC", [(0, 480, 60), (960, 480, 60)]),
        ("C.-C", [(0, 960, 60)]),
        ("C-\n[V:2]E\n[V:1]C", [(0, 960, 60), (0, 480, 64)]),
        ("[CC]", [(0, 480, 60), (0, 480, 60)]),
    ],
)
def test_ties_hold_for_the_notes_that_they_stand_behind(tmp_path: Path, music: str, notes: list):
    assert short(read(tmp_path, f"{HEAD}{music}\n")) == sorted(notes)


def test_broken_rhythm_and_tuplets_are_exact(tmp_path: Path):
    assert lengths(read(tmp_path, HEAD + "c>>d (3e>fg (7c/d/e/f/g/a/b/ c\n"))[-1] == 1
    assert read(tmp_path, HEAD + "c>>d (3e>fg (7c/d/e/f/g/a/b/ c\n").notes["onset_ticks"][-1] == 480 * 5


@pytest.mark.parametrize("metre, ticks", [("", 240), ("M:none\n", 240), ("M:3/4\n", 240), ("M:2/4\n", 120)])
def test_a_tune_that_says_no_length_has_eighths_or_in_a_short_metre_sixteenths(tmp_path: Path, metre, ticks):
    score = read(tmp_path, f"X:1\n{metre}K:C\nc d\n")
    assert score.notes["duration_ticks"].tolist() == [ticks, ticks]


@pytest.mark.parametrize(
    "metre, row",
    [
        ("C", [(0, 4, 4)]),
        ("C|", [(0, 2, 2)]),
        ("6/8", [(0, 6, 8)]),
        ("2+3/8", [(0, 5, 8)]),
        ("(2+3+2)/8", [(0, 7, 8)]),
        ("none", []),
        ("", []),
    ],
)
def test_metres(tmp_path: Path, metre: str, row: list):
    assert read(tmp_path, f"X:1\nM:{metre}\nL:1/8\nK:C\nC8|C\n").metres.tolist()[:1] == row


@pytest.mark.parametrize("change", ["\nM:2/4\n", "[M:2/4]", " [M:2/4] "])
def test_a_tune_that_changes_its_metre_and_key_within_says_so(tmp_path: Path, change: str):
    content = f"X:1\nM:3/4\nL:1/4\nK:C\nC D E | D E F |{change}C D |\nK:G\n[M:3/4] E F G | A B c |]\n"
    score = read(tmp_path, content)
    assert score.metres.tolist() == [(0, 3, 4), (2880, 2, 4), (3840, 3, 4)]
    assert [row[:2] for row in score.keys.tolist()] == [(0, 0), (3840, 1)]
    assert rows(score)[8 + 1][:3] == (4320, 480, 66)


def test_bars_are_counted_from_the_end_of_a_pickup_and_through_a_repeat_within_a_bar(tmp_path: Path):
    score = read(tmp_path, HEAD + "G | C4 | C3 :: G | C4 | C3 |]\n")
    assert [ticks // 480 for ticks in score.bar_onsets_ticks().tolist()] == [0, 1, 5, 9, 13]


@pytest.mark.parametrize(
    "tempo, bpm",
    [
        ("1/4=90", [90.0]),
        ("3/8=60", [90.0]),
        ("1/4 3/8 1/4 3/8=40", [200.0]),
        ('"Allegro" 1/4 = 120', [120.0]),
        ('1/2=50.5 "slow"', [101.0]),
        ('"Andante"', []),
        ("100", [50.0]),
        ("C=100", [50.0]),
        ("C3=100", [150.0]),
        ("1/4=0", []),
        ("1/0=90", []),
    ],
)
def test_tempos(tmp_path: Path, tempo: str, bpm: list[float]):
    score = read(tmp_path, f"X:1\nQ:{tempo}\nL:1/8\nK:C\nC\n")
    assert score.tempos["bpm"].tolist() == bpm


# ---- voices ----


@pytest.mark.parametrize(
    "body, tracks",
    [
        ("V:1\nz3|ABC|DEF|\nV:2\nZ |ABC|DEF|\n", ["69@3 71@4 60@5 62@6 64@7 65@8"] * 2),
        ("[V:1] C|D|\n[V:2] E|F|\n[V:1] G|\n[V:2] A|\n", ["60@0 62@1 67@2", "64@0 65@1 69@2"]),
        ("[V:1]C [V:2]E [V:1]D [V:2]F\n", ["60@0 62@1", "64@0 65@1"]),
        ("C D\nV:2\nE F\nV:1\nG\n", ["60@0 62@1 67@2", "64@0 65@1"]),
        ("[V:1]^C C\n[V:2]C\n[V:1]C\n", ["61@0 61@1 61@2", "60@0"]),
        ("[V:1][L:1/8][K:G]F\n[V:2]F F\n[V:1] G\n", ["66@0 67@0.5", "65@0 65@1"]),
        ("L:1/8\nK:G\nV:1\nFG\nV:2\nFG\n", ["66@0 67@0.5"] * 2),
        ("V:1 clef=treble-8\nC\nV:2 clef=bass octave=-1\nC\nV:3 transpose=-2\nC\n", ["48@0", "48@0", "58@0"]),
        ('V:1 treble-8 nm="x"\nC\nV:2 octave=1\nC\nV:1\nC\nV:1 treble\nC\n', ["48@0 48@1 60@2", "72@0"]),
        ("[V:1]C>\n[V:2]E\n[V:1]D|E\n", ["60@0 62@1.5 64@2", "64@0"]),
    ],
)
def test_voices_sound_together(tmp_path: Path, body: str, tracks: list[str]):
    score = read(tmp_path, f"X:1\nM:3/4\nL:1/4\nK:C\n{body}")
    assert [played(score, i) for i in range(len(score.tracks))] == tracks


def test_voices_that_the_header_declares(tmp_path: Path):
    text = (
        'X:1\nT:Hymn % its title\nM:4/4\nL:1/4\n%%score (1 2)\nV: 1 name="High"\nV: 2 clef=bass-8\n%%MIDI program 42\n'
        "K: C\n%%beginps\n/x { p } def\n%%endps\n"
        '[V: 1] [Q:1/4=90] "x"c2 !x!d2|\nw: la la\n[V: 2] x2 C2|\n[V: 1] e4|]\n[V: 2] D4|]\n'
    )
    score = read(tmp_path, text)
    assert short(score) == [(0, 960, 72), (960, 960, 48), (960, 960, 74), (1920, 1920, 50), (1920, 1920, 76)]
    assert score.tracks == (Track(0, False, "High"), Track(42, False, ""))
    assert score.tempos.tolist() == [(0, 90.0)]
    assert score.title == "Hymn"


@pytest.mark.parametrize(
    "body, tracks",
    [
        ("V:1\n%%MIDI program 40\nC\nV:2\n%%MIDI channel 10\nC,\n", [(40, False, "60@0"), (0, True, "48@0")]),
        ("%%MIDI program 40\nV:1\nC\nV:2\nD\n", [(40, False, "60@0"), (40, False, "62@0")]),
        ("I:MIDI program 40\nC\n", [(40, False, "60@0")]),
        ("[I:MIDI=program 40] C\n", [(40, False, "60@0")]),
        ("C\n%%MIDI program 40\nD\n", [(0, False, "60@0"), (40, False, "62@1")]),
        ("C\n%%MIDI program 2 40\nD\n", [(0, False, "60@0"), (40, False, "62@1")]),
        ("%%MIDI program 1 40\n%%MIDI program 2 41\nV:1\nC\nV:2\nD\n", [(40, False, "60@0"), (41, False, "62@0")]),
        ("%%MIDI channel 3 % of the band\n%%MIDI program 3 33 % a bass\nC\n", [(33, False, "60@0")]),
        ("%%MIDI program 3 33\n%%MIDI channel 3\nC\n", [(33, False, "60@0")]),
        ("%%MIDI transpose -12\nC\n%%MIDI rtranspose 1\nC\n", [(0, False, "48@0 49@1")]),
        ("%%MIDI channel 10\n%%MIDI drummap ^f 42\n^f f\n", [(0, True, "42@0 42@1")]),
        ("%%MIDI gchord fzcz\n%%MIDI chordprog 20\n%%MIDI nonsense\n%%MIDI\nC\n", [(0, False, "60@0")]),
    ],
)
def test_midi_directives(tmp_path: Path, body: str, tracks: list):
    result = reading(tmp_path, HEAD + body)
    (score,) = result.scores
    found = [(track.program, track.is_drum, played(score, i)) for i, track in enumerate(score.tracks)]
    assert (found, result.remark) == (tracks, "")


def test_dynamics_are_velocities(tmp_path: Path):
    score = read(tmp_path, "X:1\nU:m=!ff!\nK:C\nC!p!D E mF\n")
    plain, soft, still_soft, loud = score.notes["velocity"].tolist()
    assert soft == still_soft < plain == 80 < loud


# ---- files ----


def test_free_text_between_tunes_is_no_music(tmp_path: Path):
    text = (
        "%abc-2.1\nA collection of tunes from the old cafe.\n\nX:1\nT:First\nM:4/4\nL:1/4\nK:C\nC D E F |\n\n"
        "This is free text: a good bagged cabbage.\nA: bad face\n\nX:2\nT:Second\nM:4/4\nL:1/4\nK:G\nG A B c |\n \t\n"
        "The end.\n"
    )
    result = reading(tmp_path, text)
    assert [(score.title, played(score)) for score in result.scores] == [
        ("First", "60@0 62@1 64@2 65@3"),
        ("Second", "67@0 69@1 71@2 72@3"),
    ]
    assert result.remark == ""


def test_a_file_gives_a_score_a_tune_even_where_numbers_repeat(tmp_path: Path):
    text = "X:1\nT:One\nM:2/4\nL:1/4\nK:G\nG F|]\n\nX:1\nT:Two\nM:2/4\nL:1/4\nQ:1/4=100\nK:Am\nA, [CE]|]\nX:1\nK:C\nC\n"
    one, two, three = reading(tmp_path, text).scores
    assert (one.title, short(one)) == ("One", [(0, 480, 67), (480, 480, 66)])
    assert (two.title, short(two)) == ("Two", [(0, 480, 57), (480, 480, 60), (480, 480, 64)])
    assert two.tempos.tolist() == [(0, 100.0)]
    assert two.keys.tolist() == [(0, 0, True)]
    assert short(three) == [(0, 240, 60)]


def test_the_header_of_a_file_holds_for_its_tunes_unless_they_say_otherwise(tmp_path: Path):
    text = "L:1/4\nM:3/4\nU:T=!f!\n%%MIDI program 40\n\nX:1\nK:C\nC\n\nL:1/2\nX:2\nL:1/8\nK:C\nC\n"
    one, two = reading(tmp_path, text).scores
    assert (lengths(one), lengths(two)) == ([1], [0.5])
    assert one.tracks[0].program == two.tracks[0].program == 40
    assert one.metres.tolist() == two.metres.tolist() == [(0, 3, 4)]


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("code", ["utf-8", "utf-8-sig", "latin-1", "utf-16"])
def test_every_line_end_and_code_is_read(tmp_path: Path, end: str, code: str):
    score = read(tmp_path, end.join(["X:1", "T:Grüße", "L:1/4", "K:C", "C D", ""]).encode(code))
    assert (score.title, played(score)) == ("Grüße", "60@0 62@1")


@pytest.mark.parametrize(
    "text, title",
    [(r"Gr\"u\sse", "Grüße"), ("Gr&uuml;&szlig;e", "Grüße"), (r"Caf\'e \u00e9 50\%", "Café é 50%"), ("a  b", "a b")],
)
def test_titles_may_be_written_in_ascii(tmp_path: Path, text: str, title: str):
    assert read(tmp_path, f"X:1\nT:{text}\nT:second\nK:C\nC\n").title == title


@pytest.mark.parametrize(
    "macro, music, notes",
    [
        ("~G2 = {A}G{F}G", "~G2 C", "67@0 67@1 60@2"),
        ("~n2 = {o}n{m}n", "~G2 ~c2", "67@0 67@1 72@2 72@3"),
        ("Tn = npo", "TB TG,", "71@0 74@1 72@2 55@3 59@4 57@5"),
    ],
)
def test_macros_are_written_out(tmp_path: Path, macro: str, music: str, notes: str):
    assert played(read(tmp_path, f"X:1\nm: {macro}\nL:1/4\nK:C\n{music}\n")) == notes


def test_a_field_goes_on_in_the_next_line(tmp_path: Path):
    assert read(tmp_path, "X:1\nT:One\n+: two\nK:D\n+:exp _b\nB F\n").notes["pitch"].tolist() == [70, 65]
    assert read(tmp_path, "X:1\nT:One\n+: two\nK:C\nC\n").title == "One two"


def test_exclamation_marks_may_break_lines(tmp_path: Path):
    assert played(read(tmp_path, "X:1\nL:1/4\nI:linebreak !\nK:C\nC!def!D\n")) == "60@0 74@1 76@2 77@3 62@4"


@pytest.mark.parametrize(
    "text, remark, notes",
    [
        ("X:1\nL:1/4\nC D\n", "1 of 1 tunes: no K: field", "60@0 62@1"),
        ("T:x\nL:1/4\nK:C\nC D\n", "", "60@0 62@1"),
        (HEAD + "[CE D\n", "1 of 1 tunes: chords without end", "60@0 62@0 64@0"),
        (HEAD + "[CE | D\n", "1 of 1 tunes: chords without end", "60@0 64@0 62@1"),
        (HEAD + "C 2 D Ä\n", "1 of 1 tunes: signs that are not understood", "60@0 62@1"),
        (HEAD + "> C\n", "1 of 1 tunes: broken rhythm without notes", "60@0"),
        (HEAD + "C>D2 E", _UNEVEN, "60@0 62@1 64@3"),
        (HEAD + "C> | Z D", _UNEVEN, "60@0 62@5"),
        (HEAD + "C>D>E F", _UNEVEN, "60@0 62@1.5 64@2 65@3"),
        ("X:1\nL:1/4\nK:Dhjk\nF\n", "1 of 1 tunes: K: fields that are not understood", "66@0"),
        (HEAD + "C0 D\n", "1 of 1 tunes: notes without length", "62@0"),
        (HEAD + "^/2C ^3/2C _/D\n", "1 of 1 tunes: microtones, which are rounded", "60@0 61@1 62@2"),
        (HEAD + "C'''''''' D\n", "1 of 1 tunes: notes beyond MIDI's range", "62@1"),
        (HEAD + "[K:H] C\n", "1 of 1 tunes: K: fields that are not understood", "60@0"),
        (HEAD + "[M:x/4] C\n", "1 of 1 tunes: M: fields that are not understood", "60@0"),
        (HEAD + "[L:0] C\n", "1 of 1 tunes: L: fields that are not understood", "60@0"),
        ("X:1\nL:1/4\nK:gm\nB\n", "1 of 1 tunes: K: fields that are not understood", "70@0"),
        (HEAD + "C\n\nD E | F\n", "1 lines that look like music outside tunes", "60@0"),
        (HEAD + "C\n\nX:2\nK:C\nC C999999999999\n", "1 of 2 tunes: too long", "60@0"),
        ("X:1\nK:\n\n" + HEAD + "C\n", "", "60@0"),
    ],
)
def test_what_is_mended_or_left_out_is_said(tmp_path: Path, text: str, remark: str, notes: str):
    result = reading(tmp_path, text)
    assert (result.remark, played(result.scores[0])) == (remark, notes)


@pytest.mark.parametrize(
    "text, reason",
    [
        ("once upon a time", "not ABC"),
        ("X:1\nT:Only a title\nK:C\n", "no notes"),
        (HEAD + "c99999999999999999999\n", "too long"),
        (HEAD + "Z" + "9" * 10_000 + "C\n", "too long"),
        (HEAD + "[" * 8_000, "no notes"),
        (HEAD + "[K:" * 8_000, "no notes"),
        (HEAD + "{^" * 8_000, "no notes"),
        (HEAD + "(" * 8_000 + "(99999:99999:99999" * 1000, "no notes"),
        (HEAD + "!" * 8_000 + '"', "no notes"),
        ("X:1\n" + "%%beginps\n" * 8_000, "no notes"),
        (HEAD + "".join(f"[V:{i}]C" for i in range(1001)), "unreadable"),
        (
            "X:1\n" + "".join(f"m:{a}={b * 30}\n" for a, b in zip("hijk", "ijkl", strict=True)) + "K:C\n" + "h" * 99,
            "unreadable",
        ),
        (HEAD + "c" * 5_001, "too many notes"),
    ],
)
def test_what_is_no_music_or_too_much_says_why_and_soon(tmp_path: Path, monkeypatch, text: str, reason: str):
    monkeypatch.setattr(_abc_voice, "MAX_NOTES", 5_000)
    began = time.process_time()
    with pytest.raises(BadFile) as error:
        reading(tmp_path, text)
    assert error.value.reason == reason
    assert "\n" not in str(error.value)
    assert time.process_time() - began < 10


@settings(max_examples=examples(200), deadline=None)
@given(st.text(alphabet="CDEFGABcdefgab|:[](){}<>^_=,'/0123456789 zxZXy\n\"!+&-.~HuKVMLQU%\\", max_size=80))
def test_whatever_stands_in_a_tune_it_is_read_or_has_a_reason(tmp_path_factory, text: str):
    path = tmp_path_factory.mktemp("abc") / "a.abc"
    path.write_text(f"{HEAD}{text}\nC", encoding="utf-8")
    notes, reason = np.zeros(0, NOTE), "none"
    try:
        notes = abc.read(path).scores[0].notes
    except BadFile as error:
        reason = error.reason
    assert reason in ("none", "no notes", "too long")
    assert (notes["duration_ticks"] > 0).all()


@settings(max_examples=examples(50), deadline=None)
@given(st.lists(st.tuples(st.sampled_from("CEGc"), st.integers(1, 9), st.sampled_from(("", ">", "<"))), min_size=1))
def test_broken_rhythm_moves_no_time_from_or_to_its_pair(tmp_path_factory, notes: list):
    """Of two notes of one length both together last as long as they are written."""
    music = "".join(f"{letter}{length}{sign}{letter}{length} " for letter, length, sign in notes)
    score = read(tmp_path_factory.mktemp("abc"), HEAD + music + "\n")
    assert score.end_ticks == 960 * sum(length for _, length, _ in notes)


# ---- through music21 ----


@pytest.mark.slow
def test_music21_reads_abc_where_it_is_asked_to_and_a_tune_that_it_does_not_understand_costs_itself_only(
    tmp_path: Path,
):
    text = "X:1\nT:Two\nM:3/4\nL:1/4\nK:D\n[V:1]F2 E|[CE]3-|[CE]3|\n[V:2]x2 C,|[K:C]C,3|C,3|\n\nX:2\nK:C\nc [V: d e\n"
    result = reading(tmp_path, text, "music21")
    (score,) = result.scores
    assert score.title == "Two"
    assert played(score, 0) == "66@0 64@2 61@3 64@3"
    assert played(score, 1) == "49@2 48@3 48@6"
    assert result.remark == "1 of 2 tunes unreadable"


def test_chord_symbols_are_kept_and_other_text_is_not(tmp_path: Path):
    score = read(tmp_path, 'X:1\nM:4/4\nL:1/4\nK:C\n"Am7"CDEF|"^slowly"G"N.C."A"F/C"BC|\n')
    assert score.chords.tolist() == [(0, 21), (5 * 480, 24), (6 * 480, 5)]
