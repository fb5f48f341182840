"""What is released, checked: `make release-check` builds wheel and sdist, and lets a model play from the wheel alone.

Run by itself, not by pytest: it takes a while, and --full downloads every package that musictool needs. Without --full
the new environment borrows them from this one; musictool itself comes from the wheel in either case.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import sysconfig
import tarfile
import tempfile
import venv
import zipfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
MOST_WHEEL_BYTES, MOST_MODEL_BYTES, MOST_MODELS_BYTES = 60_000_000, 4_000_000, 30_000_000
PLAY = """
import sys
from musictool.cli._main import main
main(["sample", {model!r}, "--bars", "8", "--seed", "1", "--out", "song.mid"], standalone_mode=False)
assert "tensorflow" not in sys.modules, "TensorFlow was started to play a model that ships"
"""


def main() -> None:
    parser = argparse.ArgumentParser(description="Check what would be released.")
    parser.add_argument("--full", action="store_true", help="install every package anew, as a user would")
    full = parser.parse_args().full
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        run(sys.executable, "-m", "build", "--no-isolation", "--outdir", str(folder / "dist"), str(ROOT))
        (wheel,), (sdist,) = ((folder / "dist").glob(pattern) for pattern in ("*.whl", "*.tar.gz"))
        run(sys.executable, "-m", "twine", "check", "--strict", str(wheel), str(sdist))
        models = check_wheel(wheel)
        check_sdist(sdist, models)
        python = environment(folder / "environment", wheel, full)
        play(python, folder / "empty", "baroque" if "baroque" in models else models[0])
    print("release-check: all is well")


def run(*command: str, **options: object) -> None:
    print("$", *command, flush=True)
    subprocess.run(command, check=True, **options)  # type: ignore[call-overload]


def check_wheel(wheel: Path) -> list[str]:
    """The names of the models in a wheel; exits with a line if it is too large, or has what it ought not to have."""
    with zipfile.ZipFile(wheel) as archive:
        sizes = {info.filename: info.file_size for info in archive.infolist()}
    shipped = [name for name in sizes if name.startswith("musictool/shipped/") and name.count("/") == 3]
    models = sorted({name.split("/")[2] for name in shipped})
    weights = {
        model: sum(sizes[name] for name in shipped if name.split("/")[2] == model and name.endswith(".weights.h5"))
        for model in models
    }
    size = wheel.stat().st_size
    print(f"{wheel.name}: {size / 1e6:.1f} MB, {len(sizes)} files; models: {', '.join(models) or 'none'}")
    expect(size < MOST_WHEEL_BYTES, f"the wheel has {size:,} bytes")
    expect(bool(models), "no model ships: none of saved_models/ has a card.json")
    expect(max(weights.values()) <= MOST_MODEL_BYTES, f"weights of more than 4 MB: {weights}")
    expect(sum(sizes[name] for name in shipped) <= MOST_MODELS_BYTES, "the models have more than 30 MB")
    for model in models:
        for name in ("model.json", "card.json", "README.md", "primers.h5", "sample.mid", "sample.png"):
            expect(f"musictool/shipped/{model}/{name}" in sizes, f"{model} ships without {name}")
    for name in ("LICENSE", "NOTICE"):
        expect(any(each.endswith(f"licenses/{name}") for each in sizes), f"no {name} in the wheel")
    expect(not any(each.startswith(("tests/", "genres/", "docs/")) for each in sizes), "more than the package")
    return models


def check_sdist(sdist: Path, models: list[str]) -> None:
    with tarfile.open(sdist) as archive:
        names = {name.partition("/")[2] for name in archive.getnames()}
    wanted = [
        "NOTICE",
        "LICENSE",
        "Makefile",
        "genres/table.py",
        *(f"saved_models/{each}/card.json" for each in models),
    ]
    for name in wanted:
        expect(name in names, f"no {name} in the sdist")


def environment(folder: Path, wheel: Path, full: bool) -> Path:
    """The Python of a new environment with the wheel in it."""
    venv.create(folder, with_pip=True)
    python = folder / "bin" / "python"
    run(str(python), "-m", "pip", "install", "--quiet", *([] if full else ["--no-deps"]), str(wheel))
    if not full:
        own = Path(sysconfig.get_path("purelib"))
        (place,) = folder.glob("lib/python*/site-packages")
        (place / "borrowed.pth").write_text(f"{own}\n")
    return python


def play(python: Path, folder: Path, model: str) -> None:
    folder.mkdir()
    clean = {name: value for name, value in os.environ.items() if name not in ("MUSICTOOL_HOME", "PYTHONPATH")}
    run(str(python), "-m", "musictool", "list", "models", cwd=folder, env=clean)
    run(str(python), "-m", "musictool", "info", model, cwd=folder, env=clean)
    run(str(python), "-c", PLAY.format(model=model), cwd=folder, env=clean)
    expect((folder / "song.mid").stat().st_size > 100, "it wrote no song")


def expect(is_so: bool, otherwise: str) -> None:
    if not is_so:
        sys.exit(f"release-check: {otherwise}")


if __name__ == "__main__":
    main()
