from __future__ import annotations

import shutil

import numpy as np
import pyloudnorm
import pytest
import soundfile
from scipy.signal import resample_poly

from musictool.errors import BadFile, BadOption, MusictoolError, NoMusic
from musictool.music.score import TEMPO, Score, Track
from musictool.sound import synthesis as _synthesis
from musictool.sound.soundfont import default_path, load
from musictool.sound.synthesis import RATE, sections
from musictool.writing import write

MELODY = Score.from_notes([(69, 0, 1), (72, 1, 1), (76, 2, 1)])


@pytest.fixture(scope="module")
def font():
    return load(default_path())


def sound(score: Score, font) -> np.ndarray:
    return np.concatenate(list(sections(score, font)), axis=1)


def loudness(sound: np.ndarray, first: float, last: float) -> float:
    """Root mean square between two times in seconds."""
    return float(np.sqrt(np.mean(sound[:, int(first * RATE) : int(last * RATE)] ** 2)))


def one(pitch: int, velocity: int = 80, program: int = 0, is_drum: bool = False, quarters: float = 1) -> Score:
    columns = np.array([[0, quarters * 480, pitch, velocity, 0]]).T
    return Score.from_columns(*columns, tracks=(Track(program, is_drum),))


@pytest.mark.parametrize("suffix", [".wav", ".flac", ".ogg", ".mp3"])
def test_every_format_is_stereo_with_the_length_of_the_piece_and_its_tail(tmp_path, suffix):
    write(MELODY, tmp_path / f"song{suffix}")
    read, rate = soundfile.read(tmp_path / f"song{suffix}")
    assert rate == 44100
    assert read.shape[1] == 2
    assert len(read) / rate == pytest.approx(1.5 + 2, abs=0.1)
    assert [path.name for path in tmp_path.iterdir()] == [f"song{suffix}"]


@pytest.mark.parametrize("suffix", [".wav", ".flac", ".ogg", ".mp3"])
@pytest.mark.parametrize("count", [1, 30])
def test_every_piece_is_as_loud_as_every_other_and_none_clips(tmp_path, count, suffix):
    write(Score.from_notes([(40 + i, 0, 4) for i in range(count)]), tmp_path / f"song{suffix}")
    read, rate = soundfile.read(tmp_path / f"song{suffix}")
    assert pyloudnorm.Meter(rate).integrated_loudness(read) == pytest.approx(-14, abs=0.3)
    assert 20 * np.log10(np.abs(resample_poly(read, 8, 1)).max()) < -0.9


def test_another_loudness_can_be_had_and_none_out_of_range(tmp_path):
    write(MELODY, tmp_path / "song.wav", loudness=-23)
    read, rate = soundfile.read(tmp_path / "song.wav")
    assert pyloudnorm.Meter(rate).integrated_loudness(read) == pytest.approx(-23, abs=0.2)
    with pytest.raises(BadOption, match="--loudness 3 is not from -40 to -8"):
        write(MELODY, tmp_path / "song.wav", loudness=3)


@pytest.mark.parametrize("suffix", [".wav", ".flac", ".ogg", ".mp3"])
def test_the_same_score_gives_the_same_bytes(tmp_path, suffix):
    for name in ("a", "b"):
        write(MELODY, tmp_path / f"{name}{suffix}")
    assert (tmp_path / f"a{suffix}").read_bytes() == (tmp_path / f"b{suffix}").read_bytes()


def test_without_fluidsynth_its_option_is_one_clear_line(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(MusictoolError, match="needs the program fluidsynth, which is not installed"):
        write(MELODY, tmp_path / "song.wav", fluidsynth=True)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.skipif(shutil.which("fluidsynth") is None, reason="fluidsynth is not installed")
def test_fluidsynth_plays_the_same_notes_as_loud(tmp_path):
    write(MELODY, tmp_path / "song.wav", fluidsynth=True)
    read, rate = soundfile.read(tmp_path / "song.wav")
    assert pyloudnorm.Meter(rate).integrated_loudness(read) == pytest.approx(-14, abs=0.2)
    strength = np.abs(np.fft.rfft(read[:20_000].mean(axis=1) * np.hanning(20_000)))
    assert np.argmax(strength) * rate / 20_000 == pytest.approx(440, rel=0.01)
    with pytest.raises(BadFile, match="SoundFont"):
        write(MELODY, tmp_path / "song.wav", fluidsynth=True, soundfont=tmp_path / "song.wav")


@pytest.mark.parametrize("program", [0, 19, 40, 73])
@pytest.mark.parametrize("pitch, hertz", [(57, 220.0), (69, 440.0), (81, 880.0)])
def test_a_note_has_its_pitch(font, program, pitch, hertz):
    heard = sound(one(pitch, program=program, quarters=4), font).mean(axis=0)[:RATE]
    strength = np.abs(np.fft.rfft(heard * np.hanning(len(heard))))  # one hertz a bin
    near = strength[int(hertz * 0.95) : int(hertz * 1.05) + 1]
    assert np.argmax(near) + int(hertz * 0.95) == pytest.approx(hertz, rel=0.01)
    assert near.max() > 0.1 * strength.max()


def test_louder_notes_sound_louder(font):
    soft, middle, loud = (loudness(sound(one(60, velocity), font), 0, 0.5) for velocity in (30, 80, 127))
    assert 0 < soft < middle / 4 < middle < loud


def test_a_note_rings_after_its_end_and_has_died_away_two_seconds_later(font):
    heard = sound(one(60), font)
    assert loudness(heard, 0.5, 0.6) > 0.05 * loudness(heard, 0.4, 0.5)
    assert loudness(heard, 2.4, 2.5) < 1e-3 * loudness(heard, 0, 0.5)


def test_a_crash_cymbal_rings_out_however_short_it_is_written(font):
    heard = sound(one(49, is_drum=True, quarters=0.01), font)
    assert loudness(heard, 0.5, 0.7) > 0.01 * loudness(heard, 0, 0.2) > 0


@pytest.mark.parametrize(
    "program, is_drum", [*((program, False) for program in range(0, 128, 3)), (0, True), (90, True)]
)
def test_every_program_sounds(font, program, is_drum):
    assert np.abs(sound(one(50, program=program, is_drum=is_drum), font)).max() > 1e-4


def test_tempo_decides_when_a_note_sounds(font):
    slow = Score(Score.from_notes([(60, 2, 1)]).notes, tempos=np.array([(0, 60.0), (480, 30.0)], TEMPO))
    heard = np.abs(sound(slow, font)).max(axis=0)
    assert np.argmax(heard > 0) / RATE == pytest.approx(1 + 2, abs=0.01)


def test_a_piece_in_many_sections_sounds_as_in_one(font, monkeypatch):
    score = Score.from_notes([(60 + i % 12, i * 0.7, 3) for i in range(12)])
    whole = sound(score, font)
    monkeypatch.setattr(_synthesis, "SECTION_SECONDS", 1)
    in_sections = sound(score, font)
    assert in_sections.shape == whole.shape
    assert np.abs(in_sections - whole).max() < 1e-6


def test_forgotten_tones_are_played_again(font, monkeypatch):
    score = Score.from_notes([(60 + i % 3, i, 1) for i in range(9)])
    whole = sound(score, font)
    monkeypatch.setattr(_synthesis, "CACHE_BYTES", 0)
    assert np.array_equal(sound(score, font), whole)


def test_notes_longer_than_a_minute_fall_silent(font):
    heard = sound(one(60, program=19, quarters=140), font)
    assert heard.shape[1] == 72 * RATE
    assert loudness(heard, 58, 60) > 0
    assert loudness(heard, 63, 72) == 0


def test_what_nothing_sounds_for_is_an_error_and_leaves_no_file(tmp_path):
    with pytest.raises(NoMusic, match="no sound"):
        write(one(0, is_drum=True), tmp_path / "song.wav")
    assert list(tmp_path.iterdir()) == []


def test_pieces_of_many_hours_are_refused(tmp_path):
    with pytest.raises(BadFile, match=r"would last 5\.0 hours; 3 at most"):
        write(Score.from_notes([(60, 5 * 7200 - 1, 1)]), tmp_path / "song.wav")


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"MThd",
        b"RIFF\x04\0\0\0sfbk",
        b"RIFF\x10\0\0\0sfbkLIST\x04\0\0\0sdta",
        b"RIFF\x14\0\0\0sfbksmpl\x04\0\0\0OggS",
    ],
)
def test_a_bad_soundfont_is_one_clear_line(tmp_path, content):
    (tmp_path / "bad.sf2").write_bytes(content)
    with pytest.raises(BadFile, match=r"SoundFont.*bad\.sf2") as caught:
        write(MELODY, tmp_path / "song.wav", soundfont=tmp_path / "bad.sf2")
    assert "\n" not in str(caught.value)
    assert not (tmp_path / "song.wav").exists()


@pytest.mark.parametrize("share", [0.5, 0.98, 0.999])
def test_a_truncated_soundfont_is_an_error(tmp_path, share):
    data = default_path().read_bytes()
    (tmp_path / "bad.sf2").write_bytes(data[: int(len(data) * share)])
    with pytest.raises(BadFile, match="damaged"):
        write(MELODY, tmp_path / "song.wav", soundfont=tmp_path / "bad.sf2")


def test_a_missing_soundfont_is_an_error(tmp_path):
    for path in (tmp_path / "none.sf2", tmp_path):
        with pytest.raises(BadFile, match="no SoundFont: cannot open"):
            write(MELODY, tmp_path / "song.wav", soundfont=path)
