from __future__ import annotations

import shutil
import subprocess
import sys

import pytest
from click.testing import CliRunner

from musictool.apps.render import notes_in, render
from musictool.cli.render import command
from musictool.errors import BadFile, BadOption
from musictool.music.score import Score
from musictool.writing import write


@pytest.fixture
def song(tmp_path):
    write(Score.from_notes([(60, 0, 1), (64, 1, 1)]), tmp_path / "song.mid")
    return tmp_path / "song.mid"


@pytest.mark.parametrize("suffix", [".wav", ".PNG", ".mid", ".musicxml"])
def test_a_midi_file_becomes_what_the_suffix_names(song, suffix):
    out = song.parent / "new" / f"song{suffix}"
    assert len(render(song, out).notes) == 2
    assert out.stat().st_size > 0


def test_an_unknown_suffix_is_refused_before_anything_is_read(song):
    with pytest.raises(BadOption, match=r"song\.doc: unknown suffix; writable are \.abc \.flac"):
        render(song.with_name("none.mid"), [song.with_suffix(".wav"), song.with_suffix(".doc")])
    assert not song.with_suffix(".wav").exists()


def test_a_file_is_never_written_over_itself(song):
    with pytest.raises(BadFile, match="same file"):
        render(song, song)
    with pytest.raises(BadFile, match="same file"):
        render(song, song.with_name("other.mid"), soundfont=shutil.copy(song, song.with_name("other.mid")))


def test_the_command_writes_each_out_and_says_so(song):
    outs = [song.with_suffix(".flac"), song.with_suffix(".svg")]
    result = CliRunner().invoke(command, [str(song), "--out", str(outs[0]), "--out", str(outs[1])])
    assert result.exit_code == 0
    assert [line.split(" (")[0] for line in result.output.splitlines()] == [f"wrote {out}" for out in outs]
    assert "1.0 s of music, 2 notes" in result.output
    assert all(out.exists() for out in outs)


def test_the_notes_that_are_told_are_those_in_the_file(song):
    doubled = Score.from_notes([(60, 0, 1), (60, 0, 2), (64, 1, 1)])
    assert [notes_in(doubled, song.with_suffix(suffix)) for suffix in (".mid", ".xml", ".abc", ".png")] == [2, 2, 2, 3]


def test_notes_that_are_not_written_are_told(song):
    score = '<score-partwise><part-list><score-part id="P1"/></part-list><part id="P1"><measure number="1">'
    key = "<note>{}<pitch><step>C</step><octave>4</octave></pitch><duration>4</duration></note>"
    score += "<attributes><divisions>1</divisions></attributes>" + key.format("") + key.format("<chord/>")
    source = song.with_suffix(".xml")
    source.write_text(f"{score}</measure></part></score-partwise>")
    result = CliRunner().invoke(command, [str(source), "--out", str(song), "--force"])
    assert "2.0 s of music, 1 notes (1 more double one of their track)" in result.output


def test_without_out_the_sound_lies_beside_the_source(song):
    assert CliRunner().invoke(command, [str(song)]).exit_code == 0
    assert song.with_suffix(".wav").exists()


def test_a_bad_soundfont_reaches_the_caller_as_one_error(song):
    result = CliRunner().invoke(command, [str(song), "--soundfont", str(song)])
    assert isinstance(result.exception, BadFile)


def test_rendering_never_imports_tensorflow(song):
    code = (
        "import sys; from pathlib import Path; from musictool.apps.render import render\n"
        f"song = Path({str(song)!r})\n"
        "for out in ('new.wav', 'new.png', 'new.mid'): render(song, song.with_name(out))\n"
        "assert not {'tensorflow', 'keras', 'music21', 'pretty_midi'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
