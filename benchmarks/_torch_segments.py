"""PyTorch's side of segments.py, run by a Python that has torch; it needs nothing of musictool.

    python benchmarks/_torch_segments.py ARCH BATCH THREADS

Serves the arch's stages, `1` and `64` (pieces written at once). The networks stand in _torch_networks.py; this is how a
user trains them and writes with them, eagerly.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from typing import Any

import torch
from _torch_networks import (
    INSTRUMENTS,
    PIANO,
    PITCHES,
    STEPS,
    Autoencoder,
    BandCritic,
    BandGenerator,
    FragmentCritic,
    FragmentGenerator,
    NextSegment,
    Predictors,
    kl,
    nats,
)
from _worker import rate, serve
from torch import nn
from torch.nn import functional

HEARD = [1 if i == PIANO else 2 for i in range(INSTRUMENTS)]  # segments, by each instrument
AT_ONCE = 10  # keys of an instrument that may sound at once
MEMORY, VAE_WINDOW, WGAN_WINDOW = 4, 8, 4  # segments that a vae looks back on; in a window of either
WRITTEN = {1: 16, 64: 2}  # segments of each piece in a call, by pieces

Loss = Callable[[Any, Any], Any]  # before, segments: 0/1 (N, I, S, P) -> ()


def sparse(batch: int) -> Any:
    """0/1 uint8 (2, batch, I, S, P), one cell in fifty sounding: what stood before, and the segments."""
    return (torch.rand(2, batch, INSTRUMENTS, STEPS, PITCHES) < 0.02).to(torch.uint8)


def descending(network: nn.Module, loss: Loss, batch: int) -> Callable[[], float]:
    """A step of Adam, with gradients shortened to 1 as musictool's are."""
    weights = [*network.parameters()]
    optimizer = torch.optim.Adam(weights, 1e-3)
    stored = sparse(batch)

    def step() -> float:
        before, segments = stored.float()
        optimizer.zero_grad()
        value = loss(before, segments) / batch
        value.backward()
        nn.utils.clip_grad_norm_(weights, 1.0)
        optimizer.step()
        return value.item()

    return step


class MelodyCnn:
    """Five networks at once."""

    ahead = 1  # segments, of all pieces, that do not wait for one another

    def __init__(self) -> None:
        self.networks = nn.ModuleList(map(NextSegment, HEARD))

    def steps(self, batch: int) -> dict[str, Callable[[], float]]:
        return {"network": descending(self.networks, self.loss, batch)}

    def loss(self, before: Any, segments: Any) -> Any:
        piano = segments[:, PIANO : PIANO + 1]
        total = 0
        for i, network in enumerate(self.networks):
            total = total + network.loss(_inputs(i, piano, before[:, i : i + 1]), segments[:, i : i + 1])
        return total

    def follow(self, before: Any) -> Any:
        """0/1 (N, I, S, P) -> the same of the next segment."""
        written: list[Any] = []
        for i, network in enumerate(self.networks):
            inputs = _inputs(i, written[PIANO] if i else None, before[:, i : i + 1])
            numbers = torch.randn(len(before), network.latent)
            written.append(_sounding(network(inputs, numbers)))
        return torch.cat(written, 1)


def _sounding(logits: Any) -> Any:
    """0/1 of the same shape (..., P): cells above the threshold, but at most AT_ONCE keys of a step."""
    least = logits.topk(AT_ONCE).values[..., -1:]
    return ((torch.sigmoid(logits) > 0.5) & (logits >= least)).float()


def _inputs(instrument: int, piano: Any, before: Any) -> tuple[Any, ...]:
    return (before,) if instrument == PIANO else (before, piano)


class Vae:
    """Five autoencoders, and a plan and five predictors between their latents."""

    ahead = 1

    def __init__(self) -> None:
        self.vae = nn.ModuleList(Autoencoder() for _ in HEARD)
        self.predictors = Predictors()
        self.networks = nn.ModuleList([self.vae, self.predictors])

    def steps(self, batch: int) -> dict[str, Callable[[], float]]:
        other = Vae()
        other.vae.requires_grad_(False)  # autoencoders that stand still
        return {
            "vae": descending(self.vae, self.evidence, batch),
            "predictors": descending(other.predictors, other.loss, batch),
        }

    def evidence(self, before: Any, segments: Any) -> Any:
        total = 0
        for i, network in enumerate(self.vae):
            mean, deviation = network.posterior(segments[:, i])
            logits = network(mean + deviation * torch.randn_like(mean))
            total = total + nats(logits, segments[:, i]) + kl(mean, deviation).clamp(min=0.05).sum()
        return total

    def means(self, segments: Any) -> Any:
        """0/1 (N, I, S, P) -> (N, I, Z)."""
        return torch.stack([network.posterior(segments[:, i])[0] for i, network in enumerate(self.vae)], 1)

    def loss(self, before: Any, segments: Any) -> Any:
        with torch.no_grad():
            last, new = self.means(before), self.means(segments)
            # some of what was predicted takes the place of what it was predicted of
            means, deviations = self.predictors(_histories(last), new)
            drawn = _windows(means + deviations * torch.randn_like(means))
            windows = _windows(last)
            drawn = torch.cat([windows[:, :1], drawn[:, :-1]], 1)
            chosen = torch.rand(*windows.shape[:2], 1, 1) < 0.25
            last = torch.where(chosen, drawn, windows).flatten(0, 1)
        means, deviations = self.predictors(_histories(last), new)
        total = (means - new).square().sum()
        total = total + (0.5 * ((new - means.detach()) / deviations).square() + deviations.log()).sum()
        for i, network in enumerate(self.vae):
            total = total + nats(network(means[:, i]), segments[:, i])
        return total

    def follow(self, before: Any) -> Any:
        history = functional.pad(self.means(before)[:, None], (0, 0, 0, 0, MEMORY - 1, 0))
        plan, written = self.predictors.plan(history.flatten(1)), []
        new = history[:, 0, :0]
        for i, network in enumerate(self.vae):
            mean, deviation = self.predictors.one(i, history, plan, new)
            written.append(_sounding(network(mean + 0.5 * deviation * torch.randn_like(mean))))
            new = torch.cat([new, network.posterior(written[i])[0][:, None]], 1)
        return torch.stack(written, 1)


def _windows(latents: Any) -> Any:
    """Latents of a batch (N, I, Z) -> of its windows (B, L, I, Z)."""
    return latents.unflatten(0, (-1, VAE_WINDOW))


def _histories(latents: Any) -> Any:
    """(N, I, Z) -> those of the last segments in each place of a window, (N, M, I, Z)."""
    padded = functional.pad(_windows(latents), (0, 0, 0, 0, MEMORY - 1, 0))
    return torch.stack([padded[:, i : i + VAE_WINDOW] for i in range(MEMORY)], 2).flatten(0, 1)


class Adversaries:
    """A generator and a critic; a subclass gives their losses."""

    turns, ahead = 1, 1

    def __init__(self, generator: nn.Module, critic: nn.Module) -> None:
        self.generator, self.critic = generator, critic
        self.networks = nn.ModuleList([generator, critic])

    def logits(self, before: Any) -> Any:
        """Log-odds (N, I, S, P)."""
        raise NotImplementedError

    def made(self, before: Any) -> Any:
        """What the critic sees of them."""
        return torch.sigmoid(self.logits(before))

    def critic_loss(self, before: Any, segments: Any) -> Any:
        raise NotImplementedError

    def generator_loss(self, before: Any, segments: Any) -> Any:
        raise NotImplementedError

    def steps(self, batch: int) -> dict[str, Callable[[], float]]:
        """The critic's turns, then the generator's one, on the same batch."""
        players = [
            (loss, [*network.parameters()], torch.optim.Adam(network.parameters(), 2e-4, (0.5, 0.999)), turns)
            for loss, network, turns in (
                (self.critic_loss, self.critic, self.turns),
                (self.generator_loss, self.generator, 1),
            )
        ]
        stored = sparse(batch)

        def step() -> float:
            before, segments = stored.float()
            for loss_of, weights, optimizer, updates in players:
                for _ in range(updates):
                    optimizer.zero_grad()
                    loss = loss_of(before, segments)
                    loss.backward(inputs=weights)
                    optimizer.step()
            return loss.item()

        return {"network": step}

    def follow(self, before: Any) -> Any:
        return _sounding(self.logits(before))


class Gan(Adversaries):
    """DCGAN with smoothed labels, and with means that have to match. It hears nothing of what stood before."""

    ahead = 16

    def __init__(self) -> None:
        super().__init__(FragmentGenerator(), FragmentCritic())

    def logits(self, before: Any) -> Any:
        return self.generator(torch.randn(len(before), self.generator.noise))

    def critic_loss(self, before: Any, segments: Any) -> Any:
        with torch.no_grad():
            made = self.made(before)
        cross_entropy = functional.binary_cross_entropy_with_logits
        real, fake = self.critic(segments)[0], self.critic(made)[0]
        unsure = 0.1 * torch.rand(2, len(segments))
        return cross_entropy(real, 1 - unsure[0]) + cross_entropy(fake, unsure[1])

    def generator_loss(self, before: Any, segments: Any) -> Any:
        made = self.made(before)
        fake, first = self.critic(made)
        with torch.no_grad():
            real_features = self.critic(segments)[1]
        apart = 0.1 * _apart(made, segments) + _apart(first, real_features)
        return functional.softplus(-fake).mean() + apart


def _apart(ours: Any, theirs: Any) -> Any:
    return (ours.mean(0) - theirs.mean(0)).square().sum()


class Wgan(Adversaries):
    """Wasserstein GAN with gradient penalty, of cells that sound or do not."""

    turns = 2

    def __init__(self) -> None:
        super().__init__(BandGenerator(), BandCritic())

    def logits(self, before: Any) -> Any:
        return self.generator(before, torch.randn(len(before), self.generator.noise))

    def made(self, before: Any) -> Any:
        likely = super().made(before)
        return likely + ((likely > 0.5).float() - likely).detach()

    def rows(self, before: Any) -> Any:
        """What it writes several times in a row, (N, 1 + L, I, S, P)."""
        written = [before.unflatten(0, (-1, WGAN_WINDOW))[:, 0]]
        for _ in range(WGAN_WINDOW):
            written.append(self.made(written[-1].detach()))
        return torch.stack(written, 1)

    def critic_loss(self, before: Any, segments: Any) -> Any:
        with torch.no_grad():
            made = self.rows(before)
        first, others = (part.unflatten(0, (-1, WGAN_WINDOW)) for part in (before, segments))
        real = torch.cat([first[:, :1], others], 1)
        share = torch.rand(len(real), 1, 1, 1, 1)
        between = (share * real + (1 - share) * made).requires_grad_()
        (slope,) = torch.autograd.grad(self.critic(between).sum(), between, create_graph=True)
        steepness = (slope.square().sum((1, 2, 3, 4)) + 1e-12).sqrt()
        return (10 * (steepness - 1).square() - self.critic(real) + self.critic(made)).mean()

    def generator_loss(self, before: Any, segments: Any) -> Any:
        return -self.critic(self.rows(before)).mean()


ARCHS: dict[str, Callable[[], Any]] = {"melody-cnn": MelodyCnn, "vae": Vae, "gan": Gan, "wgan": Wgan}


def writing(arch: Any, pieces: int) -> Callable[[], object]:
    """Segment after segment, each in view of the one before; 0/1 uint8 arrays come out."""

    @torch.no_grad()
    def continuation() -> Iterator[Any]:
        together = max(1, arch.ahead // pieces)  # segments of a piece
        before = torch.zeros(together * pieces, INSTRUMENTS, STEPS, PITCHES)
        while True:
            before = arch.follow(before)
            yield before.view(together, pieces, *before.shape[1:]).to(torch.uint8).numpy()

    written = continuation()

    def write() -> None:
        arch.networks.eval()
        rows = 0
        while rows < WRITTEN[pieces]:
            rows += len(next(written))
        arch.networks.train()

    return write


def main() -> None:
    """Serve what the command line asks for; or say how many weights the arch has."""
    name, batch, threads = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
    torch.set_num_threads(threads)
    torch.manual_seed(0)
    arch = ARCHS[name]()
    works = {stage: (step, batch) for stage, step in arch.steps(batch).items()}
    works |= {str(pieces): (writing(arch, pieces), pieces * WRITTEN[pieces]) for pieces in WRITTEN}
    weights = float(sum(weight.numel() for weight in arch.networks.parameters()))
    serve({"weights": lambda: weights, **{what: rate(work, amount) for what, (work, amount) in works.items()}})


if __name__ == "__main__":
    main()
