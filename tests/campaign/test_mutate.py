from __future__ import annotations

import random
import zipfile
from io import BytesIO

import pytest

from tests.campaign.mutate import BINARY_DAMAGES, TEXT_DAMAGES, mutated

TEXT = b"X:1\nT:A tune\nL:1/8\nK:G\nGABc d2ef|g4 G4|]\n"


@pytest.mark.parametrize("damage", BINARY_DAMAGES + TEXT_DAMAGES, ids=lambda damage: damage.__name__)
def test_each_damage_changes_a_file_and_takes_an_empty_one(damage):
    changed = {damage(TEXT, random.Random(seed)) for seed in range(20)}
    assert len(changed - {TEXT}) > 1
    assert isinstance(damage(b"", random.Random(1)), bytes)


def test_the_same_seed_does_the_same_damage():
    assert mutated(TEXT, ".abc", random.Random("1 7")) == mutated(TEXT, ".abc", random.Random("1 7"))
    assert mutated(TEXT, ".abc", random.Random("1 7")) != mutated(TEXT, ".abc", random.Random("1 8"))


def test_an_archive_is_damaged_within_and_without():
    packed = BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("song.xml", b"<score-partwise/>" * 9)
    damaged = [mutated(packed.getvalue(), ".mxl", random.Random(seed)) for seed in range(20)]
    sound = [
        data for data in damaged if zipfile.is_zipfile(BytesIO(data)) and zipfile.ZipFile(BytesIO(data)).namelist()
    ]
    assert 5 <= len(sound) <= 20
    assert len(set(damaged)) > 15
