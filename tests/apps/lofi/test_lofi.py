from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyloudnorm
import pytest
import soundfile
from scipy.signal import butter, resample_poly, sosfilt

from musictool.apps.lofi.lofi import arrange, lofi, mix
from musictool.apps.lofi.options import LofiOptions
from musictool.errors import BadFile, BadOption, NoMusic, UnknownName
from musictool.music.score import METRE, Score, Track
from musictool.reading import read
from musictool.sound.loudness import RATE
from musictool.writing import write


def write_piece(path: Path, bars: int = 4, metre: tuple[int, int] = (4, 4)) -> Path:
    """Chords on the beats, and a bass."""
    quarters = bars * metre[0] * 4 // metre[1]
    tracks = (Track(0), Track(33), Track(0, is_drum=True))
    tune = Score.from_notes([(60 + step + i % 5, i, 1) for i in range(quarters) for step in (0, 4, 7)], tracks)
    bass = Score.from_notes([(36 + i % 5, i, 1) for i in range(quarters)], tracks, track=1)
    own_drums = Score.from_notes([(38, i, 0.1) for i in range(quarters)], tracks, track=2)
    notes = np.concatenate([part.notes for part in (tune, bass, own_drums)])
    write(replace(tune, notes=notes, metres=np.array([(0, *metre)], METRE)), path)
    return path


@pytest.fixture
def song(tmp_path):
    return write_piece(tmp_path / "song.mid")


@pytest.mark.parametrize("metre", [(4, 4), (3, 4), (6, 8)])
def test_drums_are_heard_on_the_beats_of_the_piece(tmp_path, metre):
    song = write_piece(tmp_path / "song.mid", bars=6, metre=metre)
    options = LofiOptions(drums="boom-bap", backgrounds=(), tempo=75)
    arrangement = lofi(song, tmp_path / "lofi.wav", options)
    sound, _ = soundfile.read(tmp_path / "lofi.wav")
    high = sosfilt(butter(4, 6000, "high", fs=RATE, output="sos"), sound.mean(axis=1))  # where the sample is not
    energy = np.sqrt(np.convolve(high**2, np.ones(44) / 44, "same"))
    beat = 60 / 75
    bar = beat * {(4, 4): 4, (3, 4): 3, (6, 8): 2}[metre]
    beats = np.arange(bar, arrangement.seconds - 4, beat)
    assert len(beats) >= 4
    for second in beats:  # on each a hat or a snare
        near = energy[int((second - 0.03) * RATE) : int((second + 0.03) * RATE)]
        struck = np.argmax(np.diff(np.log(near + 1e-5), n=1)) / RATE - 0.03
        assert abs(struck) < 0.01


@pytest.mark.parametrize("suffix", [".wav", ".mp3"])
def test_it_is_as_loud_as_music_is_streamed_and_does_not_clip(tmp_path, suffix):
    song = write_piece(tmp_path / "song.mid", bars=3)
    lofi(song, tmp_path / f"lofi{suffix}", LofiOptions(drums="boom-bap"))
    sound, rate = soundfile.read(tmp_path / f"lofi{suffix}")
    assert pyloudnorm.Meter(rate).integrated_loudness(sound) == pytest.approx(-14, abs=0.3)
    for channel in sound.T:  # one after the other, which takes less memory
        assert 20 * np.log10(np.abs(resample_poly(channel, 8, 1)).max()) < -0.9


def test_the_same_seed_gives_the_same_bytes_and_another_other_ones(song):
    write_piece(song, bars=1)
    outs = [song.with_name(name) for name in ("a.mp3", "b.mp3", "c.mp3")]
    for out, seed in zip(outs, (1, 1, 2), strict=True):
        lofi(song, out, LofiOptions(seed=seed, drums="dusty"))
    a, b, c = (out.read_bytes() for out in outs)
    assert a == b != c


def test_the_notes_can_be_written_beside_the_sound(song):
    arrangement = lofi(
        song, [song.with_name("lofi.mid"), song.with_name("lofi.png")], LofiOptions(drums="dusty", swing=0.5)
    )
    (score,) = read(song.with_name("lofi.mid")).scores
    assert [(track.program, track.is_drum) for track in score.tracks] == [(4, False), (33, False), (25, True)]
    assert score.tempos["bpm"].tolist() == pytest.approx([80])
    own = score.notes[score.notes["track"] == 1]["onset_ticks"]
    assert own.tolist() == list(range(1920, 1920 + 16 * 480, 480))
    assert arrangement.seconds == pytest.approx(5 * 3)


def test_background_comes_first_and_all_fades_out(song):
    sound = np.concatenate(list(mix(arrange(song, LofiOptions()), LofiOptions(), song.parent)), axis=1)
    level = 20 * np.log10(np.sqrt((sound[:, : 17 * RATE] ** 2).reshape(2, 17, RATE).mean(axis=(0, 2))) + 1e-9)
    assert level[0] < level[2] - 5
    assert level[2] < level[4] - 8  # the music begins after 3 seconds
    assert level[16] < level[12] - 20
    assert sound.shape[1] / RATE == pytest.approx(17, abs=0.01)


def test_the_sample_and_the_rain_make_room_for_the_kick(song, monkeypatch):
    """The same music with kicks that cannot be heard, and without any."""
    monkeypatch.setattr("musictool.apps.lofi.lofi.DRUMS_LEVEL", -300.0)
    arrangement = arrange(song, LofiOptions(drums="dusty", swing=0.5))
    silent = replace(arrangement, drums=replace(arrangement.drums, notes=arrangement.drums.notes[:0]))
    ducked, plain = (
        np.concatenate(list(mix(each, LofiOptions(), song.parent)), axis=1) for each in (arrangement, silent)
    )
    with np.errstate(divide="ignore", invalid="ignore"):
        gain = 20 * np.log10(np.nanmedian((ducked / plain)[0, : 12 * RATE].reshape(-1, 441), axis=1))  # of 10 ms
    assert gain.min() == pytest.approx(-5, abs=0.1)
    kick = round(4.875 * 100)  # the second of the bar that begins after 3 s, on the sixth eighth
    assert gain[kick - 2] == pytest.approx(0, abs=0.1)
    assert gain[kick + 2] == pytest.approx(-5, abs=0.1)
    assert gain[kick + 35] == pytest.approx(0, abs=0.1)


@pytest.mark.parametrize("minutes, bars", [(0.25, 4), (0.5, 9), (1.0, 19)])
def test_minutes_cut_a_piece_or_let_it_begin_again(song, minutes, bars):
    arrangement = arrange(song, LofiOptions(minutes=minutes, drums="none"))
    assert arrangement.seconds == pytest.approx(minutes * 60)
    assert arrangement.sample.bars == bars + 1
    assert not len(arrangement.drums.notes)


def test_a_model_goes_on_with_the_piece(at_tiny_home: Path, tunes: Path, tmp_path: Path):
    options = LofiOptions(minutes=0.6, model="tunes-lstm", drums="none", seed=3)
    arrangement = arrange(tunes / "tune-00.mid", options)
    assert arrangement.seconds == pytest.approx(36)
    notes, own = arrangement.sample.notes, read(tunes / "tune-00.mid").scores[0].notes
    assert notes["pitch"][: len(own)].tolist() == own["pitch"].tolist()
    repeated = arrange(tunes / "tune-00.mid", replace(options, model=None)).sample.notes
    assert repeated["pitch"].tolist() != notes["pitch"].tolist()
    again = arrange(tunes / "tune-00.mid", options).sample.notes
    assert np.array_equal(notes, again)


def test_without_a_model_tensorflow_is_not_loaded(song):
    write_piece(song, bars=1)
    code = (
        "import sys; from pathlib import Path; import musictool\n"
        f"song = Path({str(song)!r})\n"
        "musictool.lofi(song, song.with_name('lofi.wav'))\n"
        "musictool.lofi(song, song.with_name('lofi.mid'))\n"
        "assert not {'tensorflow', 'keras', 'music21', 'matplotlib'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
    assert sorted(path.name for path in song.parent.iterdir()) == ["lofi.mid", "lofi.wav", "song.mid"]


@pytest.mark.parametrize(
    "values, message",
    [
        ({"tempo": 300}, "--tempo: 300.0 is not a number from 60 to 100"),
        ({"tempo": float("nan")}, "--tempo: nan"),
        ({"swing": 0.9}, "--swing: 0.9 is not a number from 0.5 to 0.7"),
        ({"minutes": 0}, "--minutes: 0.0 is not a number from 0.05 to 180"),
        ({"seed": -1}, "--seed: -1"),
    ],
)
def test_values_out_of_range_are_refused(values, message):
    with pytest.raises(BadOption, match=message):
        LofiOptions(**values)


def test_unknown_drums_are_refused():
    with pytest.raises(UnknownName, match=r"unknown drums 'dustry'\. Did you mean 'dusty'"):
        LofiOptions(drums="dustry")


def test_a_background_or_a_soundfont_is_not_written_over(song):
    for options in (LofiOptions(backgrounds=("rain", str(song))), LofiOptions(soundfont=song)):
        with pytest.raises(BadFile, match="same file"):
            lofi(song.with_name("none.mid"), song, options)


def test_bad_files_are_named_and_leave_nothing_behind(song, tmp_path):
    folder = tmp_path / "new"
    folder.mkdir()
    soundfile.write(folder / "sound.wav", np.zeros((100, 2)), 44100)
    (folder / "sound.wav").rename(folder / "sound.mid")
    only_drums = Score.from_notes([(38, 0, 1)], (Track(0, is_drum=True),))
    write(only_drums, folder / "drums.mid")
    for source, error, words in (
        ("sound.mid", BadFile, r"sound\.mid: not MIDI"),
        ("drums.mid", NoMusic, r"drums\.mid has no note but drums"),
        ("none.mid", BadFile, "not found"),
    ):
        with pytest.raises(error, match=words):
            lofi(folder / source, folder / "lofi.mp3")
    for out, error, words in (
        ("lofi.doc", BadOption, "unknown suffix"),
        (".", BadOption, "unknown suffix"),
        (str(song), BadFile, "same file"),
    ):
        with pytest.raises(error, match=words):
            lofi(song, folder / out)
    with pytest.raises(BadFile, match="is no sound file"):
        lofi(song, folder / "lofi.mp3", LofiOptions(backgrounds=("rain", str(song))))
    with pytest.raises(BadFile, match="SoundFont"):
        lofi(song, folder / "lofi.mp3", LofiOptions(soundfont=song))
    assert sorted(path.name for path in folder.iterdir()) == ["drums.mid", "sound.mid"]
