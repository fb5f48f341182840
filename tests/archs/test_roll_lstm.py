"""What a model of roll-lstm of the first version must still do."""

from __future__ import annotations

from musictool import arch as archs
from musictool.encoding import Spec
from musictool.layers.sigmoid_head import SigmoidHead


def test_a_model_that_was_saved_before_there_were_other_options_has_sigmoids():
    arch = archs.from_json({"name": "roll-lstm", "options": {"width": 8}, "conditions": 0}, Spec("frames", (88,), 88))
    head = arch.stages[0].network.head
    assert isinstance(head, SigmoidHead)
    assert [weight.name for weight in head.weights] == ["kernel", "bias", "hold_kernel"]
