from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from musictool.corpus import store
from musictool.corpus.packed import Packed, concatenate, pack
from musictool.music.score import Score, Track
from tests.corpus.test_packed import same


def many(count: int) -> list[Score]:
    rng = np.random.default_rng(3)
    tracks = (Track(40, name="Violin"), Track(is_drum=True))
    sizes = rng.integers(1, 90, count)
    return [Score.from_notes([(int(p), i, 1) for i, p in enumerate(rng.integers(0, 128, n))], tracks) for n in sizes]


def written(path, packed: Packed, **rest) -> store.Store:
    store.write(path, packed.pieces, packed.slice, {"hello": ["wörld"]}, **rest)
    return store.Store(path)


@pytest.mark.parametrize("count", [0, 1, 600])
def test_pieces_come_back_from_disk_block_by_block(tmp_path, count):
    pieces = many(count)
    flags = {"is_validation": np.arange(count) % 3 == 0}
    with written(tmp_path / "a.h5", pack(pieces), flags=flags) as opened:
        back = [score for bounds in store.block_bounds(opened.pieces["notes"]) for score in opened.slice(*bounds)]
        assert all(same(one, other) for one, other in zip(pieces, back, strict=True))
        assert opened.meta == {"hello": ["wörld"]}
        assert opened.flags("is_validation").tolist() == flags["is_validation"].tolist()


def test_any_range_of_pieces_can_be_read_alone(tmp_path):
    pieces = many(600)  # more rows than a chunk has
    with written(tmp_path / "a.h5", pack(pieces)) as opened:
        for start, stop in ((0, 0), (0, 1), (599, 600), (511, 513), (600, 600)):
            back = opened.slice(start, stop)
            assert all(same(one, other) for one, other in zip(pieces[start:stop], back, strict=True))


def test_the_bytes_hang_on_the_pieces_alone(tmp_path):
    pieces = many(600)
    one = pack(pieces)
    other = concatenate(pack(pieces[start : start + 7]) for start in range(0, 600, 7))
    written(tmp_path / "one.h5", one).close()
    written(tmp_path / "other.h5", other).close()
    assert (tmp_path / "one.h5").read_bytes() == (tmp_path / "other.h5").read_bytes()


@given(st.lists(st.integers(0, store.BLOCK_NOTES * 2), max_size=30))
def test_blocks_cover_all_pieces_and_stay_small(counts):
    bounds = list(store.block_bounds(np.array(counts, np.int64)))
    assert [start for start, _ in bounds[1:]] == [stop for _, stop in bounds[:-1]]
    assert [bounds[0][0], bounds[-1][1]] == [0, len(counts)] if counts else bounds == []
    assert all(stop - start == 1 or sum(counts[start:stop]) <= store.BLOCK_NOTES for start, stop in bounds)


def test_no_block_has_more_pieces_than_its_limit():
    bounds = list(store.block_bounds(np.ones(store.BLOCK_PIECES * 2 + 1)))
    assert [stop - start for start, stop in bounds] == [store.BLOCK_PIECES, store.BLOCK_PIECES, 1]


def test_a_store_of_a_version_without_chords_has_none(tmp_path):
    with store.new_file(tmp_path / "old.h5") as file, written(tmp_path / "new.h5", pack(many(2))) as new:
        for name in new._file:
            old = new._file[name][:]
            if name == "pieces":
                old = old[[field for field in old.dtype.names if field != "chords"]]
            if name != "chords":
                file[name] = old
    with store.Store(tmp_path / "old.h5") as old:
        assert [len(score.chords) for score in old.slice(0, 2)] == [0, 0]
