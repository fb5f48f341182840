from __future__ import annotations

from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from musictool.errors import BadFile, BadOption, NoMusic, UnknownName
from musictool.generation import Generation, Request, sample
from musictool.model import Model
from musictool.sampling import Sampler
from musictool.score import TICKS_PER_QUARTER, Score
from musictool.writers._base import write


@pytest.fixture(scope="module")
def model(tiny_home: Path) -> Model:
    return Model.open(tiny_home / "saved_models" / "tunes-lstm")


def onsets(score: Score) -> list[int]:
    return score.notes["onset_ticks"].tolist()


def test_length_counts_symbols_and_not_the_primer(model: Model):
    generation = Generation(model, Request(length=70, seed=1, primer_length=8))
    assert generation.primers.shape == (1, 8)
    assert generation._rows().shape == (1, 70)
    (score,) = sample(model, Request(length=70, seed=1))
    assert len(set(onsets(score))) <= 70


def test_bars_and_seconds_end_where_they_should(model: Model):
    (bars,) = sample(model, Request(bars=6, seed=1))
    assert bars.bars == 6
    assert bars.end_ticks <= 6 * 4 * TICKS_PER_QUARTER
    (seconds,) = sample(model, Request(seconds=7.5, seed=1, bpm=90))
    assert 6 < seconds.seconds <= 7.5 + 1e-6


def test_pieces_may_be_longer_than_the_window_without_limit(model: Model):
    (score,) = sample(model, Request(length=3000, seed=1))
    assert len(score.notes) > 2000


def test_the_same_seed_writes_the_same_piece(model: Model):
    first, again, other = (sample(model, Request(length=60, seed=seed))[0] for seed in (5, 5, 6))
    assert np.array_equal(first.notes, again.notes)
    assert not np.array_equal(first.notes, other.notes)


def test_several_pieces_come_from_one_batch_and_differ(model: Model):
    pieces = sample(model, Request(length=60, num=3, seed=5))
    assert len({tuple(piece.notes["pitch"].tolist()) for piece in pieces}) == 3


def test_a_primer_file_is_heard_and_kept_only_if_asked(model: Model, tunes: Path):
    primer = tunes / "tune-00.mid"
    request = {"length": 20, "primer": primer, "primer_length": 10, "seed": 2}
    (without,) = sample(model, Request(**request))
    (kept,) = sample(model, Request(**request, keep_primer=True))
    heard = model.encoding.decode(Generation(model, Request(**request)).primers[0])
    assert len(heard.notes) == 10
    assert kept.notes["pitch"].tolist() == heard.notes["pitch"].tolist() + without.notes["pitch"].tolist()


def test_bars_do_not_count_a_primer_that_is_kept(model: Model, tunes: Path):
    request = {"bars": 2, "primer": tunes / "tune-00.mid", "primer_length": 8, "seed": 2}
    (kept,) = sample(model, Request(**request, keep_primer=True))
    primer_ticks = 8 * TICKS_PER_QUARTER // 2
    assert primer_ticks < kept.end_ticks <= primer_ticks + 2 * 4 * TICKS_PER_QUARTER


def test_from_scratch_hears_nothing(model: Model):
    assert Generation(model, Request(length=5, from_scratch=True)).primers.shape == (1, 0)
    assert len(sample(model, Request(length=20, from_scratch=True))[0].notes)


def test_tempo_metre_program_and_names_are_set(model: Model):
    (score,) = sample(model, Request(length=20, seed=1, bpm=77, instrument="violin"))
    assert score.tempos["bpm"].tolist() == [77]
    assert [tuple(metre) for metre in score.metres.tolist()] == [(0, 4, 4)]
    assert [(track.program, track.name) for track in score.tracks] == [(40, "Violin")]
    (plain,) = sample(model, Request(length=20, seed=1))
    assert plain.tempos["bpm"].tolist() == [model.info["music"]["bpm"]]


def test_reserved_symbols_are_never_written(model: Model):
    rows = Generation(model, Request(length=500, seed=3, sampler=Sampler(temperature=50.0, top_p=1.0)))._rows()
    assert rows.min() >= 3


def test_a_cold_sampler_repeats_itself_whatever_the_seed(model: Model):
    first, second = (
        sample(model, Request(length=40, seed=seed, from_scratch=True, sampler=Sampler(top_k=1)))[0] for seed in (1, 2)
    )
    assert np.array_equal(first.notes, second.notes)


class _Silent:
    """An arch that writes one symbol for ever."""

    def __init__(self, symbol: int):
        self.symbol = symbol

    def continuation(self, primer: np.ndarray, sampler: Any, seed: int) -> Any:
        while True:
            yield np.full((len(primer), 64), self.symbol, np.int32)


def test_a_result_without_notes_is_an_error_and_not_a_file(model: Model):
    silent = Model(model.folder, model.info, model.encoding)
    silent.__dict__["arch"] = _Silent(1)
    with pytest.raises(NoMusic, match="no note"):
        sample(silent, Request(length=10))
    with pytest.raises(NoMusic, match="rows"):
        sample(silent, Request(bars=4))


@pytest.mark.parametrize(
    "wrong, words",
    [
        ({}, "exactly one of"),
        ({"length": 5, "bars": 2}, "exactly one of"),
        ({"length": 0}, "--length 0"),
        ({"seconds": -1.0}, "--seconds"),
        ({"length": 5, "num": 0}, "--num"),
        ({"length": 5, "primer_length": 0}, "--primer-length"),
        ({"length": 5, "bpm": 0.0}, "--tempo"),
        ({"length": 5, "primer": Path("x.mid"), "from_scratch": True}, "exclude"),
    ],
)
def test_requests_that_cannot_be_meant_are_refused(wrong: dict[str, Any], words: str):
    with pytest.raises(BadOption, match=words):
        Request(**wrong)


def test_primers_and_instruments_that_do_not_exist_are_named(model: Model, tmp_path: Path):
    with pytest.raises(BadFile, match=r"nowhere\.mid"):
        sample(model, Request(length=5, primer=tmp_path / "nowhere.mid"))
    with pytest.raises(UnknownName, match="Violin"):
        sample(model, Request(length=5, instrument="violni"))


def test_a_primer_of_drums_alone_is_refused(model: Model, tmp_path: Path):
    from musictool.score import Track

    drums = Score.from_notes([(36, 0, 1), (38, 1, 1)], tracks=[Track(is_drum=True)])
    write(drums, tmp_path / "drums.mid")
    with pytest.raises(NoMusic, match="primer"):
        sample(model, Request(length=5, primer=tmp_path / "drums.mid"))


def test_an_arch_goes_on_for_as_long_as_it_is_asked(model: Model):
    stream = model.arch.continuation(np.full((2, 1), 2, np.int32), Sampler(), 1)
    assert sum(chunk.shape[1] for chunk in islice(stream, 4)) > 100
