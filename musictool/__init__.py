"""musictool: turn a folder of music into a model that writes more of it.

Each command has its one function, and these are they:

    import musictool

    musictool.fetch("groove")                                -> Fetched, with the folder of its music
    musictool.prepare("bach")                                -> Prepared, with a Corpus
    musictool.train("bach", arch="lstm", epochs=20)          -> Trained, with a Model
    musictool.sample(Model.open(), Request(bars=16))         -> [Score, ...]
    musictool.write_songs(Model.open(), Request(length=500), Path("song.mid"))
    musictool.score_files(Model.open(), [Path("song.mid")])   -> the nats of each piece
    musictool.compare("bach", ["lstm", "gru"])               -> Leaderboard
    musictool.evaluate("bach-lstm", num=100)                 -> Evaluation: what it writes beside human pieces
    musictool.evaluate_files([Path("song.mid")], "bach")     -> the same of files
    musictool.benchmark_polyphony(Path("JSB_Chorales.mat"))  -> PolyphonyResult, with nats per frame
    musictool.benchmark_chorales(Path("jsb16.json"))         -> the same, with nats per token
    musictool.export("bach-lstm", Path("bach.zip"))          -> Exported: a small model to give away
    musictool.interpolate(Model.open("vae"), Path("a.mid"), Path("b.mid"))   -> Score
    musictool.accompany(Model.open("vae"), Path("melody.mid"))               -> Score
    musictool.infill(Model.open("coconet"), score, InfillRequest(bars="5-8"))   -> [Score, ...]
    musictool.render(Path("song.mid"), Path("song.wav"))
    musictool.lofi(Path("song.mid"), Path("lofi.mp3"))
    musictool.plot("song.mid", "song.svg")                   -> Plotted; of models and corpora too
    musictool.describe("song.mid")                           -> dict

and with them Score, Corpus, Model, Request, Sampler, MusictoolError. Nothing is imported before it is asked for.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any

__version__ = "0.1.0"

_HOMES = {
    "fetch": "fetching.fetch",
    "prepare": "preparation.prepare",
    "train": "training.train",
    "sample": "generation.sample",
    "write_songs": "generation.songs",
    "write_like": "generation.songs",
    "score_files": "generation.scoring",
    "interpolate": "generation.interpolate",
    "accompany": "generation.accompany",
    "infill": "generation.infill",
    "InfillRequest": "generation.infill_request",
    "compare": "apps.compare",
    "evaluate": "evaluation.evaluate",
    "evaluate_files": "evaluation.evaluate",
    "benchmark_polyphony": "apps.polyphony.polyphony",
    "benchmark_chorales": "apps.chorales.chorales",
    "export": "models.export",
    "render": "apps.render",
    "lofi": "apps.lofi.lofi",
    "plot": "apps.plot",
    "describe": "apps.describe",
    "read": "reading",
    "write": "writing",
    "Score": "music.score",
    "Track": "music.score",
    "Corpus": "corpus.corpus",
    "Model": "models.model",
    "Request": "generation.request",
    "Sampler": "sampling.sampler",
    "MusictoolError": "errors",
}

__all__ = ["__version__", *_HOMES]  # noqa: PLE0604  # the table is the list


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"musictool has no {name}; it has {', '.join(_HOMES)}")
    return getattr(import_module(f"musictool.{_HOMES[name]}"), name)


def __dir__() -> list[str]:
    return sorted(__all__)
