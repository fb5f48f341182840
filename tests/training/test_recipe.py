"""Recipes: each is one that `train` understands, builds at its real size, and learns."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import zipfile
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from musictool import options
from musictool.arch import Arch
from musictool.backend import backend
from musictool.cli._main import main
from musictool.corpus.corpus import Corpus
from musictool.dataset.encode import encode_corpus
from musictool.dataset.windows import Windows
from musictool.engine.current import within
from musictool.engine.numpy_layer import at_most
from musictool.errors import UnknownName
from musictool.fetching.public import COLLECTIONS
from musictool.music.transposition import Transposition
from musictool.preparation.sources import BUILT_IN
from musictool.registry import ARCHS, ENCODINGS
from musictool.training import recipe
from musictool.training.options import TrainOptions, begin, parse
from musictool.training.train import train

SMALL = {"embedding": 8, "width": 16, "layers": 1, "heads": 2, "segment": 16, "memory": 16, "hidden": 8}

each_recipe = pytest.mark.parametrize("name", recipe.names())


def options_of(name: str) -> TrainOptions:
    return begin(parse({"recipe": name}))


def learner(name: str, more: tuple[str, ...] = ()) -> tuple[Arch, Windows]:
    """The arch of a recipe on the corpus `tunes`, and its windows."""
    given = options_of(name)
    shifts = given.run.transpose.semitones
    encoded = encode_corpus(Corpus.open("tunes"), given.encoding, given.encoding_settings, shifts)
    arch = ARCHS.get(given.arch).sized(encoded.spec, given.size, (*given.settings, *more))
    settings = given.run.resolved(arch, "float32")
    return arch, Windows(encoded, settings.window, settings.batch_size, shifts)


def test_the_recipes_that_are_promised_are_there():
    assert set(recipe.names()) >= {
        *("tham-kim-gru", "tham-kim-rnn", "skuli-lstm", "huang-wu-bach", "huang-wu-classical", "huang-wu-muse"),
        *("huang-wu-sigmoid", "lofi-lstm", "lofi-gru", "lofi-cnn", "musicautobot", "musicautobot-multitask"),
        *("tham-kim-cnn", "tham-kim-cnn-cured", "tham-kim-vae", "tham-kim-gan", "musegan"),
    }


@each_recipe
def test_it_says_where_it_comes_from_what_it_wants_and_what_it_is_not(name: str):
    each = recipe.get(name)
    assert each.summary
    assert "\n" not in each.summary
    assert {"authors", "title"} <= set(each.source) <= {"authors", "title", "year", "address"}
    assert set(each.corpus) == {"wants", "prepare"}
    assert each.differs
    *before, source = each.corpus["prepare"].split("musictool prepare ")[1].split(" --name")[0].split()
    assert not before
    assert source in {*BUILT_IN, *COLLECTIONS, "FOLDER"} or f"fetch {source}" in each.corpus["prepare"] or "/" in source


@each_recipe
def test_train_understands_it(name: str):
    given = options_of(name)
    assert {"arch", "encoding"} <= set(recipe.get(name).train) <= {*options.to_json(TrainOptions())}
    arch, encoding = ARCHS.get(given.arch), ENCODINGS.get(given.encoding)
    assert arch.kind == encoding.kind
    options.from_settings(arch.Options, given.settings)
    given.check_encoding()


@each_recipe
def test_it_builds_at_its_real_size(name: str, at_tiny_home: Path):
    arch, windows = learner(name)
    with within("numpy"):  # in which weights take no memory before they are used
        with at_most(10_000), pytest.raises(ValueError, match="more parameters"):
            arch.build()
        arch.build()
    assert windows.steps(windows.training_plan(0)) >= 1


@pytest.mark.parametrize(
    "name",
    [
        # The networks of five instruments take TensorFlow long to trace; the laws of archs train small ones.
        pytest.param(name, marks=pytest.mark.slow if ARCHS.get(options_of(name).arch).kind == "segments" else ())
        for name in recipe.names()
    ],
)
def test_it_learns_in_a_few_steps(name: str, at_tiny_home: Path):
    backend.configure("float32", 1)
    known = {setting.partition("=")[0] for setting, _, _ in options.describe(ARCHS.get(options_of(name).arch).Options)}
    small = tuple(f"{key}={value}" for key, value in SMALL.items() if key in known)
    arch, windows = learner(name, (*small, *(("dropout=0",) if "dropout" in known else ())))
    stage, *_ = arch.stages
    windows = Windows(windows.encoded, min(16, windows.length), min(8, windows.batch_size))
    step = backend.one_device().training_step(stage, backend.one_device().optimizers_for(stage, 1e-2))
    batch = windows.batch(windows.training_plan(0), 0)
    losses = [float(sums[0] / sums[-1]) for sums in (np.asarray(step(batch)) for _ in range(8))]
    assert np.isfinite(losses).all()
    assert losses[-1] < losses[0] or stage.groups  # the critic's may rise: the generator learns as well


@pytest.mark.usefixtures("without_music")
def test_a_run_of_a_recipe_has_its_options_and_those_given_beside_it(at_new_home: Path, tunes: Path):
    from musictool.preparation.prepare import prepare

    prepare(str(tunes), name="tunes", workers=1)
    small = ("width=8", "layers=1")
    trained = train("tunes", recipe="skuli-lstm", settings=small, epochs=1, window=16, batch_size=8, seed=1)
    info = trained.model.info
    assert trained.model.name == "tunes-skuli-lstm"
    assert info["arch"]["options"] == {"embedding": 128, "width": 8, "layers": 1, "dropout": 0.3}
    assert info["encoding"]["options"]["rests"] == "drop"
    assert info["training"]["settings"]["window"] == 16
    assert info["training"]["settings"]["learning_rate"] == 0.001
    assert info["training"]["options"]["recipe"] == "skuli-lstm"


def test_what_is_given_goes_before_the_recipe():
    given = parse({"recipe": "skuli-lstm", "settings": ("width=64",), "window": 50, "transpose": None})
    assert given["settings"] == ("width=512", "layers=3", "dropout=0.3", "width=64")
    assert (given["window"], given["batch_size"], given["transpose"]) == (50, 64, Transposition(0, 0))
    assert parse(given) == given


def test_options_for_another_arch_or_encoding_are_left_out():
    given = parse({"recipe": "musicautobot", "arch": "lstm", "encoding": "remi"})
    assert "settings" not in given
    assert given["window"] == 1024
    assert "encoding_settings" not in parse({"recipe": "skuli-lstm", "encoding": "midi-message"})


def test_no_recipe_changes_nothing():
    assert recipe.over_recipe({"arch": "gru"}) == {"arch": "gru"}


def test_an_unknown_recipe_is_refused_with_the_nearest_name():
    with pytest.raises(UnknownName, match=r"unknown recipe 'skuli-lstn'\. Did you mean 'skuli-lstm'"):
        parse({"recipe": "skuli-lstn"})


def test_every_file_is_plain_json_in_the_house_spelling():
    for path in recipe.FOLDER.iterdir():
        text = path.read_text(encoding="utf-8")
        assert text == json.dumps(json.loads(text), indent=1, ensure_ascii=False) + "\n", path.name


def test_they_are_found_in_a_package_that_is_a_zip_file(tmp_path: Path):
    package = Path(str(recipe.FOLDER)).parent
    with zipfile.ZipFile(tmp_path / "package.zip", "w") as archive:
        for path in [*package.glob("*.py"), *package.glob("training/*.py"), *package.glob("recipes/*")]:
            archive.write(path, path.relative_to(package.parent))
    program = (
        "from musictool.training import recipe; print(recipe.__file__, recipe.names(), recipe.get('musegan').train)"
    )
    environment = {**os.environ, "PYTHONPATH": str(tmp_path / "package.zip")}
    done = subprocess.run(
        [sys.executable, "-P", "-c", program] if sys.version_info >= (3, 11) else [sys.executable, "-c", program],
        env=environment,
        cwd=tmp_path,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    assert "package.zip" in done.stdout
    assert "'wgan'" in done.stdout


def test_they_are_listed_with_what_they_want_and_how_to_get_it():
    text = CliRunner().invoke(main, ["list", "recipes"]).output
    assert "musictool train --recipe skuli-lstm" in text
    assert "musictool prepare bach" in text
    listed = {each["name"]: each for each in json.loads(CliRunner().invoke(main, ["list", "recipes", "--json"]).output)}
    assert sorted(listed) == recipe.names()
    assert listed["skuli-lstm"]["fixes"]["window"] == 100


def test_of_settings_that_are_repeated_beside_a_recipe_the_last_one_counts():
    settings = parse({"recipe": "huang-wu-bach", "settings": ("width=1", "width=128")})["settings"]
    assert [setting for setting in settings if setting.startswith("width")][-1] == "width=128"
