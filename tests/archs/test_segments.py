"""What all archs of segments share: the sizes that they learn, and what is random in them."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from musictool.arch import archs_for, from_json
from musictool.encoding import Spec
from musictool.errors import BadModel, BadOption, KindMismatch
from musictool.generation.request import Request
from musictool.registry import ARCHS
from musictool.sampling.sampler import Sampler
from tests.test_laws_archs import rows, tiny

PAGE = Path(__file__).parent.parent.parent / "docs" / "segments.md"

each_segment_arch = pytest.mark.parametrize("name", archs_for("segments"))


def spec(*shape: int) -> Spec:
    return Spec("segments", shape, int(np.prod(shape)))


@each_segment_arch
@pytest.mark.usefixtures("eagerly")
def test_it_learns_segments_of_the_least_size_and_of_an_odd_one(name: str):
    steps, pitches = ARCHS.get(name).SIZE_MULTIPLES
    for shape in ((max(steps, 2), max(pitches, 2), 1), (3 * steps, 5 * pitches, 2)):
        arch = tiny(name, spec=spec(*shape))
        primer = rows(arch, batch=2, length=1)
        assert next(arch.continuation(primer, Sampler(threshold="bernoulli"), 1)).shape[2:] == shape


@each_segment_arch
def test_a_size_that_does_not_fit_is_one_clear_line(name: str):
    cls = ARCHS.get(name)
    steps, pitches = cls.SIZE_MULTIPLES
    shapes = {(steps // 2, pitches, 5), (steps + steps // 2, pitches, 5), (0, pitches, 5)}
    for shape in (shape for shape in shapes if not shape[0] or shape[0] % steps):
        with pytest.raises(
            KindMismatch, match=f"{name} needs segments of a multiple of {steps} steps and of {pitches}"
        ):
            cls(spec(*shape))
    with pytest.raises(KindMismatch, match=f"{name} learns 1 to 5 instruments, and this encoding has 6"):
        cls(spec(8, 8, 6))


@pytest.mark.parametrize("name", ["vae", "wgan"])
def test_a_model_of_an_earlier_format_is_refused_in_one_line(name: str):
    values = ARCHS.get(name).sized(spec(8, 24, 5)).to_json()
    assert values.pop("format") == 2
    with pytest.raises(BadModel, match=f"this {name} has format 1, and this musictool reads 2; train it again"):
        from_json(values, spec(8, 24, 5))


def test_a_width_that_no_beat_can_be_made_of_is_refused():
    with pytest.raises(BadOption, match="option width: 18 is not a multiple of 4"):
        ARCHS.get("vae").sized(spec(8, 24, 5), "small", ("width=18",))


@each_segment_arch
def test_the_page_has_its_default_noise_and_whether_it_has_a_temperature(name: str):
    cls = ARCHS.get(name)
    (row,) = [line for line in PAGE.read_text(encoding="utf-8").splitlines() if line.startswith(f"| `{name}` |")]
    _, _, noise_sd, _, temperature, _ = (cell.strip() for cell in row.split("|"))
    assert float(noise_sd or 0) == cls.DEFAULT_NOISE_SD
    assert temperature == ("yes" if cls.has_temperature else "refused")


@each_segment_arch
def test_a_temperature_is_refused_where_all_that_is_random_is_the_noise(name: str):
    model: Any = SimpleNamespace(name="mine", spec=spec(8, 24, 5), arch_class=ARCHS.get(name))
    plain, bold = Request(bars=2), Request(bars=2, sampler=Sampler(temperature=1.5, noise_sd=0.5))
    plain.check_model(model)
    if ARCHS.get(name).has_temperature:
        bold.check_model(model, ["temperature"])
        return
    for request, given in ((bold, []), (plain, ["temperature"])):
        with pytest.raises(BadOption, match=r"--temperature is for .* random in mine is its noise: use --noise-sd"):
            request.check_model(model, given)
