"""What rnn-nade keeps to besides the laws of every arch."""

from __future__ import annotations

import pytest

from musictool.archs.rnn_nade import RnnNade
from musictool.encoding import Spec
from musictool.engine.current import within
from musictool.errors import KindMismatch


def test_with_the_settings_of_2012_it_has_the_weights_of_2012():
    settings = ("recurrent=rnn", "layers=1", "dropout=0", "hold=false", "bar_positions=false", "width=8", "hidden=5")
    with within("numpy"):
        network = RnnNade.sized(Spec("frames", (88,), 88), "small", settings).network
    shapes = {path: [weight.shape for weight in layer.own_weights] for path, layer in network.saved_layers()}
    assert shapes["body/recurrent/simple_rnn/cell"] == [(128, 8), (8, 8), (8,)]
    assert shapes["head"] == [(8, 88), (88,), (8, 5), (5,), (88, 5), (88, 5)]


def test_a_band_is_refused():
    with pytest.raises(KindMismatch, match=r"256 numbers per frame, and this encoding writes 640; .*multi-rnn"):
        RnnNade(Spec("frames", (640,), 640))
