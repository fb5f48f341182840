from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from musictool.cli._main import main
from musictool.encodings.piano_roll import PianoRoll
from musictool.errors import BadFile, BadOption, UnknownName
from musictool.generation.guidance import guidance_of
from musictool.generation.primers import read_primer, typed
from musictool.generation.request import Constraints, Request
from musictool.generation.sample import Generation, sample
from musictool.models.model import Model
from musictool.music.scales import classes_of
from musictool.music.score import Score
from musictool.music.transposition import TO_C
from musictool.options import build
from musictool.sampling.sampler import Sampler


@pytest.fixture(scope="module")
def model(tiny_home: Path) -> Model:
    return Model.open(tiny_home / "saved_models" / "tunes-lstm")


def in_c(model: Model) -> Model:
    """The same, as if it had been trained on pieces moved to C major and A minor."""
    training = model.info["training"]
    info = model.info | {"training": training | {"options": training["options"] | {"transpose": TO_C}}}
    return Model(model.folder, info, model.encoding)


def notes_of(score: Score) -> list[tuple[int, float, float]]:
    """(pitch, onset, duration), the last two in quarter notes."""
    return [(n["pitch"], n["onset_ticks"] / 480, n["duration_ticks"] / 480) for n in score.notes]


@pytest.mark.parametrize(
    "text, notes",
    [
        ("C4 E4 G4", [(60, 0, 1), (64, 1, 1), (67, 2, 1)]),
        ("f#3:0.5, Bb5:2,", [(54, 0, 0.5), (82, 0.5, 2)]),
        ("C4+E4+G4:1/2 R:1.5 C5", [(60, 0, 0.5), (64, 0, 0.5), (67, 0, 0.5), (72, 2, 1)]),
    ],
)
def test_notes_may_be_typed(text: str, notes: list[tuple[int, float, float]]):
    assert notes_of(typed(text)) == notes
    assert notes_of(read_primer(text)) == notes


@pytest.mark.parametrize(
    "text, why",
    [("", "there are no notes"), ("C4 X", "X is no note"), ("R R:2", "only rests"), ("song.mid", "no such file")]
    + [("C4++E4", r"C4\+\+E4 lacks a note"), ("C4 E4+", r"E4\+ lacks a note")]
    + [
        (f"C4:{length}", "none from 1/64 to 64") for length in ("0", "1/0", "x", "nan", "", "-1", "1e-9", "1e999999999")
    ],
)
def test_what_is_neither_a_file_nor_notes_names_both_forms_and_the_reason(
    text: str, why: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.chdir(tmp_path)  # where `make song` has left no song.mid
    with pytest.raises(BadFile, match=f"neither a music file nor notes.*{why}"):
        read_primer(text)


def test_of_a_file_of_several_pieces_the_first_is_the_primer_with_a_warning(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
):
    tune = "X:{0}\nT:{0}\nM:3/4\nL:1/4\nK:C\n{1}|\n"
    (tmp_path / "tunes.abc").write_text(tune.format(1, "CDE") + "\n" + tune.format(2, "G3"))
    assert len(read_primer(tmp_path / "tunes.abc").notes) == 3
    assert "has 2 pieces" in caplog.text


def test_a_file_comes_before_notes_of_its_name(tunes: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "C4").write_text("no music")
    with pytest.raises(BadFile, match="unknown suffix"):
        read_primer("C4")
    assert len(read_primer(str(tunes / "tune-00.mid")).notes) == 24


def test_the_end_of_a_given_primer_is_read_and_all_of_it_is_kept(model: Model, tunes: Path):
    request = {"length": 9, "primer": tunes / "tune-00.mid", "seed": 2}
    whole, end = Generation(model, Request(**request)), Generation(model, Request(**request, primer_length=5))
    assert whole.model_input.shape == (1, 1 + 24)
    np.testing.assert_array_equal(end.model_input[0, 1:], whole.model_input[0, -5:])
    (kept,) = sample(model, Request(**request, primer_length=5, keep_primer=True))
    assert kept.notes["pitch"][:24].tolist() == read_primer(tunes / "tune-00.mid").notes["pitch"].tolist()


def test_the_opening_of_the_models_own_primers_is_read(model: Model):
    whole, opening = (Generation(model, Request(length=9, num=2, primer_length=n)) for n in (None, 3))
    assert whole.model_input.shape == (2, 1 + min(len(rows) for rows in model.primers))
    np.testing.assert_array_equal(opening.model_input, whole.model_input[:, :4])


@pytest.mark.parametrize(
    "constraints", [Constraints("A minor"), Constraints("D", "pentatonic"), Constraints("C", pitch_range="60-70")]
)
def test_no_note_is_begun_outside_of_the_constraints(model: Model, constraints: Constraints):
    wild = Sampler(temperature=3.0, top_p=1.0)
    (free,) = sample(model, Request(length=300, seed=1, sampler=wild))
    assert not constraints.pitches[free.notes["pitch"]].all()
    for piece in sample(model, Request(length=300, num=2, seed=1, sampler=wild, constraints=constraints)):
        assert constraints.pitches[piece.notes["pitch"]].all()
        assert len(np.unique(piece.notes["pitch"])) > 1


@pytest.mark.parametrize("primer", [None, "D4 F#4 A4 D5 C#5 E4"])
def test_a_model_of_c_major_writes_in_the_key_that_is_asked_for(model: Model, primer: str | None):
    constraints = Constraints("D major")
    generation = Generation(in_c(model), Request(length=200, seed=1, primer=primer, constraints=constraints))
    assert generation.transposition == -2
    (piece,) = generation.scores()
    assert constraints.pitches[piece.notes["pitch"]].all()
    onset_mask, banned = model.encoding.onset_pitches(), generation.guidance.banned
    assert banned is not None
    left = np.flatnonzero(onset_mask[~banned].any(axis=0)) % 12
    assert classes_of((0, False), None)[left].all()


def test_the_histogram_that_is_asked_for_moves_with_a_model_of_c_major(model: Model):
    conditions = {"controls": ["histogram"], "column": "", "labels": []}
    arch = {**model.info["arch"], "conditions": 12}
    conditioned = Model(model.folder, model.info | {"conditions": conditions, "arch": arch}, model.encoding)
    guidance = guidance_of(conditioned, build(Constraints, {"histogram": "0,0,1,0,0,0,0,0,0,0,0,0"}), transposition=-2)
    assert guidance.conditions is not None
    assert guidance.conditions.tolist() == [1] + [0] * 11


def test_the_penalty_knows_which_tokens_begin_notes(model: Model):
    onset_mask = Generation(model, Request(length=9, sampler=Sampler(repetition_penalty=1.2))).guidance.onset_mask
    assert onset_mask is not None
    rests = [index for index in range(3, model.spec.size) if model.encoding.texts.text_of(index).startswith("rest")]
    assert rests
    assert not onset_mask[[0, 1, 2, *rests]].any()
    assert onset_mask.sum() == model.spec.size - 3 - len(rests)


@pytest.mark.parametrize(
    "values, words",
    [
        ({"pitch_range": "0-3"}, "--pitch-range 0-3 leaves this model no notes"),
        ({"key": "C", "pitch_range": "C#4-C#4"}, "--key C --pitch-range"),
        ({"density": 4.0}, "not trained to be asked for a density"),
        ({"label": "jazz"}, "train one with --label"),
    ],
)
def test_what_this_model_cannot_do_is_one_clear_line(model: Model, values: dict[str, str], words: str):
    with pytest.raises(BadOption, match=words):
        Generation(model, Request(length=9, constraints=Constraints(**values)))


def test_what_nobody_can_do_is_refused_at_once():
    for wrong, error in (
        ({"key": "H"}, BadOption),
        ({"scale": "dorain"}, UnknownName),
        ({"pitch_range": "x"}, BadOption),
    ):
        with pytest.raises(error):
            Constraints(**wrong)
    with pytest.raises(BadOption, match="--pitch-histogram"):
        build(Constraints, {"histogram": "1,2,3"})


@pytest.mark.parametrize(
    "sampler", [Sampler(top_k=3), Sampler(top_p=0.5), Sampler(min_p=0.1), Sampler(loop_guard=False)]
)
def test_a_model_of_frames_has_no_tokens_to_choose_among(model: Model, sampler: Sampler):
    rolls = Model(model.folder, model.info, PianoRoll(PianoRoll.Options(onsets=False)))
    with pytest.raises(BadOption, match=r"choose among tokens.*--temperature"):
        Generation(rolls, Request(length=9, sampler=sampler))
    with pytest.raises(BadOption, match="--top-k"):
        Request(length=9).check_model(rolls, ["temperature", "top_k"])
    Request(length=9).check_model(model, ["temperature", "top_k"])
    constraints = Constraints("C", pitch_range="48-84")
    banned = Generation(rolls, Request(length=9, constraints=constraints)).guidance.banned
    np.testing.assert_array_equal(banned, ~constraints.pitches[21:109])


@pytest.mark.parametrize("option", ["--top-p 0.95", "--no-loop-guard", "--top-k 0"])
def test_what_frames_cannot_use_is_refused_even_with_its_default_value(
    model: Model, at_tiny_home: Path, option: str, monkeypatch: pytest.MonkeyPatch
):
    rolls = Model(model.folder, model.info, PianoRoll(PianoRoll.Options(onsets=False)))
    monkeypatch.setattr(Model, "open", lambda name: rolls)
    result = CliRunner().invoke(main, ["sample", "--length", "9", *option.split()])
    assert (result.exit_code, "choose among tokens" in result.output) == (2, True)
