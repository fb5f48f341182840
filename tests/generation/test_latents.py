"""A trained vae at work: styles, interpolation, accompaniment, and what they say where they cannot."""

from __future__ import annotations

import json
import shlex
import shutil
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from musictool.cli._main import main
from musictool.errors import BadFile, BadOption, NoMusic, UnknownName
from musictool.generation.accompany import accompany
from musictool.generation.interpolate import between, interpolate
from musictool.generation.latents import segments_of_style
from musictool.generation.request import Accompaniment, Request, Style
from musictool.generation.sample import sample
from musictool.generation.songs import write_like, write_songs
from musictool.models.model import Model
from musictool.music.instruments import PIANO, TRACKS, note_instruments
from musictool.music.score import DEFAULT_VELOCITY, Score, Track, sort_notes
from musictool.preparation.prepare import prepare
from musictool.reading import read
from musictool.sampling.sampler import Sampler
from musictool.training.train import train
from musictool.writing import write
from tests.conftest import eager

BOLD = Sampler(threshold="bernoulli")  # something sounds, however little is learnt


def band(tonic: int, bars: int, tracks: tuple[Track, ...] = TRACKS) -> Score:
    """All instruments, a note on every beat."""
    parts = []
    for i, track in enumerate(tracks):
        pitches = (36, 38) if track.is_drum else (tonic + 4 * i, tonic + 4 * i + 3)
        notes = [(pitches[beat % 2], beat, 1) for beat in range(4 * bars)]
        parts.append(Score.from_notes(notes, tracks, i).notes)
    return Score(sort_notes(np.concatenate(parts)), tracks)


def write_bands(folder: Path, names: str = "abcdefgh") -> Path:
    for i, name in enumerate(names):
        write(band(55 + i, 6 + 2 * (i % 2)), folder / name / f"{name}.mid")
    return folder


@pytest.fixture(scope="module")
def bands(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_bands(tmp_path_factory.mktemp("bands"))


@pytest.fixture(scope="module")
def home(bands: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home with the corpus `bands` and the model `bands-vae`, trained for an epoch. Read only."""
    folder = tmp_path_factory.mktemp("home")
    with pytest.MonkeyPatch.context() as patch, eager():
        patch.setenv("MUSICTOOL_HOME", str(folder))
        prepare(str(bands), name="bands", workers=1)
        settings = ("latent=4", "width=16", "hidden=8")
        train("bands", arch="vae", encoding="segments", epochs=1, seed=1, settings=settings, batch_size=4)
    return folder


@pytest.fixture
def model(home: Path, monkeypatch: pytest.MonkeyPatch) -> Model:
    monkeypatch.setenv("MUSICTOOL_HOME", str(home))
    return Model.open("bands-vae")


def run(line: str) -> str:
    result = CliRunner().invoke(main, shlex.split(line), prog_name="musictool")
    assert result.exit_code == 0, result.output
    return result.output


def error(line: str) -> str:
    result = CliRunner().invoke(main, shlex.split(line), prog_name="musictool")
    assert result.exit_code in (1, 2), result.output
    output = [line for line in result.output.splitlines() if line.startswith("Error:")]
    assert len(output) == 1, result.output
    return output[0]


@pytest.mark.slow
def test_a_styled_song_can_be_made_again_to_the_byte_while_the_styles_stay_as_they_were(
    model: Model, bands: Path, tmp_path: Path
):
    style = Path(shutil.copy(bands / "c" / "c.mid", tmp_path / "style.mid"))
    options = f"--style {style} --style {bands / 'd' / 'd.mid'} --alpha 0.7 --noise-sd 0.8 --threshold bernoulli"
    run(f"sample bands-vae --bars 4 --seed 3 {options} --out {tmp_path / 'song.mid'}")
    values = json.loads((tmp_path / "song.json").read_text())["request"]
    assert list(values["style"]["files"]) == [str(style.resolve()), str((bands / "d" / "d.mid").resolve())]
    assert (values["style"]["alpha"], values["sampler"]["noise_sd"]) == (0.7, 0.8)
    run(f"sample --like {tmp_path / 'song.json'} --out {tmp_path / 'again.mid'}")
    assert (tmp_path / "again.mid").read_bytes() == (tmp_path / "song.mid").read_bytes()
    shutil.copy(bands / "e" / "e.mid", style)
    with pytest.raises(BadFile, match=r"style\.mid is gone or is no longer"):
        write_like(tmp_path / "song.json", tmp_path / "again.mid")


def test_pieces_of_the_corpus_can_be_the_style(model: Model, bands: Path, tmp_path: Path):
    request = Request(bars=4, seed=3, sampler=BOLD, style=Style(where=("label=c",), alpha=1))
    (of_corpus,) = write_songs(model, request, tmp_path / "song.mid")
    write_like(tmp_path / "song.json", tmp_path / "again.mid")
    assert (tmp_path / "again.mid").read_bytes() == (tmp_path / "song.mid").read_bytes()
    of_file = Request(bars=4, seed=3, sampler=BOLD, style=Style((bands / "c" / "c.mid",), alpha=1))
    np.testing.assert_array_equal(sample(model, of_file)[0].notes, of_corpus.score.notes)
    segments = segments_of_style(model, Style((bands / "c" / "c.mid",), ("label=d", "label=e")))
    assert segments is not None
    assert len(segments) == 3 + 4 + 3


@pytest.mark.slow
def test_a_sidecar_without_a_style_is_one_of_a_song_without(model: Model, tmp_path: Path):
    write_songs(model, Request(bars=2, seed=3, sampler=BOLD), tmp_path / "song.mid")
    values = json.loads((tmp_path / "song.json").read_text())
    del values["request"]["style"]
    (tmp_path / "song.json").write_text(json.dumps(values))
    write_like(tmp_path / "song.json", tmp_path / "again.mid")
    assert (tmp_path / "again.mid").read_bytes() == (tmp_path / "song.mid").read_bytes()


def test_only_as_many_segments_are_written_as_bars_seconds_and_length_need(model: Model):
    for options, segments, seconds in (({"bars": 6}, 8, 12), ({"seconds": 6}, 8, 6), ({"length": 33}, 2, 8)):
        written: list[int] = []
        (score,) = sample(
            model, Request(seed=1, sampler=BOLD, **options), lambda done, _, written=written: written.append(done)
        )
        assert max(written) == segments
        assert 0 < score.seconds <= seconds


@pytest.mark.slow
def test_interpolation_keeps_both_ends_and_every_version_has_its_place(model: Model, bands: Path):
    files = bands / "a" / "a.mid", bands / "b" / "b.mid"
    whole = interpolate(model, *files, steps=4)
    bar = 4 * 480
    for version, piece in ((0, files[0]), (3, files[1])):
        rows = model.arch.latents(model.encoding.encode(read(piece).scores[0]))
        alone = model.encoding.decode(model.arch.decode_latents(np.resize(rows, (4, *rows.shape[1:])), Sampler(), 0))
        part = whole.since(version * 8 * bar).until(8 * bar)
        assert len(alone.notes)
        assert abs(len(part.notes) - len(alone.notes)) <= len(alone.notes) // 20  # notes may sound over the edge
    seen: list[tuple[int, int]] = []
    assert len({*whole.notes["velocity"].tolist()}) > 3  # it breathes
    flat = interpolate(model, *files, steps=4, velocity="flat")
    assert {*flat.notes["velocity"].tolist()} == {DEFAULT_VELOCITY}
    few = interpolate(model, *files, steps=3, bars=2, progress=lambda done, total: seen.append((done, total)))
    assert seen == [(1, 3), (2, 3), (3, 3)]
    assert few.end_ticks <= 3 * 2 * bar


def test_between_two_latents_the_way_leads_over_the_sphere():
    a, b = np.array([[2.0, 0]], np.float32), np.array([[0, 4.0]], np.float32)
    np.testing.assert_array_equal(between(a, b, 0), a)
    np.testing.assert_allclose(between(a, b, 1), b, atol=1e-6)
    np.testing.assert_allclose(between(a, b, 0.5), [[3 * 0.5**0.5, 3 * 0.5**0.5]], rtol=1e-6)
    np.testing.assert_allclose(between(a, b, 1 / 3), [[8 / 3 * 0.75**0.5, 8 / 3 * 0.5]], rtol=1e-6)
    for other in (3 * a, -a, 0 * a):  # no angle, or no way to choose
        np.testing.assert_allclose(between(a, other, 0.25), 0.75 * a + 0.25 * other, rtol=1e-6)


def test_a_melody_stays_as_it_is_and_the_band_plays_to_it(model: Model, tmp_path: Path):
    tune = Score.from_notes([(60 + i % 5, i * 0.75, 0.7) for i in range(20)], (Track(73, name="Flute"),))
    write(tune, tmp_path / "tune.mid")
    score = accompany(model, tmp_path / "tune.mid", Accompaniment(sampler=BOLD, seed=1))
    flat = accompany(model, tmp_path / "tune.mid", Accompaniment(sampler=BOLD, velocity="flat", seed=1))
    loud = [piece.notes["velocity"][piece.notes["track"] > 0] for piece in (score, flat)]
    assert len({*loud[0].tolist()}) > 3
    assert {*loud[1].tolist()} == {DEFAULT_VELOCITY}
    assert (score.tracks[0].program, score.tracks[0].name) == (73, "Flute")
    own = score.notes[score.notes["track"] == 0]
    for field in ("onset_ticks", "duration_ticks", "pitch"):
        np.testing.assert_array_equal(own[field], tune.notes[field])
    segments = model.encoding.encode(Score(tune.notes, (Track(0),)))
    rows = model.arch.accompaniment(segments[..., PIANO], np.zeros(model.spec.shape, np.uint8), BOLD, 1)
    band = model.encoding.decode(rows)
    assert len(score.notes) - len(own) == (note_instruments(band) != PIANO).sum() > 0
    assert PIANO not in note_instruments(score)


def test_the_melody_is_the_piano_or_the_track_that_is_asked_for(model: Model, tmp_path: Path):
    tracks = (Track(40, name="Violin"), Track(0, name="Piano"), Track(0, is_drum=True, name="Drums"))
    score = Score.from_notes([(60, 0, 1), (62, 1, 1), (36, 0, 1)], tracks)
    score.notes["track"] = [2, 0, 1]  # sorted by onset, then by pitch
    write(score, tmp_path / "trio.mid")
    for track, program, pitch in ((None, 0, 62), ("Violin", 40, 60), ("1", 40, 60)):
        made = accompany(model, tmp_path / "trio.mid", Accompaniment(track, seed=1))
        assert made.tracks[0].program == program
        assert made.notes["pitch"][made.notes["track"] == 0].tolist() == [pitch]
    with pytest.raises(NoMusic, match="no melody"):
        accompany(model, tmp_path / "trio.mid", Accompaniment("Drums"))
    with pytest.raises(UnknownName, match="Did you mean 'Violin'"):
        accompany(model, tmp_path / "trio.mid", Accompaniment("violine"))


def test_the_commands_say_what_they_wrote(model: Model, bands: Path, tmp_path: Path):
    files = f"{bands / 'a' / 'a.mid'} {bands / 'b' / 'b.mid'}"
    output = run(f"interpolate {files} --steps 3 --bars 2 --threshold bernoulli --out {tmp_path / 'x.mid'}")
    assert "3 versions" in output
    assert len(read(tmp_path / "x.mid").scores[0].notes)
    output = run(f"accompany {bands / 'a' / 'a.mid'} --seed 4 --out {tmp_path / 'band.mid'}")
    assert "model bands-vae, seed 4" in output
    assert len(read(tmp_path / "band.mid").scores[0].notes)


def test_what_cannot_be_meant_is_one_clear_line(model: Model, bands: Path, tmp_path: Path):
    a = bands / "a" / "a.mid"
    write(Score.from_notes([(60, 0, 1)], (Track(120),)), tmp_path / "sea.mid")  # the seashore is no instrument
    (tmp_path / "text.mid").write_text("no music")
    assert "--alpha: 2.0 is not a number from 0 to 1" in error(f"sample bands-vae --style {a} --alpha 2")
    assert "--alpha 0.5 of which style?" in error("sample bands-vae --alpha 0.5")
    assert "sea.mid has no note" in error(f"sample bands-vae --style {tmp_path / 'sea.mid'}")
    assert "text.mid" in error(f"sample bands-vae --style {tmp_path / 'text.mid'}")
    assert "no piece has label=zzz" in error("sample bands-vae --where label=zzz")
    rules = "density, bernoulli or a number between 0 and 1"
    assert f"--threshold: '1.5' is not {rules}" in error("sample bands-vae --threshold 1.5")
    assert "--noise-sd: -1.0 is not a number from 0 to 10" in error("sample bands-vae --noise-sd -1")
    assert "--steps 1 is not at least 2" in error(f"interpolate {a} {a} --steps 1")
    assert "50,000 are the most that are read; take fewer, or less" in error(f"interpolate {a} {a} --steps 1000000000")
    assert "unknown suffix" in error(f"interpolate {a} {a} --out {tmp_path / 'x.xyz'}")
    assert "sea.mid has no note" in error(f"interpolate {a} {tmp_path / 'sea.mid'}")


def test_nothing_is_written_over_what_is_read(model: Model, bands: Path, tmp_path: Path):
    a, b = (Path(shutil.copy(bands / name / f"{name}.mid", tmp_path)) for name in "ab")
    for line in (
        f"sample bands-vae --bars 2 --style {b} --style {a} --out {a}",
        f"accompany {a} --out {a}",
        f"accompany {b} --style {a} --out {a}",
        f"interpolate {a} {b} --out {a}",
        f"interpolate {b} {a} --out {a}",
    ):
        assert error(line).startswith(f"Error: same file: {a} would be written over"), line
    assert a.read_bytes() == (bands / "a" / "a.mid").read_bytes()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.mid", "b.mid"]


def test_a_model_without_latents_says_which_has_them(tiny_home: Path, bands: Path):
    name, a = tiny_home / "saved_models" / "tunes-lstm", bands / "a" / "a.mid"
    assert "tunes-lstm is a lstm; train one: musictool train" in error(f"interpolate {a} {a} --model {name}")
    assert "--style needs a model with latents" in error(f"sample {name} --style {a}")
    assert "plays to nobody; take --model counterpoint, or train one" in error(f"accompany {a} --model {name}")
    with pytest.raises(BadOption, match="writes tokens"):
        sample(Model.open(name), Request(length=9, sampler=Sampler(noise_sd=1)))


def test_evaluated_it_says_what_comes_back_of_human_pieces(model: Model):
    from musictool.evaluation.evaluate import evaluate

    found = evaluate(model, num=2, bars=2)
    assert found.reconstruction is not None
    assert found.reconstruction.latent == 4
    assert found.reconstruction.copied["all"][2] > 0.8  # the same two bars over and over
    names = [row[0].strip() for row in found.table()]
    assert {"reconstruction", "f1:all", "active:bass"} <= set(names)
