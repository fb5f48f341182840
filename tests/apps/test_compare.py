"""The leaderboard: what it says of two archs on a tiny corpus, and that nothing finished is done twice."""

from __future__ import annotations

import csv
import json
import math
import shutil
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from musictool.apps import compare as comparing
from musictool.apps.compare import chosen, compare
from musictool.apps.leaderboard import Leaderboard, Ranked
from musictool.cli._main import main
from musictool.corpus.corpus import Corpus
from musictool.dataset.encode import encode_corpus
from musictool.errors import BadOption, Stopped, UnknownName
from musictool.metrics.units import Amount, validation_amount
from musictool.models.info import MARKER, read_info
from musictool.registry import ARCHS
from musictool.training.reporter import Reporter
from musictool.training.state import checkpoint_path, read_state

TINY = {"settings": ("width=8", "embedding=8", "layers=1"), "window": 16, "batch_size": 8}


@pytest.fixture(scope="module")
def compared(tiny_home: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Leaderboard]:
    """A home of its own, and the comparison of rnn and gru in it. Read only."""
    home = tmp_path_factory.mktemp("compared")
    shutil.copytree(tiny_home / "corpora", home / "corpora")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MUSICTOOL_HOME", str(home))
        return home, compare("tunes", ["rnn", "gru"], max_minutes=0.01, **TINY)


@pytest.fixture
def at_compared(compared: tuple[Path, Leaderboard], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of that home, to do with as one likes."""
    shutil.copytree(compared[0], tmp_path / "home")
    monkeypatch.setenv("MUSICTOOL_HOME", str(tmp_path / "home"))
    return tmp_path / "home"


def never(*arguments: Any, **options: Any) -> None:
    raise AssertionError("nothing was to be trained")


def test_it_ranks_archs_and_baselines_by_their_nats(compared: tuple[Path, Leaderboard]):
    board = compared[1]
    assert {entry.name for entry in board.entries} >= {"rnn", "gru", "unigram", "bigram", "repeat"}
    nats = [entry.nats for entry in board.entries if entry.nats is not None]
    assert nats == sorted(nats)
    assert len(nats) == len(board.entries)


def test_each_arch_says_what_it_is_and_where_it_lies(compared: tuple[Path, Leaderboard]):
    home, board = compared
    for entry in board.entries:
        if entry.name in ("rnn", "gru"):
            info = read_info(home / "saved_models" / entry.model)
            assert entry.model == f"tunes-compare-{entry.name}"
            assert info["arch"]["name"] == entry.name
            assert entry.nats == info["metrics"]["val_loss"]
            assert entry.parameters == info["metrics"]["parameters"]
            assert entry.rows_per_second is not None
            assert entry.rows_per_second > 0
            assert entry.minutes is not None
            assert 0 < entry.minutes < 0.5
        else:
            assert (entry.model, entry.parameters, entry.minutes) == ("", None, None)


def test_nats_a_note_and_a_second_are_of_the_same_music(compared: tuple[Path, Leaderboard]):
    board = compared[1]
    for entry in board.entries:
        total = entry.nats * board.amount.rows
        assert math.isclose(entry.per_note * board.amount.notes, total)
        assert math.isclose(entry.per_second * board.amount.seconds, total)


def test_the_validation_music_is_counted_in_notes_and_in_seconds_of_its_own_tempo(at_tiny_home: Path):
    corpus = Corpus.open("tunes")
    encoded = encode_corpus(corpus)
    amount = validation_amount(encoded, corpus)
    pieces = list(corpus.scores("validation"))
    assert amount.rows == sum(len(encoded.piece(index)) for index in encoded.pieces("validation").tolist())
    assert amount.notes == sum(len(score.notes) for score in pieces)  # the tunes have one note at a time
    assert math.isclose(amount.seconds, sum(score.seconds for score in pieces), rel_tol=1e-3)
    fast = validation_amount(encode_corpus(corpus, "performance"), corpus)
    assert math.isclose(fast.seconds, amount.seconds, rel_tol=1e-2)
    assert fast.rows > amount.rows


def test_what_is_finished_is_not_trained_again(at_compared: Path, monkeypatch: pytest.MonkeyPatch, compared: Any):
    monkeypatch.setattr(comparing, "train", never)
    assert compare("tunes", ["rnn", "gru"], max_minutes=0.01, **TINY) == compared[1]


def test_what_was_killed_goes_on_for_what_is_left_of_its_time(at_compared: Path, monkeypatch: pytest.MonkeyPatch):
    folder = at_compared / "saved_models" / "tunes-compare-gru"
    info = read_info(folder)
    info["training"]["finished"] = None  # as kill -9 leaves it
    (folder / MARKER).write_text(json.dumps(info))
    state = read_state(checkpoint_path(folder))
    before, given = (state["seconds"] + state["epoch_seconds"]) / 60, {}
    real = comparing.train

    def watched(*arguments: Any, **options: Any) -> Any:
        given[options["name"]] = options["max_minutes"]
        return real(*arguments, **options)

    monkeypatch.setattr(comparing, "train", watched)
    board = compare("tunes", ["rnn", "gru"], max_minutes=0.01, **TINY)
    assert given == {"tunes-compare-gru": pytest.approx(max(comparing.MIN_MINUTES, 0.01 - before))}
    assert read_info(folder)["training"]["finished"] == "time"
    assert {entry.name: entry.failure for entry in board.entries}["gru"] == ""


def test_a_model_of_another_comparison_is_neither_used_nor_touched(at_compared: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(comparing, "train", never)
    with pytest.raises(BadOption, match=r"tunes-compare-rnn belongs to another comparison .*max minutes.*--name"):
        compare("tunes", ["rnn"], max_minutes=0.1, **TINY)
    with pytest.raises(BadOption, match="differs in seed"):
        compare("tunes", ["gru"], max_minutes=0.01, seed=2, **TINY)


def test_an_arch_that_fails_does_not_cost_the_others(at_compared: Path, monkeypatch: pytest.MonkeyPatch):
    def broken(*arguments: Any, **options: Any) -> None:
        raise MemoryError("too large\nfor this machine")

    monkeypatch.setattr(comparing, "train", broken)
    board = compare("tunes", ["lstm", "rnn"], max_minutes=0.01, **TINY)
    failed = board.entries[-1]
    assert (failed.name, failed.nats, failed.failure) == ("lstm", None, "MemoryError: too large")
    assert "rnn" in [entry.name for entry in board.entries if entry.nats is not None]


def test_ctrl_c_ends_all_of_it(at_compared: Path, monkeypatch: pytest.MonkeyPatch):
    def stopped(*arguments: Any, **options: Any) -> None:
        raise Stopped("stopped in epoch 1")

    monkeypatch.setattr(comparing, "train", stopped)
    with pytest.raises(Stopped):
        compare("tunes", ["lstm"], max_minutes=0.01, **TINY)


def test_all_are_all_that_learn_the_kind_and_others_are_refused():
    assert chosen(["all"], "note-chord") == [name for name in ARCHS.names() if ARCHS.get(name).kind == "tokens"]
    assert chosen(["all"], "piano-roll") == ["chain", "rnn-nade", "rnn-rbm", "roll-lstm", "rtrbm"]
    assert chosen(["all"], "multitrack-roll") == ["multi-rnn", "rnn-rbm", "roll-lstm", "rtrbm"]
    with pytest.raises(UnknownName, match="Did you mean 'lstm'"):
        chosen(["lsmt"], "note-chord")
    with pytest.raises(BadOption, match="roll-lstm: it has no likelihood of tokens"):
        chosen(["roll-lstm"], "note-chord")
    with pytest.raises(
        BadOption,
        match="multi-rnn: it has no likelihood of frames as piano-roll writes them; chain, rnn-nade, rnn-rbm",
    ):
        chosen(["multi-rnn"], "piano-roll")
    with pytest.raises(BadOption, match="names none"):
        chosen([], "note-chord")


def entry(name: str, nats: float | None, model: str = "") -> Ranked:
    return Ranked(name, nats, nats, nats, model=model)


def board_of(*entries: Ranked) -> Leaderboard:
    return Leaderboard("tunes", "note-chord", 5, 1, Amount(10, 20, 30.0), entries)


def test_it_names_the_archs_that_do_not_beat_counting():
    with_markov = board_of(entry("a", 1, "a"), entry("markov", 2, "m"), entry("b", 3, "b"), entry("x", None))
    assert with_markov.unbeaten_by == ["b"]
    without = board_of(entry("a", 1, "a"), entry("bigram", 2), entry("b", 2.0, "b"), entry("u", 9))
    assert without.unbeaten_by == ["b"]


def test_the_table_is_written_in_three_ways(compared: tuple[Path, Leaderboard], tmp_path: Path):
    board = compared[1]
    for suffix in (".md", ".json", ".csv"):
        board.write(tmp_path / "out" / f"table{suffix}")
    lines = (tmp_path / "out" / "table.md").read_text().splitlines()
    assert lines[1] == "|" + " --- |" * 7
    assert [line.split(" | ")[0].strip("| ") for line in lines[2:]] == [each.name for each in board.entries]
    values = json.loads((tmp_path / "out" / "table.json").read_text())
    assert [each["nats"] for each in values["entries"]] == [each.nats for each in board.entries]
    with open(tmp_path / "out" / "table.csv", newline="") as file:
        assert [row["name"] for row in csv.DictReader(file)] == [each.name for each in board.entries]
    with pytest.raises(BadOption, match=r"ends with one of \.md"):
        board.write(tmp_path / "table.txt")


def test_the_command_prints_the_table_and_json(at_compared: Path, compared: Any, monkeypatch: pytest.MonkeyPatch):
    def given(*arguments: Any, begins: Any, reporter: Reporter, **options: Any) -> Leaderboard:
        begins("gru", 1, 2)
        return board_of(entry("gru", 1.5, "tunes-compare-gru"), entry("unigram", 1.25), entry("rnn", None))

    monkeypatch.setattr(comparing, "compare", given)
    result = CliRunner().invoke(main, ["compare", "--corpus", "tunes", "--out", str(at_compared / "table.md")])
    assert result.exit_code == 0, result.output
    assert "1 of 2: gru" in result.output
    assert "gru      1.500" in result.output
    assert "Not better than counting n-grams: gru." in result.output
    assert (at_compared / "table.md").exists()
    values = json.loads(CliRunner().invoke(main, ["compare", "--json"]).stdout)
    assert values["entries"][0]["name"] == "gru"
    assert values["unbeaten_by"] == ["gru"]


@pytest.mark.parametrize(
    "arguments, code, words",
    [
        ("--out table.txt", 2, "ends with one of .md .json .csv"),
        ("--max-minutes 0", 2, "--max-minutes 0.0 is not above 0"),
        ("--archs lsmt", 2, "Did you mean 'lstm'"),
        ("--encoding segments --archs lstm", 2, "lstm: it has no likelihood of segments"),
        ("--encoding note-chrod", 2, "Did you mean 'note-chord'"),
        ("--corpus tunse", 2, "Did you mean 'tunes'"),
    ],
)
def test_a_mistake_is_one_clear_line(at_tiny_home: Path, arguments: str, code: int, words: str):
    result = CliRunner().invoke(main, ["compare", *arguments.split()])
    assert result.exit_code == code
    assert words in result.output
