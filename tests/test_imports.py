"""Who may import whom (the layers of the house), and what stays above the TensorFlow line."""

from __future__ import annotations

import ast
import json
import subprocess
import sys
from functools import cache
from pathlib import Path

import pytest

from musictool.registry import COMMANDS

PACKAGE = Path(__file__).parent.parent / "musictool"

# From the ground up: what stands on a line imports only what stands on lines before it. A name is a folder of the
# package, or one of the modules that stand beside the folders.
LAYERS = [
    {"", "errors", "progress", "ragged"},
    {"registry", "options", "atomic", "home", "workers", "music", "engine", "strict"},
    {"fetching", "catalogue", "encoding", "reading", "writing", "corpus"},
    {"vocabulary", "sampling"},
    {"encodings", "readers", "sound", "drawing", "layers"},
    {"writers", "dataset"},
    {"arch", "metrics", "preparation"},
    {"backend"},
    {"archs"},
    {"models"},
    {"generation"},
    {"training"},
    {"evaluation", "plots"},
    {"apps"},
    {"web"},
    {"cli"},
    {"__main__"},
]
LEVEL = {name: level for level, names in enumerate(LAYERS) for name in names}
# Keras may be imported here, and TensorFlow in backend; everywhere else only within what needs a network to be built.
KERAS = {
    "engine",
    "sampling",
    "layers",
    "arch",
    "backend",
    "archs",
    "models",
    "generation",
    "training",
    "evaluation",
    "apps",
}
SIBLINGS = ("readers", "writers", "encodings", "archs", "cli", "plots")  # folders whose files are entries of a registry


@cache
def modules() -> list[Path]:
    return sorted(PACKAGE.rglob("*.py"))


def part(name: str) -> str:
    """What LAYERS knows of a module: musictool.archs.lstm -> archs, musictool.errors -> errors."""
    return ".".join(name.split(".")[1:2])


@cache
def imports(path: Path, top_level_only: bool = False) -> set[str]:
    """Dotted names of what a file imports, `from musictool import gm` as musictool.gm."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    nodes = tree.body if top_level_only else list(ast.walk(tree))
    found = set()
    for node in nodes:
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module == "musictool":
            found |= {
                f"musictool.{alias.name}"
                if (PACKAGE / f"{alias.name}.py").exists()
                else f"musictool.{alias.name}"
                if (PACKAGE / alias.name).is_dir()
                else "musictool"
                for alias in node.names
            }
        elif isinstance(node, ast.ImportFrom) and node.module:
            inner = PACKAGE.parent / Path(*node.module.split("."))
            found |= {
                f"{node.module}.{alias.name}" if (inner / f"{alias.name}.py").exists() else node.module
                for alias in node.names
            }
    return found


def name_of(path: Path) -> str:
    parts = path.relative_to(PACKAGE.parent).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def imported(*folders: str, but: str = "", top_level_only: bool = False) -> list[tuple[str, str]]:
    """(module, what it imports) for all modules of some folders, or of all; without module `but`."""
    names = {name_of(path): path for path in modules()}
    return [
        (module, name)
        for module, path in names.items()
        if module != but and (not folders or part(module) in folders)
        for name in sorted(imports(path, top_level_only))
    ]


def test_every_folder_has_its_place():
    assert {part(name_of(path)) for path in modules()} <= {*LEVEL}, "give it its place in LAYERS"


def test_a_lower_layer_never_imports_a_higher_one():
    ours = [(module, name) for module, name in imported() if name.split(".")[0] == "musictool"]
    others = [(module, name) for module, name in ours if part(name) != part(module)]
    assert len(others) > 1000
    assert [pair for pair in others if LEVEL[part(pair[1])] >= LEVEL[part(pair[0])]] == []


def test_siblings_share_through_underscore_files_only():
    siblings = []
    for module, name in imported(*SIBLINGS):
        parts = name.split(".")
        if parts[:2] == ["musictool", part(module)] and len(parts) == 3:
            siblings.append((module.rsplit(".", 1)[-1], parts[2]))
    assert len(siblings) > 50
    assert [pair for pair in siblings if not any(name.startswith("_") for name in pair)] == []


def test_above_the_line_nothing_imports_tensorflow():
    silences = "musictool.cli._output"  # what TensorFlow says while it is imported, when a command needs it
    heavy = [(module, name) for module, name in imported(but=silences) if name.split(".")[0] in ("tensorflow", "keras")]
    assert {part(module) for module, name in heavy if name.split(".")[0] == "tensorflow"} == {"backend"}
    assert {part(module) for module, _ in heavy} <= {*KERAS}


def test_archs_and_layers_are_written_for_either_engine():
    either = ("archs", "layers", "sampling")
    assert not {name.split(".")[0] for _, name in imported(*either)} & {"tensorflow", "jax", "torch"}
    gradients = "musictool.layers._recurrences"  # which only Keras needs
    assert "keras" not in {name.split(".")[0] for _, name in imported(*either, but=gradients, top_level_only=True)}


def test_encodings_know_nothing_of_archs():
    assert not {part(name) for _, name in imported("encodings")} & {"archs", "models"}


def loaded_after(code: str, cwd: Path) -> set[str]:
    """Top-level packages in memory after running `code` in a fresh interpreter."""
    program = f"import sys\n{code}\nprint('\\n' + ' '.join(sorted(m for m in sys.modules if '.' not in m)))"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, cwd=cwd)
    assert done.returncode == 0, done.stderr
    return set(done.stdout.splitlines()[-1].split())


def running(*args: str) -> str:
    return f"from musictool.cli._main import main\nmain({list(args)!r}, standalone_mode=False)"


@pytest.mark.parametrize("command", ["", *COMMANDS.names()])
def test_help_loads_nothing_heavy(command: str, tmp_path: Path):
    arguments = [*command.split(), "--help"]
    code = f"from musictool.cli._main import main\ntry: main({arguments!r})\nexcept SystemExit: pass"
    assert not loaded_after(code, tmp_path) & {
        "tensorflow",
        "keras",
        "numpy",
        "symusic",
        "h5py",
        "music21",
        "matplotlib",
    }


@pytest.mark.parametrize("what", ["archs", "encodings", "corpora", "models", "plots"])
def test_list_leaves_tensorflow_unimported(what: str, at_tiny_home: Path):
    assert not loaded_after(running("list", what), at_tiny_home) & {"tensorflow", "keras", "music21"}


def test_prepare_render_and_info_leave_tensorflow_unimported(tunes: Path, at_new_home: Path, tiny_home: Path):
    commands = [
        ("prepare", str(tunes), "--workers", "1"),
        ("render", str(tunes / "tune-00.mid"), "--out", "x.wav", "--out", "x.png"),
        ("info", tunes.name),
        ("info", str(tunes / "tune-00.mid")),
        ("info", str(tiny_home / "saved_models" / "tunes-lstm")),
    ]
    code = "\n".join(running(*command) for command in commands)
    assert not loaded_after(code, at_new_home) & {"tensorflow", "keras"}


def test_in_numpy_sample_and_score_load_nothing_that_takes_long(at_tiny_home: Path, tmp_path: Path):
    song = str(tmp_path / "song.mid")
    commands = [("sample", "--engine", "numpy", "--length", "20", "--out", song), ("score", song)]
    loaded = loaded_after("\n".join(running(*command) for command in commands), tmp_path)
    assert not loaded & {"tensorflow", "keras", "jax", "scipy", "pandas", "matplotlib", "music21", "sklearn", "asyncio"}
    assert json.loads((tmp_path / "song.json").read_text())["request"]["engine"] == "numpy"


def test_importing_musictool_does_nothing(tmp_path: Path):
    assert not loaded_after("import musictool", tmp_path) & {"tensorflow", "keras", "numpy", "click"}


def test_a_request_is_built_and_checked_without_keras(tmp_path: Path):
    code = (
        "from musictool.generation.request import Request\n"
        "from musictool.options import build\n"
        "build(Request, {'bars': '4', 'temperature': '0.9', 'key': 'A minor', 'instrument': 'violin'})"
    )
    assert not loaded_after(code, tmp_path) & {"tensorflow", "keras", "h5py", "symusic"}


def test_every_folder_is_a_package_and_so_part_of_the_wheel():
    folders = {path.parent for path in modules()}
    assert [folder for folder in folders if not (folder / "__init__.py").is_file()] == []
