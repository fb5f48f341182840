"""musictool benchmark polyphony, as a user types it."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from musictool.apps.polyphony import published
from musictool.cli._main import main
from tests.apps.polyphony.mats import small, write

TINY = ("--epochs", "1", "--set", "width=8", "--set", "embedding=8", "--set", "hidden=4")


def typed(*words: str, name: str = "polyphony") -> Result:
    return CliRunner().invoke(main, ["benchmark", name, *words])


def chorales(path: Path) -> Path:
    """Two training pieces and a validation piece, and a test piece."""
    steps = [[72 + i % 3, 67, 64, 48] for i in range(12)]
    path.write_text(json.dumps({"train": [steps, steps[1:]], "valid": [steps[2:]], "test": [steps[:8]]}))
    return path


def test_it_prints_its_numbers_the_baselines_and_the_published_rows_of_its_class(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    path = small(tmp_path / "set.mat")
    sizes = (6, sum(range(20, 26)), 2, 24 + 17)
    monkeypatch.setattr(published, "SETS", {sizes: "jsb"})
    done = typed(str(path), "--head", "sigmoid", *TINY)
    assert done.exit_code == 0, done.output
    for words in ("this model, --head sigmoid", "baseline: keys-markov", "no test pieces", "TCN (Bai 2018)", "8.10"):
        assert words in done.output
    assert "NADE" not in done.output
    assert "estimated" not in done.output


def test_estimates_stand_in_columns_of_their_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    sizes = (6, sum(range(20, 26)), 2, 24 + 17)
    monkeypatch.setattr(published, "SETS", {sizes: "jsb"})
    tiny = ("hidden=4", "divergence_steps=1", "ais_steps=2", "ais_chains=1")
    settings = [word for setting in tiny for word in ("--set", setting)]
    done = typed(str(small(tmp_path / "set.mat")), "--head", "rtrbm", "--epochs", "1", *settings)
    assert done.exit_code == 0, done.output
    lines = {line.split("  ")[1]: line for line in done.output.splitlines() if line.startswith("  ")}
    (header,) = (line for line in done.output.splitlines() if "validation, estimated" in line)
    begin = header.index("validation, estimated")
    assert lines["this model, --head rtrbm"][header.index("validation") : begin].strip() == ""
    assert float(lines["this model, --head rtrbm"][begin:].split()[0]) < 61
    assert float(lines["this model, annealed backwards"][begin:].split()[0]) < 61
    assert lines["baseline: keys-markov"][begin : header.index("read in")].strip() == ""
    assert "6.27" in lines["RNN-RBM (Boulanger-Lewandowski 2012)"][begin:]
    assert "The estimate is by annealed importance" in done.output


def test_json_has_all_numbers_with_the_classes_apart(tmp_path: Path):
    done = typed(str(small(tmp_path / "set.mat", with_test=True)), "--json", "--seed", "3", *TINY)
    assert done.exit_code == 0, done.output
    values = json.loads(done.stdout)
    assert set(values["scores"]) == set(values["baselines"]) == {"validation", "test"}
    assert values["scores"]["validation"]["frames"] == 23 + 16
    assert values["class"] == "joint"
    assert values["set"] is None
    assert set(values["published_test_nats"]) == {"independent", "joint", "bound"}
    assert values["settings"]["seed"] == 3


@pytest.mark.parametrize(
    "words, message",
    [
        (("gone.mat",), "gone.mat: not there"),
        (("empty.mat",), "empty.mat: no pieces"),
        (("set.mat", "--set", "widht=3"), "Did you mean 'width'"),
        (("set.mat", "--head", "nade"), "'nade' is not one of 'sigmoid', 'chain', 'rnn-nade'"),
        (("set.mat", "--seed", str(2**32)), "--seed: 4294967296 is not a whole number from 0 to 4294967295"),
        (("set.mat", "--max-minutes", "0"), "--max-minutes: 0.0 is not a number above 0"),
    ],
)
def test_a_mistake_is_one_clear_line(
    words: tuple[str, ...], message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.chdir(tmp_path)
    small(tmp_path / "set.mat")
    write(tmp_path / "empty.mat", traindata=[])
    done = typed(*words)
    assert done.exit_code != 0
    assert message in done.output
    assert "Traceback" not in done.output


def test_of_chorales_it_prints_its_numbers_the_baselines_and_the_published_rows(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    from musictool.apps.chorales import published as of_chorales

    monkeypatch.setattr(of_chorales, "SIZES", (2, 1))
    done = typed(str(chorales(tmp_path / "set.json")), "--transpose", "-1..1", *TINY, name="chorales")
    assert done.exit_code == 0, done.output
    for words in ("this model, --arch chain", "by -1..1 semitones", "baseline: pitch before", "PoPE", "0.489"):
        assert words in done.output


def test_of_chorales_json_has_all_numbers(tmp_path: Path):
    tiny = ("--epochs", "1", "--set", "width=8", "--set", "embedding=8")
    path = str(chorales(tmp_path / "set.json"))
    done = typed(path, "--arch", "lstm", "--json", "--folder", str(tmp_path / "kept"), *tiny, name="chorales")
    assert done.exit_code == 0, done.output
    values = json.loads(done.stdout)
    assert set(values["scores"]) == set(values["baselines"]) == {"validation", "test"}
    assert (values["arch"], values["published"]) == ("lstm", [])


@pytest.mark.parametrize(
    "words, message",
    [
        (("gone.json",), "gone.json: not there"),
        (("set.json", "--arch", "lsmt"), "Did you mean 'lstm'"),
        (("set.json", "--arch", "vae"), "vae learns segments"),
        (("set.json", "--transpose", "1..3"), "--transpose: .* is not like -3..3"),
    ],
)
def test_of_chorales_a_mistake_is_one_clear_line(
    words: tuple[str, ...], message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.chdir(tmp_path)
    chorales(tmp_path / "set.json")
    done = typed(*words, name="chorales")
    assert done.exit_code != 0
    assert re.search(message, done.output)
    assert "Traceback" not in done.output


def test_the_group_says_what_there_is():
    done = CliRunner().invoke(main, ["benchmark", "--help"])
    assert "polyphony" in done.output
    assert "chorales" in done.output


@pytest.mark.parametrize(
    "words, message",
    [
        (("--orders", "2"), "--orders is for --orderless"),
        (("--harmonise", "2"), "--harmonise is for --orderless"),
        (("--orderless", "--arch", "lstm"), "leave out --arch"),
    ],
)
def test_what_is_for_chorales_without_an_order_is_said_before_anything_is_loaded(
    tmp_path: Path, words: tuple[str, ...], message: str
):
    done = typed(str(chorales(tmp_path / "set.json")), *words, name="chorales")
    assert done.exit_code == 2
    assert message in done.output


@pytest.mark.slow
def test_chorales_without_an_order_are_scored_per_frame_and_harmonised(tmp_path: Path):
    tiny = ("--epochs", "1", "--orders", "1", "--scored", "2", "--set", "width=4", "--set", "gibbs_steps=2")
    done = typed(str(chorales(tmp_path / "set.json")), "--orderless", "--harmonise", "1", *tiny, name="chorales")
    assert done.exit_code == 0, done.output
    for words in (
        "nats per frame",
        "this model, coconet",
        "baseline: every class",
        "parallel fifths",
        "as Bach has it",
    ):
        assert words in done.output
