from __future__ import annotations

import json
import shlex
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner, Result

from musictool.cli import _output
from musictool.cli._main import main
from musictool.cli.score import _report
from musictool.encodings.midi_message import MidiMessage
from musictool.encodings.note_duration import NoteDuration
from musictool.encodings.performance import Performance
from musictool.errors import NoMusic
from musictool.generation.request import Constraints
from musictool.generation.scoring import Scored, score_files, score_piece, surprisals
from musictool.models.model import Model
from musictool.music.score import METRE, TEMPO, Score, Track, sort_notes
from musictool.music.transposition import TO_C
from musictool.reading import read
from musictool.sampling.guidance import Guidance
from musictool.writing import write


@pytest.fixture(scope="module")
def model(tiny_home: Path) -> Model:
    return Model.open(tiny_home / "saved_models" / "tunes-lstm")


def run(line: str) -> Result:
    return CliRunner().invoke(main, shlex.split(line), prog_name="musictool")


def test_the_nats_are_those_of_the_rows_and_are_counted_by_row_note_and_second(model: Model, tunes: Path):
    (piece,) = score_files(model, [tunes / "tune-00.mid"])
    rows = model.encoding.encode(read(tunes / "tune-00.mid").scores[0])
    np.testing.assert_allclose(piece.surprisal, model.arch.surprisal(rows), rtol=1e-5)
    assert piece.total == pytest.approx(piece.surprisal.sum())
    assert (piece.per_row, piece.per_note) == (pytest.approx(piece.total / 24),) * 2
    assert piece.per_second == pytest.approx(piece.total / 6)  # 24 eighths at 120
    assert piece.unknown == 0


def test_music_of_the_corpus_is_likelier_than_noise(model: Model, tunes: Path):
    noise = np.random.default_rng(0).integers(40, 90, 24)
    odd = score_piece(model, Score.from_notes([(int(p), i * 0.5, 0.5) for i, p in enumerate(noise)]), "noise")
    (piece,) = score_files(model, [tunes / "tune-03.mid"])
    assert odd is not None
    assert piece.per_row < odd.per_row


def test_a_slower_piece_has_fewer_nats_a_second_where_the_encoding_keeps_no_tempo(model: Model, tunes: Path):
    score = read(tunes / "tune-00.mid").scores[0]
    fast, slow = (score_piece(model, replace(score, tempos=np.array([(0, bpm)], TEMPO)), "") for bpm in (120, 60))
    assert fast is not None
    assert slow is not None
    assert fast.per_second == pytest.approx(2 * slow.per_second)


def test_each_bar_has_the_mean_of_its_rows_and_the_worst_are_named():
    music = replace(Score.from_notes([(60, i, 1) for i in range(12)]), metres=np.array([(0, 3, 4)], METRE))
    piece = Scored("x", music, np.arange(12) % 5 * 1.0, np.arange(12) * 480)
    np.testing.assert_allclose(piece.bars, [1, 7 / 3, 2, 5 / 3])
    assert piece.surprising_bars(2) == [(2, pytest.approx(7 / 3)), (3, pytest.approx(2))]
    sparse = Scored("x", music, np.array([1.0, 2.0]), np.array([0, 9 * 480]))
    assert np.isnan(sparse.bars[1:3]).all()
    assert [bar for bar, _ in sparse.surprising_bars()] == [4, 1]
    assert sparse.to_json()["bars"] == [1.0, None, None, 2.0]


def test_a_model_of_c_major_reads_a_piece_there(model: Model, tunes: Path):
    training = model.info["training"]
    info = model.info | {"training": training | {"options": training["options"] | {"transpose": TO_C}}}
    in_c = Model(model.folder, info, model.encoding)
    in_c.__dict__["arch"] = model.arch
    score = Score.from_notes([(62 + step, i, 1) for i, step in enumerate((0, 4, 7, 12, 7, 4, 0))])
    moved, same = score_piece(in_c, score, ""), score_piece(model, score.transpose(-2), "")
    assert moved is not None
    assert same is not None
    assert moved.transposition == -2
    np.testing.assert_array_equal(moved.surprisal, same.surprisal)
    assert moved.music.notes["pitch"].tolist() == score.notes["pitch"].tolist()


def test_pieces_that_are_scored_together_are_scored_as_each_by_itself(model: Model, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("musictool.archs._autoregressive.SCORED_TOGETHER", 3)
    monkeypatch.setattr("musictool.archs._autoregressive.SCORED", 4)
    pieces = [Score.from_notes([(60 + 2 * (i % n), i, 1) for i in range(2 * n)]) for n in (5, 1, 3, 2, 4)]
    together = surprisals(model, [Score.from_notes([]), *pieces])
    assert [score for score, _ in together] == pieces
    for piece, (_, nats) in zip(pieces, together, strict=True):
        alone = score_piece(model, piece, "")
        assert alone is not None
        np.testing.assert_allclose(nats, alone.surprisal, rtol=1e-5, atol=1e-5)


def test_tokens_that_the_vocabulary_lacks_are_counted(model: Model):
    strange = [(60 + i, 0, 7 / 4) for i in (0, 1, 2, 6)]
    piece = score_piece(model, Score.from_notes([*strange, (60, 2, 0.5), (62, 2.5, 0.5), (64, 3, 0.5)]), "")
    assert piece is not None
    assert 0 < piece.unknown < 1
    fixed = Model(model.folder, model.info, NoteDuration())
    assert len(fixed.encoding.encode(piece.music))


def test_seconds_bars_and_places_are_those_of_the_file_where_the_vocabulary_lacks_it(model: Model):
    encoding = MidiMessage()
    encoding.fit([Score.from_notes([(60 + i % 5, i, 1) for i in range(40)])])
    reader = Model(model.folder, model.info, encoding)
    reader.__dict__["arch"] = _Recorder()
    song = replace(
        Score.from_notes([(60 + i % 5, 2 + i * 1.75, 1.75) for i in range(8)]),  # of which it reads 8 quarters
        tempos=np.array([(0, 60)], TEMPO),
        metres=np.array([(0, 4, 4), (8 * 480, 2, 4)], METRE),
    )
    piece = score_piece(reader, song, "song.mid")
    assert piece is not None
    assert encoding.decode(encoding.encode(song)).end_ticks == 8 * 480
    assert piece.is_aligned
    assert (piece.seconds, piece.per_second, len(piece.bars)) == (16, 1, 6)
    np.testing.assert_array_equal(piece.music.notes, song.notes)
    messages = [2, *(2 + i * 1.75 for i in range(1, 8) for _ in range(2)), 16]  # an on; an off and an on; an off
    assert (piece.onsets_ticks / 480).tolist() == messages


def test_an_encoding_of_seconds_finds_the_bars_of_a_file_in_its_tempos(model: Model):
    reader = Model(model.folder, model.info, Performance())
    reader.__dict__["arch"] = _Recorder()
    song = replace(Score.from_notes([(60, 0, 1), (62, 2, 1)]), tempos=np.array([(0, 60), (480, 30)], TEMPO))
    piece = score_piece(reader, song, "song.mid")
    assert piece is not None
    places = dict(zip((reader.encoding.encode(song) - 3).tolist(), (piece.onsets_ticks / 480).tolist(), strict=True))
    assert (places[60], places[62]) == (0, 2)
    assert piece.seconds == 5


def test_unknown_places_are_reported(model: Model):
    reader = Model(model.folder, model.info, MidiMessage(MidiMessage.Options(tracks="concatenate")))
    reader.encoding.fit([two := _two_voices()])
    reader.__dict__["arch"] = _Recorder()
    piece = score_piece(reader, two, "two.mid")
    assert piece is not None
    assert not piece.is_aligned
    assert (piece.seconds, piece.music.seconds) == (2, 4)  # the voices one behind the other
    assert piece.per_second == len(piece.surprisal) / 2
    assert piece.to_json()["bars_of"] == "the piece as the model reads it"
    lines: list[str] = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(_output, "say", lines.append)
        patch.setattr(_output, "table", lambda rows: None)
        _report(reader, [piece])
    assert any("two.mid: these bars, and those of a picture, are NOT your file's" in line for line in lines)


def _two_voices() -> Score:
    voices = Score.from_notes([(60 + i, i, 1) for i in range(4)] * 2, [Track(), Track()])
    notes = voices.notes.copy()
    notes["track"] = np.arange(8) % 2
    return replace(voices, notes=sort_notes(notes))


class _Recorder:
    """An arch that records its conditions."""

    def surprisal_in_parts(self, rows: np.ndarray, guidance: Guidance) -> Iterator[np.ndarray]:
        self.conditions = guidance.conditions
        yield np.ones(len(rows))


def test_a_model_may_be_conditioned_on_what_a_piece_is_like(model: Model, tunes: Path, at_tiny_home: Path):
    conditions = {"controls": ["histogram"], "column": "folder", "labels": ["folk", "jazz"]}
    described = {**model.info["arch"], "conditions": 14}
    conditioned = Model(model.folder, model.info | {"conditions": conditions, "arch": described}, model.encoding)
    conditioned.__dict__["arch"] = arch = _Recorder()
    score = read(tunes / "tune-00.mid").scores[0]
    score_piece(conditioned, score, "", Constraints(label="jazz"))
    assert arch.conditions.tolist() == [0] * 12 + [0, 1]
    score_piece(conditioned, score, "")
    assert arch.conditions is None
    refused = run(f"score {tunes / 'tune-00.mid'} --label jazz")
    assert (refused.exit_code, "not trained to be asked for a label" in refused.output) == (2, True)


def test_pieces_without_such_music_are_passed_over_and_none_at_all_is_an_error(
    model: Model, tunes: Path, tmp_path: Path
):
    write(Score.from_notes([(36, 0, 1)], [Track(is_drum=True)]), tmp_path / "drums.mid")
    skipped: list[str] = []
    pieces = list(score_files(model, [tmp_path / "drums.mid", tunes / "tune-00.mid"], skipped.append))
    assert ([piece.name for piece in pieces], skipped) == (["tune-00.mid"], ["drums.mid"])
    with pytest.raises(NoMusic, match="note-chord"):
        list(score_files(model, [tmp_path / "drums.mid"]))


def test_a_file_of_several_pieces_is_scored_piece_by_piece(at_tiny_home: Path, tmp_path: Path):
    tune = "X:{0}\nT:{0}\nM:3/4\nL:1/4\nK:C\nCDE|FGA|Bcd|\n"
    (tmp_path / "tunes.abc").write_text(tune.format(1) + "\n" + tune.format(2))
    result = run(f"score {tmp_path / 'tunes.abc'} --json --out {tmp_path / 'x.png'}")
    assert result.exit_code == 0, result.output
    values = json.loads(result.output)
    assert [piece["piece"] for piece in values["pieces"]] == ["tunes.abc", "tunes.abc#2"]
    assert values["pieces"][0]["nats"] == pytest.approx(values["pieces"][1]["nats"])
    assert values["validation"]["val_loss"] > 0
    assert all((tmp_path / f"x-{n:03d}.png").stat().st_size > 5000 for n in (1, 2))


def test_the_command_tells_and_draws(at_tiny_home: Path, tunes: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(tmp_path)
    result = run(f"score {tunes / 'tune-00.mid'} {tunes / 'tune-01.mid'} --model tunes-lstm")
    assert result.exit_code == 0, result.output
    for words in (
        "nats per token",
        "nats per note",
        "nats per second",
        "own validation pieces",
        "most surprising bars",
    ):
        assert words in result.output
    assert run(f"score {tunes / 'tune-00.mid'} --where-surprised").exit_code == 0
    assert (tmp_path / "surprise.png").stat().st_size > 5000
    wrong = run(f"score {tunes / 'tune-00.mid'} --out x.mid")
    assert (wrong.exit_code, "--out x.mid" in wrong.output) == (2, True)
    assert run("score nowhere.mid").exit_code == 1
