"""What lies in a model folder after each epoch: music by the network, whatever the arch, its head and the precision."""

from __future__ import annotations

from pathlib import Path

import pytest

from musictool.backend.precision import PRECISIONS
from musictool.options import describe
from musictool.preparation.prepare import prepare
from musictool.reading import read
from musictool.registry import ARCHS
from musictool.training.train import train
from tests.generation.test_latents import write_bands
from tests.test_laws_archs import TINY

MIXED = [precision for precision in PRECISIONS if precision.startswith("mixed")]


def sample_of_an_epoch(source: Path, arch: str, precision: str, *settings: str) -> Path:
    """What a tiny network has written after its first epoch, from a corpus that is made of `source`."""
    known = {setting.partition("=")[0] for setting, _, _ in describe(ARCHS.get(arch).Options)}
    tiny = tuple(f"{key}={value}" for key, value in TINY.items() if key in known)
    prepare(str(source), name="music", workers=1)
    trained = train(
        "music", arch=arch, epochs=1, seed=1, batch_size=4, precision=precision, settings=(*tiny, *settings)
    )
    return trained.model.folder / "samples" / "epoch-001.mid"


def test_a_chain_of_keys_writes_in_mixed_precision(tunes: Path, at_new_home: Path):
    assert read(sample_of_an_epoch(tunes, "chain", "mixed_bfloat16", "layers=1")).scores


@pytest.mark.slow
@pytest.mark.parametrize("precision", MIXED)
@pytest.mark.parametrize(
    "arch, setting", [("chain", "chain=false"), ("multi-rnn", "head=sigmoid"), ("multi-rnn", "head=softmax")]
)
def test_every_head_writes_in_mixed_precision(tunes: Path, at_new_home: Path, arch: str, setting: str, precision: str):
    assert read(sample_of_an_epoch(tunes, arch, precision, setting)).scores


@pytest.mark.slow
@pytest.mark.parametrize("precision", MIXED)
@pytest.mark.parametrize("name", ARCHS.names())
def test_every_arch_writes_in_mixed_precision(tunes: Path, at_new_home: Path, name: str, precision: str):
    source = tunes if ARCHS.get(name).kind != "segments" else write_bands(at_new_home / "bands")
    assert read(sample_of_an_epoch(source, name, precision)).scores
