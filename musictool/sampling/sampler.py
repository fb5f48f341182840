"""How a row is drawn: the options of `sample`, `interpolate` and `accompany` that musictool/sampling/rules.py applies.

Neither Keras nor numpy is imported here, so that a help page and what is wrong on a command line need neither.
"""

from __future__ import annotations

from dataclasses import dataclass

from musictool.options import check, flag

REPETITION_WINDOW = 64  # rows back that a repetition penalty looks
DENSITY, BERNOULLI = "density", "bernoulli"
_TOKENS, _SEGMENTS = ("tokens",), ("segments",)


def fixed_threshold(rule: str) -> float | None:
    """The number that a threshold names; None for density and bernoulli. Raises ValueError for anything else."""
    if rule in (DENSITY, BERNOULLI):
        return None
    value = float(rule)
    if not 0 < value < 1:
        raise ValueError(f"{rule} is not between 0 and 1")
    return value


def _threshold(rule: str) -> str:
    fixed_threshold(rule)
    return rule


@dataclass(frozen=True)
class Sampler:
    """How a row is drawn.

    First comes the penalty, then the temperature; then top-k, min-p and top-p each choose among what the one before
    has left.

    Source of top_p: Holtzman et al., nucleus sampling, 2019; of repetition_penalty: Keskar et al., CTRL, 2019: a logit
    above 0 is divided by it, one below 0 multiplied, if the token begins a note and is among the last
    REPETITION_WINDOW rows; time and loudness are never penalised. Limit: where a logit's 0 lies means nothing to a
    model, so try values. With top_k=1 there is nothing else to draw, so that the loop guard changes nothing.

    A field of `kinds` is for models of these kinds of rows only.
    """

    temperature: float = flag(1.0, "Over 1 bolder, under 1 safer.", above=0, most=100)
    top_k: int = flag(0, "Draw from the k likeliest tokens; 0: all.", least=0, kinds=_TOKENS)
    top_p: float = flag(
        0.95,
        "Draw from the likeliest tokens that together hold this probability; 1: all.",
        above=0,
        most=1,
        kinds=_TOKENS,
    )
    min_p: float = flag(
        0.0,
        "Draw from tokens with at least this share of the likeliest's probability; 0: all.",
        least=0,
        below=1,
        kinds=_TOKENS,
    )
    repetition_penalty: float = flag(
        1.0,
        f"Over 1: notes of the last {REPETITION_WINDOW} tokens come back less (CTRL's rule; try 1.1).",
        least=1,
        most=10,
        kinds=_TOKENS,
    )
    loop_guard: bool = flag(True, "Leave bars that would repeat for ever, by temperature.", kinds=_TOKENS)
    threshold: str = flag(
        DENSITY,
        "Of segments: what probabilities are compared with: density, bernoulli, or a number such as 0.5.",
        parse=_threshold,
        allowed=f"{DENSITY}, {BERNOULLI} or a number between 0 and 1",
        kinds=_SEGMENTS,
    )
    noise_sd: float | None = flag(
        None,
        "Of segments: standard deviation of the noise added to latents; 0.5 to 1 is usual.",
        least=0,
        most=10,
        default_text="the arch's",
        kinds=_SEGMENTS,
    )

    def __post_init__(self) -> None:
        check(self)
