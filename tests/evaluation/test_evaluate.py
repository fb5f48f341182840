"""Evaluating the tiny model, and files, beside the tiny corpus."""

from __future__ import annotations

import json
import shlex
import shutil
import subprocess
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner, Result

import musictool
from musictool.cli._main import main
from musictool.errors import BadCorpus, BadFile, BadOption, NoMusic
from musictool.evaluation import plots
from musictool.evaluation.copies import Copies
from musictool.evaluation.evaluate import evaluate, evaluate_files
from musictool.evaluation.evaluation import Evaluation
from musictool.evaluation.page import page, write_page
from musictool.evaluation.reference import Reference
from musictool.metrics.musical import FEATURES, musical_features
from musictool.metrics.told_apart import Auc, Fact, ToldApart
from musictool.models.model import Model
from musictool.music.score import Score, Track
from musictool.reading import read
from musictool.writing import write


def run(line: str) -> Result:
    return CliRunner().invoke(main, shlex.split(line), prog_name="musictool")


@pytest.fixture(scope="module")
def evaluation(tiny_home: Path) -> Evaluation:
    model = Model.open(tiny_home / "saved_models" / "tunes-lstm")
    return evaluate(model, tiny_home / "corpora" / "tunes", num=4, bars=3, seed=2)


def test_a_models_samples_stand_beside_the_validation_pieces(evaluation: Evaluation, tiny_home: Path):
    corpus = musictool.Corpus.open(tiny_home / "corpora" / "tunes")
    assert evaluation.human.names == tuple(np.array(corpus.ids)[corpus.is_validation])
    assert len(evaluation.samples) == 4
    assert max(score.bars for score in (*evaluation.samples.scores, *evaluation.human.scores)) <= 3
    assert {line.name for group in evaluation.groups for line in group.lines} >= {
        "nats per token",
        "perplexity",
        "loops",
    }


def test_samples_are_told_apart_from_human_pieces_and_so_is_what_the_encoding_makes_of_these(
    evaluation: Evaluation, tiny_home: Path, monkeypatch: pytest.MonkeyPatch
):
    assert evaluation.told_apart["samples"].samples == {}
    assert any(
        remark.startswith("To be told apart by 1 or 2 or 4 or 8 bars, 4 pieces") for remark in evaluation.remarks()
    )
    auc, fact = Auc(0.875, 0.8, 0.9, (4, 4)), Fact("notes are <too> short: 1 (people 2)", "note length", 1.0, 2.0, 0.8)
    apart = {"samples": ToldApart({1: auc}, {1: (0.51, 0.4, 0.6)}, (fact,)), "encoded": ToldApart({1: auc}, {}, ())}
    told = replace(evaluation, told_apart=apart)
    (line,) = told.groups[0].lines
    assert (line.name, line.samples, line.human, line.encoded) == (
        "1 bar",
        "0.875 (0.80 to 0.90)",
        "0.510 (0.40 to 0.60)",
        "0.875 (0.80 to 0.90)",
    )
    assert told.giveaways() == [fact.text]
    assert "<li>notes are &lt;too&gt; short: 1 (people 2)</li>" in page(told)
    assert told.to_json()["told_apart"]["samples"] == {
        "samples": {"1": {"auc": 0.875, "interval": [0.8, 0.9], "windows": [4, 4]}},
        "halves": {"1": {"auc": 0.51, "range": [0.4, 0.6]}},
        "facts": [vars(fact)],
    }


def test_files_are_told_apart_from_human_pieces(at_tiny_home: Path, tunes: Path, monkeypatch: pytest.MonkeyPatch):
    files = sorted(tunes.glob("*.mid"))
    people = [read(path).scores[0] for path in files[6:]]
    monkeypatch.setattr("musictool.metrics.told_apart.TREES", 5)
    monkeypatch.setattr(Reference, "validation_scores", lambda self, bars: people)
    evaluation = evaluate_files(files[:6], "tunes")
    values = evaluation.to_json()["told_apart"]
    assert list(values) == ["samples"]
    assert 0 <= values["samples"]["samples"]["1"]["auc"] <= 1
    assert [line.name for line in evaluation.groups[0].lines] == ["1 bar", "2 bars"]
    assert any("by 4 or 8 bars" in remark for remark in evaluation.remarks())


def test_enough_bars_are_written_to_be_told_apart_and_the_rest_of_the_measures_hear_as_many_as_people_play(
    tiny_home: Path, monkeypatch: pytest.MonkeyPatch
):
    heard = []

    def told(samples: list[Score], people: list[Score], *_: Any, **__: Any) -> ToldApart:
        heard.append((max(score.bars for score in samples), max(score.bars for score in people)))
        return ToldApart({}, {}, ())

    monkeypatch.setattr("musictool.evaluation.evaluate.told_apart", told)
    written = Score.from_notes([(60, onset, 1) for onset in range(80)])
    monkeypatch.setattr("musictool.evaluation.evaluate.written_by", lambda *_: [written] * 2)
    model = Model.open(tiny_home / "saved_models" / "tunes-lstm")
    evaluation = evaluate(model, tiny_home / "corpora" / "tunes", num=2)
    usual = evaluation.facts["bars"]
    assert heard[0][0] == 20
    assert max(score.bars for score in evaluation.samples.scores) == usual < 16


def test_the_likelihood_is_that_of_scoring_the_pieces_one_by_one(evaluation: Evaluation, tiny_home: Path):
    from musictool.generation.scoring import score_piece

    model = Model.open(tiny_home / "saved_models" / "tunes-lstm")
    corpus = musictool.Corpus.open(tiny_home / "corpora" / "tunes")
    scored = [score_piece(model, score, "") for score in corpus.scores("validation")]
    nats = sum(piece.total for piece in scored if piece) / sum(len(piece.surprisal) for piece in scored if piece)
    assert evaluation.likelihoods["human"].nats == pytest.approx(nats)
    assert evaluation.likelihoods["human"].perplexity == pytest.approx(np.exp(nats))
    assert {"unigram", "bigram", "repeat", "samples"} <= set(evaluation.likelihoods)


def test_the_baselines_counted_again_are_those_of_training(tiny_home: Path, at_tiny_home: Path):
    from musictool.evaluation.likelihood import baseline_likelihoods, of_model

    model = Model.open("tunes-lstm")
    corpus = musictool.Corpus.open("tunes")
    validation = np.flatnonzero(corpus.is_validation).tolist()
    human = of_model(model, [corpus.score(i) for i in validation])
    assert human is not None
    counted, stored = (
        {name: baseline.nats for name, baseline in baseline_likelihoods(model, corpus, human, own, validation).items()}
        for own in (False, True)
    )
    assert stored["unigram"] == pytest.approx(model.info["metrics"]["baselines"]["unigram"])
    assert counted == pytest.approx(stored)


def test_an_arch_without_a_likelihood_has_no_such_lines(tiny_home: Path, monkeypatch: pytest.MonkeyPatch):
    model = Model.open(tiny_home / "saved_models" / "tunes-lstm")

    def refuses(*_: Any) -> None:
        raise BadOption("this arch has no likelihood")

    monkeypatch.setattr(model.arch, "surprisals", refuses)
    evaluation = evaluate(model, tiny_home / "corpora" / "tunes", num=2, bars=1)
    assert evaluation.likelihoods == {}
    assert "likelihood" not in [group.name for group in evaluation.groups]
    assert evaluation.to_json()["likelihood"] == {}


def test_the_same_seed_measures_the_same(evaluation: Evaluation, tiny_home: Path):
    model = Model.open(tiny_home / "saved_models" / "tunes-lstm")
    again = evaluate(model, tiny_home / "corpora" / "tunes", num=4, bars=3, seed=2)
    assert json.dumps(again.to_json()) == json.dumps(evaluation.to_json())


def test_files_are_measured_whole_and_their_numbers_are_in_the_json(at_tiny_home: Path, tunes: Path):
    files = sorted(tunes.glob("*.mid"))[:3]
    values = evaluate_files(files, "tunes").to_json()
    for path, piece in zip(files, values["pieces"]["samples"], strict=True):
        expected = musical_features(read(path).scores[0])
        assert piece["piece"] == path.name
        assert {name: piece[name] for name in FEATURES} == {n: None if np.isnan(v) else v for n, v in expected.items()}


def test_empty_cells_of_a_single_file_are_accounted_for(at_tiny_home: Path, tunes: Path):
    first, second = sorted(tunes.glob("*.mid"))[:2]
    one, two = evaluate_files([first], "tunes"), evaluate_files([first, second], "tunes")
    assert [remark.split()[0] for remark in one.remarks()] == ["One", "To", "Likelihood"]
    assert [remark.split()[0] for remark in two.remarks()] == ["To", "Likelihood"]
    spread = [
        any("±" in line.samples for group in evaluation.groups for line in group.lines) for evaluation in (one, two)
    ]
    assert spread == [False, True]


def test_a_training_piece_is_reported_as_a_copy_with_its_source(at_tiny_home: Path, tunes: Path, tmp_path: Path):
    corpus = musictool.Corpus.open("tunes")
    learnt = str(np.array(corpus.ids)[~corpus.is_validation][0])
    higher = read(tunes / learnt).scores[0].transpose(2)
    write(higher, tmp_path / "own.mid")
    (piece,) = evaluate_files([tmp_path / "own.mid"], "tunes").to_json()["pieces"]["samples"]
    assert piece["copied"]["share"] == 1
    assert piece["copied"]["longest"] == int(higher.notes["onset_ticks"].max()) // 120 + 1
    assert (piece["copied"]["bar"], piece["copied"]["piece_bar"]) == (1, 1)


def test_the_index_of_copies_is_kept_beside_the_corpus_and_built_again_when_it_is_damaged(at_tiny_home: Path):
    corpus = musictool.Corpus.open("tunes")
    first = Copies(corpus).index
    path = corpus.folder / "copies.h5"
    kept = path.read_bytes()
    path.write_bytes(b"damaged")
    again = Copies(corpus).index
    assert path.read_bytes() == kept
    np.testing.assert_array_equal(first.windows, again.windows)
    np.testing.assert_array_equal(Copies(corpus).index.places, first.places)


def test_the_report_says_whether_a_copy_is_longer_than_those_of_human_pieces(at_tiny_home: Path):
    corpus = musictool.Corpus.open("tunes")
    copies = Copies(corpus)
    learnt = next(corpus.scores("train"))
    copies.__dict__["human"] = np.array([20])
    assert copies.report(learnt).startswith("warning: ")
    assert ".mid from bar 1 on" in copies.report(learnt)
    copies.__dict__["human"] = np.array([500])
    assert copies.report(learnt).startswith("copies no more than human pieces do")
    assert copies.report(Score.from_notes([(60, 0, 1)])) == "too few notes to be a copy"
    other = [(40 + 7 * i % 40, 1.25 * i, 0.25) for i in range(20)]
    assert copies.report(Score.from_notes(other)) == "nothing of it is in the training pieces"


def test_sample_warns_of_copies(at_tiny_home: Path, tmp_path: Path):
    result = run(f"sample --length 20 --seed 1 --check-copies --out {tmp_path / 'song.mid'}")
    assert result.exit_code == 0
    assert any(
        words in result.output for words in ("warning:", "no more than human pieces", "nothing of it", "too few notes")
    )


def test_numbers_of_a_band_are_shown_where_two_instruments_play(at_tiny_home: Path, tunes: Path, tmp_path: Path):
    assert "band" not in [group.name for group in evaluate_files(sorted(tunes.glob("*.mid"))[:2], "tunes").groups]
    score = read(tunes / "tune-00.mid").scores[0]
    notes = np.concatenate([score.notes, score.notes])
    notes["track"][len(score.notes) :] = 1
    write(replace(score, notes=notes, tracks=(Track(0), Track(33))), tmp_path / "two.mid")
    (band,) = (g for g in evaluate_files([tmp_path / "two.mid"], "tunes").groups if g.name == "band")
    assert {line.name: line.samples for line in band.lines}["tonal_distance:bass-piano"] == "0.000"
    assert not any("strings" in line.name for line in band.lines)


def test_the_command_prints_a_table_and_json_and_writes_the_page(at_tiny_home: Path, tunes: Path, tmp_path: Path):
    line = f"evaluate {tunes / 'tune-00.mid'} {tunes / 'tune-01.mid'} --against tunes"
    result = run(f"{line} --html {tmp_path / 'new' / 'page.html'}")
    assert result.exit_code == 0
    assert "scale_consistency" in result.output
    assert (tmp_path / "new" / "page.html").exists()
    values = json.loads(run(f"{line} --json").output)
    assert set(values["features"]) == set(FEATURES)
    assert values["features"]["pitch_range"]["samples"]["mean"] == 12


def test_the_command_evaluates_the_model_trained_last(at_tiny_home: Path):
    values = json.loads(run("evaluate --num 2 --bars 2 --json").output)
    assert (values["model"], values["corpus"], values["samples"]) == ("tunes-lstm", "tunes", 2)
    assert values["likelihood"]["human"]["accuracy"] is not None


@pytest.mark.parametrize(
    "line, code, words",
    [
        ("evaluate nowhere", 2, "unknown model 'nowhere'"),
        ("evaluate --corpus nowhere", 2, "unknown corpus 'nowhere'"),
        ("evaluate --num 1", 2, "--num 1"),
        ("evaluate --num 100000", 2, "--num 100000 is not from 2 to 10000"),
        ("evaluate --bars 0", 2, "--bars 0"),
        ("evaluate song.mid", 2, "--against CORPUS"),
        ("evaluate a b", 2, "--against CORPUS"),
        ("evaluate --against tunes", 1, "FILES"),
        ("evaluate song.mid --against tunes", 1, "song.mid"),
        ("evaluate sound.mid --against tunes", 1, "sound.mid: not MIDI"),
        ("evaluate song.mid --against nowhere", 2, "unknown corpus 'nowhere'"),
        ("evaluate song.mid --against tunes --bars 3", 2, "--bars"),
        ("evaluate song.mid --against tunes --num 0", 2, "--num 0 is not at least 1"),
        ("evaluate --html page.png", 2, "page.png"),
        ("evaluate --html .", 2, "--html"),
    ],
)
def test_a_mistake_is_one_clear_line(
    at_tiny_home: Path, line: str, code: int, words: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "sound.mid").write_bytes(b"RIFF\x24\x00\x00\x00WAVEfmt ")
    result = run(line)
    assert result.exit_code == code, result.output
    assert words in result.output
    assert "Traceback" not in result.output


def test_a_corpus_that_has_gone_is_one_clear_line(tiny_home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    shutil.copytree(tiny_home / "saved_models", tmp_path / "saved_models")
    monkeypatch.setenv("MUSICTOOL_HOME", str(tmp_path))
    path = tmp_path / "saved_models" / "tunes-lstm" / "model.json"
    info = json.loads(path.read_text())
    info["corpus"]["folder"] = str(tmp_path / "gone")
    path.write_text(json.dumps(info))
    with pytest.raises(BadCorpus, match=r"gone.*--corpus NAME"):
        evaluate("tunes-lstm", num=2)


def test_a_corpus_without_validation_pieces_is_refused(at_new_home: Path, tunes: Path):
    (at_new_home / "one").mkdir()
    shutil.copy(tunes / "tune-00.mid", at_new_home / "one")
    musictool.prepare(str(at_new_home / "one"), name="one", workers=1)
    with pytest.raises(BadCorpus, match="no validation piece"):
        evaluate_files([tunes / "tune-00.mid"], "one")


def test_a_file_without_notes_is_refused(at_tiny_home: Path, tmp_path: Path):
    header = b"MThd" + bytes([0, 0, 0, 6, 0, 0, 0, 1, 1, 224])
    (tmp_path / "empty.mid").write_bytes(header + b"MTrk" + bytes([0, 0, 0, 4, 0, 255, 47, 0]))
    with pytest.raises(BadFile, match=r"empty\.mid"):
        evaluate_files([tmp_path / "empty.mid"], "tunes")


def test_a_model_that_writes_nothing_is_refused(tiny_home: Path, monkeypatch: pytest.MonkeyPatch):
    from musictool.generation.sample import Generation

    monkeypatch.setattr(Generation, "pieces", lambda self: [Score.from_notes([])] * self.request.num)
    with pytest.raises(NoMusic, match="train it longer"):
        evaluate(Model.open(tiny_home / "saved_models" / "tunes-lstm"), tiny_home / "corpora" / "tunes", num=2, bars=1)


def test_a_sample_without_a_note_is_counted_and_not_refused(evaluation: Evaluation, tiny_home: Path, monkeypatch: Any):
    from musictool.generation.sample import Generation

    some = [Score.from_notes([]), evaluation.samples.scores[0]]
    monkeypatch.setattr(Generation, "pieces", lambda self: some)
    model = Model.open(tiny_home / "saved_models" / "tunes-lstm")
    silent = evaluate(model, tiny_home / "corpora" / "tunes", num=2, bars=1)
    assert silent.to_json()["pieces"]["samples"][0]["notes"] == 0
    assert silent.to_json()["features"]["pitch_range"]["samples"]["pieces"] == 1
    assert "<svg" in page(silent)


def test_the_page_needs_nothing_from_elsewhere_and_is_the_same_each_time(evaluation: Evaluation):
    html = page(evaluation)
    assert html == page(evaluation)
    assert html.count("<svg") == html.count("</svg>") == 6
    assert "<script" not in html
    assert "@import" not in html
    assert not any(f'{name}="http' in html for name in ("src", "href"))
    assert "nan" not in html.lower().replace("nance", "")


def test_a_page_of_one_piece_against_itself_has_no_feature_to_draw(evaluation: Evaluation, monkeypatch: Any):
    monkeypatch.setattr(plots, "_is_spread", lambda name, sides: False)
    assert plots.features(evaluation) == ""
    assert page(evaluation).count("<svg") < 6


def test_a_roll_is_drawn_with_the_pitches_that_it_has():
    roll = np.zeros((64, 128), np.uint8)
    roll[40, [60, 64]] = 1
    assert plots.used_part(roll).shape == (41, 7)
    roll[10, [0, 127]] = 1
    assert plots.used_part(roll).shape == (41, 128)
    assert plots.used_part(roll).sum() == 4
    assert plots.used_part(0 * roll).shape == (32, 15)


def test_names_of_pieces_are_text_on_the_page(at_tiny_home: Path, tunes: Path, tmp_path: Path):
    shutil.copy(tunes / "tune-00.mid", tmp_path / "<b>&.mid")
    html = page(evaluate_files([tmp_path / "<b>&.mid"], "tunes"))
    assert "&lt;b&gt;&amp;.mid" in html
    assert "<b>" not in html


@pytest.mark.slow
def test_a_browser_shows_the_page(evaluation: Evaluation, tmp_path: Path):
    browser = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    if browser is None:
        pytest.skip("no chromium on PATH to open the page with")
    import matplotlib.image

    write_page(evaluation, tmp_path / "page.html")
    options = ["--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars", "--window-size=900,4200"]
    shot = tmp_path / "page.png"
    command = [browser, *options, f"--screenshot={shot}", (tmp_path / "page.html").as_uri()]
    subprocess.run(command, check=True, capture_output=True, timeout=120)
    picture = np.round(matplotlib.image.imread(shot)[..., :3] * 255)
    assert picture.shape[:2] == (4200, 900)
    for colour in plots.COLOURS.values():
        wanted = [int(colour[at : at + 2], 16) for at in (1, 3, 5)]
        assert (picture == wanted).all(axis=2).sum() > 100, colour
