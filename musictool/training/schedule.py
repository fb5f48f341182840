"""The learning rate over a run: up from almost nothing, then level or down along a cosine.

Sources: warm-up, Vaswani et al. (2017) and Goyal et al. (2017); cosine, Loshchilov and Hutter (2017), here without
restarts and down to LEAST of the rate. Limit: a run that `patience` ends has not seen the end of its cosine.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

DECAYS = ("none", "cosine")
LEAST = 0.05  # share of the learning rate that a cosine ends with


@dataclass(frozen=True)
class Schedule:
    """The learning rate of every step.

    Attributes:
        rate: the highest.
        warmup: steps over which it rises; 0 for none.
        decay: one of DECAYS.
        epochs: that are planned.
    """

    rate: float
    warmup: int
    decay: str
    epochs: int

    def at(self, epoch: int, step: int, steps: int, time_used: float = 0.0) -> float:
        """The learning rate of one step. It depends on the arguments alone, so a resumed run goes on as it would have.

        Args:
            epoch: epochs done.
            step: steps done in this one.
            steps: of this one.
            time_used: share of the time limit that has passed; 0 where there is none, and wherever several machines
                must agree.
        """
        done = max((epoch + step / max(1, steps)) / self.epochs, time_used)
        return self.rate * rise(epoch * steps + step, self.warmup) * fall(done, self.decay)


def rise(step: int, warmup: int) -> float:
    """In (0, 1]: growing evenly over the first `warmup` steps, of which `step` are done."""
    return min(1.0, (step + 1) / max(1, warmup))


def fall(done: float, decay: str) -> float:
    """In [LEAST, 1]: what is left of the rate when this share of the run (0 to 1, or more) is `done`."""
    if decay == "none":
        return 1.0
    return LEAST + (1 - LEAST) * (1 + math.cos(math.pi * min(1.0, done))) / 2
