"""The networks of musictool's segment archs, in their small sizes, as a user of PyTorch writes them.

A segment is (32 steps, 128 pitches) of each of five instruments; here the instruments are the channels.
"""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import torch
from torch import nn
from torch.nn import functional

STEPS, PITCHES, INSTRUMENTS, PIANO = 32, 128, 5, 0
FREE_NATS = 0.1
SHRINKING = (((4, 1), (4, 1), 1), ((1, 4), (3, 8), 2), ((1, 2), (3, 4), 2), ((2, 2), (4, 4), 4))
GROWTH = (((1, 4), (1, 4), 8), ((2, 2), (4, 4), 8), ((2, 2), (4, 4), 4), ((2, 2), (4, 4), 2), ((1, 4), (3, 8), 1))


def _pair(size: Any) -> tuple[int, int]:
    return size if isinstance(size, tuple) else (size, size)


def conv(inputs: int, outputs: int, kernel: Any = 4, stride: Any = 2, bias: bool = True) -> nn.Conv2d:
    """A convolution that divides height and width by its stride."""
    padding = tuple((k - s) // 2 for k, s in zip(_pair(kernel), _pair(stride), strict=True))
    return nn.Conv2d(inputs, outputs, kernel, stride, padding, bias=bias)


def growing(inputs: int, outputs: int, kernel: Any = 4, stride: Any = 2, bias: bool = True) -> nn.ConvTranspose2d:
    """A transposed convolution that multiplies height and width by its stride."""
    padding = tuple((k - s) // 2 for k, s in zip(_pair(kernel), _pair(stride), strict=True))
    return nn.ConvTranspose2d(inputs, outputs, kernel, stride, padding, bias=bias)


def posterior(guess: Any) -> tuple[Any, Any]:
    """Mean and standard deviation (N, Z) of what a network guesses, (N, 2 Z)."""
    mean, deviation = guess.chunk(2, -1)
    return mean, functional.softplus(deviation + 0.5) + 1e-3


def kl(mean: Any, deviation: Any) -> Any:
    """Nats (N, Z) beyond a standard normal."""
    return 0.5 * (mean.square() + deviation.square() - 1) - deviation.log()


def nats(logits: Any, segments: Any) -> Any:
    """The sum over all cells and segments."""
    return functional.binary_cross_entropy_with_logits(logits, segments, reduction="sum")


class NextSegment(nn.Module):
    """melody-cnn for one instrument: convolutions of each segment of context, dense layers, transposed convolutions."""

    def __init__(self, context: int, width: int = 12, hidden: int = 256, latent: int = 32):
        super().__init__()
        features = 4 * 16 * 4 * width
        self.latent = latent
        self.input_dropout = nn.Dropout(0.1)
        self.context_encoders = nn.ModuleList(self._encoder(width) for _ in range(context))
        self.seeing = self._encoder(width)
        self.first, self.second = nn.Linear(features * context, hidden), nn.Linear(hidden + latent, hidden)
        self.guess = nn.Linear(features + hidden, 2 * latent)
        self.skip = nn.Linear(hidden, STEPS)
        self.decoder = nn.Sequential(
            *(nn.Linear(hidden, features), nn.ReLU(), nn.Unflatten(1, (4 * width, 4, 16))),
            *(growing(4 * width, 2 * width), nn.ReLU(), growing(2 * width, width), nn.ReLU(), growing(width, 1)),
        )
        self.usual = nn.Parameter(torch.full((PITCHES,), -4.5))

    def _encoder(self, width: int) -> nn.Sequential:
        layers = conv(1, width), conv(width, 2 * width), conv(2 * width, 4 * width)
        return nn.Sequential(layers[0], nn.ReLU(), layers[1], nn.ReLU(), layers[2], nn.ReLU(), nn.Flatten())

    def loss(self, context: Any, answer: Any) -> Any:
        """Segments (N, 1, S, P) each -> the evidence bound, summed over them."""
        features = self._encode(context)
        mean, deviation = posterior(self.guess(torch.cat([self.seeing(answer), features], 1)))
        logits = self._answer(features, context[0], mean + deviation * torch.randn_like(mean))
        return nats(logits, answer) + kl(mean, deviation).clamp(min=FREE_NATS).sum()

    def forward(self, context: Any, numbers: Any) -> Any:
        """Segments (N, 1, S, P) each, (N, Z) -> log-odds (N, 1, S, P)."""
        return self._answer(self._encode(context), context[0], numbers)

    def _encode(self, context: Any) -> Any:
        features = [
            encoder(self.input_dropout(segment))
            for encoder, segment in zip(self.context_encoders, context, strict=True)
        ]
        return functional.relu(self.first(torch.cat(features, 1)))

    def _answer(self, features: Any, before: Any, numbers: Any) -> Any:
        x = functional.relu(self.second(torch.cat([features, numbers], 1)))
        return self.decoder(x) + self.usual + self.skip(x)[:, None, :, None] * before


class Autoencoder(nn.Module):
    """vae for one instrument: keys to steps to beats to the whole, and back."""

    def __init__(self, width: int = 128, latent: int = 16):
        super().__init__()
        beats, bend = STEPS // 4, nn.LeakyReLU(0.2)
        self.encoder = nn.Sequential(
            *(nn.Dropout(0.3), nn.Linear(PITCHES, width // 4), bend, nn.Flatten(), nn.Unflatten(1, (beats, width))),
            *(nn.Linear(width, width), bend, nn.Flatten(), nn.Linear(beats * width, 2 * width), bend),
            nn.Linear(2 * width, 2 * latent),
        )
        self.decoder = nn.Sequential(
            *(nn.Linear(latent, 2 * width), bend, nn.Dropout(0.1)),
            *(nn.Linear(2 * width, beats * width), bend, nn.Dropout(0.1)),
            *(nn.Unflatten(1, (beats, width)), nn.Linear(width, width), bend),
            *(nn.Flatten(), nn.Unflatten(1, (STEPS, width // 4)), nn.Linear(width // 4, PITCHES)),
        )
        nn.init.constant_(self.decoder[-1].bias, -4.5)

    def posterior(self, segments: Any) -> tuple[Any, Any]:
        """(N, S, P) -> mean and standard deviation (N, Z)."""
        return posterior(self.encoder(segments))

    def forward(self, latents: Any) -> Any:
        """(N, Z) -> log-odds (N, S, P)."""
        return self.decoder(latents)


class Predictor(nn.Module):
    """vae's next latent of one instrument, from the plan and the latents that it hears."""

    def __init__(self, context: int, hidden: int = 256, latent: int = 16):
        super().__init__()
        bend = nn.LeakyReLU(0.2)
        self.bent = nn.Sequential(nn.Linear(context * latent + hidden, hidden), bend, nn.Linear(hidden, hidden), bend)
        self.out = nn.Linear(hidden, 2 * latent)
        self.straight = nn.Linear(context * latent, latent, bias=False)

    def forward(self, known: Any, plan: Any) -> tuple[Any, Any]:
        """(N, context x Z), (N, hidden) -> mean and deviation, (N, Z) each."""
        mean, deviation = self.out(self.bent(torch.cat([known, plan], 1))).chunk(2, 1)
        return self.straight(known) + mean, functional.softplus(deviation + 0.5) + 1e-3


class Predictors(nn.Module):
    """vae: the latents of the last segments (N, M, I, Z), and the new ones (N, I, Z), of which each instrument hears
    those before it -> means and deviations of the new ones, (N, I, Z) each."""

    def __init__(self, memory: int = 4, hidden: int = 256, latent: int = 16):
        super().__init__()
        bend = nn.LeakyReLU(0.2)
        inputs = memory * INSTRUMENTS * latent
        self.plan = nn.Sequential(nn.Linear(inputs, hidden), bend, nn.Linear(hidden, hidden), bend)
        self.parts = nn.ModuleList(Predictor(memory + i, hidden, latent) for i in range(INSTRUMENTS))

    def forward(self, history: Any, new: Any) -> tuple[Any, Any]:
        plan = self.plan(history.flatten(1))
        outputs = [self.one(i, history, plan, new[:, :i]) for i in range(INSTRUMENTS)]
        return torch.stack([mean for mean, _ in outputs], 1), torch.stack([deviation for _, deviation in outputs], 1)

    def one(self, instrument: int, history: Any, plan: Any, new: Any) -> tuple[Any, Any]:
        """Of one instrument, given the new latents (N, i, Z) of those before it."""
        known = torch.cat([history[:, :, instrument].flatten(1), new.flatten(1)], 1)
        return self.parts[instrument](known, plan)


def _normed(channels: int) -> tuple[nn.Module, nn.Module]:
    return nn.BatchNorm2d(channels, 1e-3), nn.PReLU(channels, 0.0)


class FragmentGenerator(nn.Module):
    """gan: noise (N, Z) -> log-odds (N, I, S, P)."""

    noise = 100

    def __init__(self, width: int = 16):
        super().__init__()
        layers, channels = [], self.noise
        for stride, kernel, times in GROWTH:
            layers += [growing(channels, times * width, kernel, stride, bias=False), *_normed(times * width)]
            channels = times * width
        self.layers = nn.Sequential(*layers, growing(channels, INSTRUMENTS, (4, 1), (4, 1), bias=False))
        self.usual = nn.Parameter(torch.full((INSTRUMENTS, 1, PITCHES), -3.0))

    def forward(self, noise: Any) -> Any:
        return self.layers(noise[:, :, None, None]) + self.usual


class FragmentCritic(nn.Module):
    """gan: (N, I, S, P) -> log-odds (N,), and what the first convolution made."""

    def __init__(self, width: int = 16):
        super().__init__()
        (_, whole, most), *growth = GROWTH
        self.first, self.bend = conv(INSTRUMENTS, width, (4, 3), (4, 1)), nn.PReLU(width, 0.0)
        layers, channels = [], width
        for (stride, kernel, _), (*_, times) in zip(reversed(growth), [*reversed(GROWTH)][1:], strict=True):
            layers += [conv(channels, times * width, kernel, stride, bias=False), *_normed(times * width)]
            channels = times * width
        self.layers = nn.Sequential(*layers, nn.Conv2d(most * width, 1, whole))

    def forward(self, segments: Any) -> tuple[Any, Any]:
        first = self.first(segments)
        return self.layers(self.bend(first)).flatten(), first


class Part(nn.Module):
    """wgan for one instrument: noise, the context, its last segment (N, S, P) -> log-odds (N, S, P)."""

    def __init__(self, noise: int, width: int):
        super().__init__()
        context = [times * width for *_, times in reversed(SHRINKING)]
        made = [context[0], *context[1:]]
        self.spread = nn.Linear(noise, context[0] * 4 * 8, bias=False)
        self.norms = nn.ModuleList(nn.Sequential(*_normed(channels)) for channels in made)
        self.grown = nn.ModuleList(
            growing(made[i] + context[i], made[i + 1], kernel, stride, bias=False)
            for i, (stride, kernel, _) in enumerate([*reversed(SHRINKING)][:-1])
        )
        self.grown.append(nn.Conv2d(made[-1] + context[-1], 4, 1, bias=False))
        self.skip = nn.Linear(4 * 8 * (made[0] + context[0]), STEPS)
        self.usual = nn.Parameter(torch.full((PITCHES,), -3.0))

    def forward(self, noise: Any, context: list[Any], before: Any) -> Any:
        x = self.spread(noise).view(len(noise), -1, 4, 8)
        for i, (norm, grow) in enumerate(zip(self.norms, self.grown, strict=True)):
            x = torch.cat([norm(x), context[-1 - i]], 1)
            if i == 0:
                as_before = self.skip(x.flatten(1))
            x = grow(x)
        return x.transpose(1, 2).reshape(before.shape) + self.usual + as_before[..., None] * before


def classes(segments: Any) -> Any:
    """(N, I, S, P) -> (N, I, S, 12): how many keys of each pitch class sound."""
    return functional.pad(segments, (0, 4)).unflatten(3, (11, 12)).sum(3)


def around(circle: Any) -> Any:
    """(..., 12) -> (..., 23)."""
    return torch.cat([circle, circle[..., :-1]], -1)


class Harmony(nn.Module):
    """wgan: which pitch classes suit a beat; before (N, I, S, P), noise (N, Z), chords (N, K, 12) -> log-odds (N, I, S,
    P)."""

    def __init__(self, noise: int, chords: int, width: int):
        super().__init__()
        beats = STEPS // 4
        self.conv_in = nn.Conv1d(INSTRUMENTS * beats + chords, width, 12)
        self.noise_projection = nn.Linear(noise, width, bias=False)
        self.conv_out = nn.Conv1d(width, INSTRUMENTS * beats, 12)
        self.register_buffer("pitched", torch.tensor([1.0] * 4 + [0.0]).view(1, INSTRUMENTS, 1, 1))

    def forward(self, before: Any, noise: Any, chords: Any) -> Any:
        context = classes(before).unflatten(2, (STEPS // 4, 4)).sum(3).flatten(1, 2).log1p()
        context = torch.cat([context, chords], 1)
        x = functional.leaky_relu(self.conv_in(around(context)) + self.noise_projection(noise)[..., None], 0.2)
        outputs = self.conv_out(around(x)).unflatten(1, (INSTRUMENTS, STEPS // 4)).repeat(1, 1, 1, 11)[..., :PITCHES]
        return outputs.repeat_interleave(4, 2) * self.pitched


class BandGenerator(nn.Module):
    """wgan: before (N, I, S, P), noise (N, Z) -> log-odds (N, I, S, P)."""

    shared, chords, private = 64, 4, 32
    noise = shared + 12 * chords + INSTRUMENTS * private

    def __init__(self, width: int = 8):
        super().__init__()
        self.listener, channels = nn.ModuleList(), INSTRUMENTS
        for stride, kernel, times in SHRINKING:
            self.listener.append(conv(channels, times * width, kernel, stride))
            channels = times * width
        self.harmony = Harmony(self.shared, self.chords, 8 * width)
        self.parts = nn.ModuleList(Part(self.shared + self.private, width) for _ in range(INSTRUMENTS))

    def forward(self, before: Any, noise: Any) -> Any:
        context, x = [], before
        for convolution in self.listener:
            x = functional.leaky_relu(convolution(x), 0.2)
            context.append(x)
        shared, chords, *private = noise.split([self.shared, 12 * self.chords] + INSTRUMENTS * [self.private], 1)
        parts = zip(self.parts, private, strict=True)
        made = [part(torch.cat([shared, own], 1), context, before[:, i]) for i, (part, own) in enumerate(parts)]
        return torch.stack(made, 1) + self.harmony(before, shared, chords.view(len(noise), self.chords, 12))


class BandCritic(nn.Module):
    """wgan: segments in a row (N, 1 + L, I, S, P) -> (N,)."""

    def __init__(self, width: int = 16):
        super().__init__()
        bend, channels = nn.LeakyReLU(0.2), [4 * INSTRUMENTS, width, 2 * width, 4 * width, 4 * width]
        rolls = [conv(*both) for both in pairwise(channels)]
        self.rolls = nn.Sequential(*(layer for each in rolls for layer in (each, bend)), nn.Flatten())
        self.chroma = nn.Sequential(
            *(nn.Conv2d(2 * INSTRUMENTS, width, (4, 12), (4, 1)), bend),
            *(conv(width, 2 * width, (4, 1), (2, 1)), bend, nn.Flatten()),
        )
        self.keys = nn.Conv1d(2 * INSTRUMENTS, 2 * width, 12)
        features = 4 * width * 2 * 8 + 2 * width * 4 * 12 + 2 * width + INSTRUMENTS
        self.features, self.bend = nn.Linear(features, 8 * width), bend
        self.verdict = nn.Linear(8 * width, 1, bias=False)
        self.phrase = nn.Conv1d(8 * width, 8 * width, 4, padding="same")
        self.phrase_keys = nn.Conv1d(INSTRUMENTS, 2 * width, 12)
        self.phrase_verdict = nn.Linear(18 * width, 1, bias=False)

    def forward(self, rows: Any) -> Any:
        of_each = self.of_pairs(rows[:, :-1].flatten(0, 1), rows[:, 1:].flatten(0, 1))
        of_each = of_each.unflatten(0, (len(rows), -1))  # (N, L, 8 width)
        phrase = self.bend(self.phrase(of_each.transpose(1, 2)))
        keys = self.phrase_keys(around(_shares(classes(rows.transpose(1, 2).flatten(2, 3)))))
        whole = torch.cat([phrase.mean(2), phrase.amax(2), keys.amax(2)], 1)
        return self.verdict(of_each).mean(1)[:, 0] + self.phrase_verdict(whole)[:, 0]

    def of_pairs(self, before: Any, segments: Any) -> Any:
        """(N, I, S, P) each -> (N, 8 width)."""
        last = torch.cat([before[:, :, -1:], segments[:, :, :-1]], 2)
        looks = self.rolls(torch.cat([before, segments, before * segments, functional.relu(segments - last)], 1))
        both = classes(torch.cat([before, segments], 1))
        keys, plays = self.keys(around(_shares(both))).amax(2), segments.amax(3).mean(2)
        return self.bend(self.features(torch.cat([looks, self.chroma(around(both)), keys, plays], 1)))


def _shares(both: Any) -> Any:
    """Pitch classes (N, C, S, 12) -> (N, C, 12)."""
    counts = both.sum(2)
    return counts / (1 + counts.sum(2, keepdim=True))
