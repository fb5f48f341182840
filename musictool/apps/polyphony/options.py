"""The settings of the polyphony benchmark, from which its flags are made; imports nothing heavy."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from musictool import options
from musictool.options import LAST_SEED, flag, option
from musictool.training.options import RunSettings

Head = Literal["sigmoid", "chain", "rnn-nade", "rnn-rbm", "rtrbm"]
WARMUP = 50  # steps


@dataclass(frozen=True)
class BenchmarkSettings:
    """How the model of the benchmark is trained."""

    max_minutes: float = flag(30.0, "Training time limit, validation included.", above=0)
    epochs: int = flag(1000, "Passes over the training pieces, at most.", least=1)
    patience: int = flag(1000, "Stop after this many epochs without a better validation score.", least=1)
    frames: int = option(1024, "frames per step", least=1)
    learning_rate: float = flag(3e-3, "AdamW's learning rate, at its highest.", above=0)
    weight_decay: float = option(1e-2, "AdamW's weight decay", least=0)
    seed: int = flag(1, "Random seed.", least=0, most=LAST_SEED)

    def __post_init__(self) -> None:
        options.check(self)

    @property
    def run(self) -> RunSettings:
        """Those of the training loop (musictool/training/run.py)."""
        return RunSettings(
            epochs=self.epochs,
            max_minutes=self.max_minutes,
            patience=self.patience,
            learning_rate=self.learning_rate,
            warmup=WARMUP,
            decay="cosine",
            clip_norm=1.0,
            precision="float32",
            seed=self.seed,
        )
