"""What a thing is, in a dict: a corpus, a model, a music file, a sound file. Behind `musictool info`.

Nothing here imports TensorFlow: a model is described by its model.json.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from musictool import home
from musictool.encoding import Spec
from musictool.errors import BadFile, MusictoolError, UnknownName
from musictool.models.info import read_info
from musictool.strict import json as strict_json

MOST_BYTES = 1 << 22  # of a .json beside a sample, and of a model card
AUDIO_SUFFIXES = (".wav", ".flac", ".ogg", ".mp3")


def describe(thing: str | Path) -> dict[str, Any]:
    """What `thing` is: a path to a file or folder, or the name of a corpus or model of this home.

    Returns:
        JSON-able; the key "what" says which of "corpus", "model", "music", "audio" and "sample" it is.

    Raises:
        UnknownName: if it is nothing of the kind, with a suggestion.
        BadFile, BadCorpus, BadModel: if it is one, but cannot be read.
    """
    what, path = _located(thing)
    if what == "file":
        kinds = {".json": _sample, **dict.fromkeys(AUDIO_SUFFIXES, _audio)}
        return kinds.get(path.suffix.lower(), _music)(path)
    return _corpus(path) if what == "corpus" else _model(path)


def _located(thing: str | Path) -> tuple[str, Path]:
    from musictool.reading import is_folder

    try:
        return home.locate(thing)
    except UnknownName:
        if str(thing) and Path(thing).expanduser().is_dir():
            raise is_folder(Path(thing)) from None
        raise


def headline(folder: Path) -> str:
    """One line about a corpus or model folder, for lists; says so if its marker cannot be read."""
    try:
        if (folder / home.CORPUS_MARKER).exists():
            info = strict_json.read(folder / home.CORPUS_MARKER, {"pieces": {"all": int}, "notes": int})
            return f"prepared: {info['pieces']['all']:,} pieces, {info['notes']:,} notes"
        info, card = read_info(folder), _card(folder)
        if "summary" in card:
            return str(card["summary"])
        loss = info["metrics"].get("val_loss")
        unit = Spec.from_json(info["spec"]).unit
        trained = "trained" if info["weights"] else "not trained yet"
        state = f"validation {loss:.3f} nats per {unit}" if loss else trained
        return f"{info['arch']['name']} on {info['corpus']['name']}, {state}"
    except (MusictoolError, OSError, ValueError, KeyError, TypeError) as error:
        return f"cannot be read: {error}"


def _music(path: Path) -> dict[str, Any]:
    from musictool.corpus.keys import key_of
    from musictool.music import gm
    from musictool.reading import read_named

    reading = read_named(path)
    pieces = [
        {
            "title": score.title,
            "notes": len(score.notes),
            "bars": score.bars,
            "seconds": round(score.seconds, 3),
            "pitch_range": [int(score.notes["pitch"].min()), int(score.notes["pitch"].max())],
            "bpm": [round(float(bpm), 3) for bpm in score.tempos["bpm"]],
            "metres": [f"{metre['numerator']}/{metre['denominator']}" for metre in score.metres],
            "key": key_of(score),
            "tracks": [
                {
                    "name": track.name,
                    "instrument": "drums" if track.is_drum else gm.program_name(track.program),
                    "notes": int((score.notes["track"] == i).sum()),
                }
                for i, track in enumerate(score.tracks)
            ],
        }
        for score in reading.scores
    ]
    return {"what": "music", "file": str(path), "remark": reading.remark, "pieces": pieces}


def _sample(path: Path) -> dict[str, Any]:
    """What a sample's .json says of it: model, seed, request and all that makes it again."""
    try:
        values = strict_json.read(path.resolve(), {"model": {str: object}, "request": {str: object}}, MOST_BYTES)
    except (OSError, ValueError):
        raise BadFile("not of a sample", f"{path} is not the .json that stands beside a sample") from None
    return {"what": "sample", "json": str(path), **values}


def _audio(path: Path) -> dict[str, Any]:
    import soundfile

    try:
        sound = soundfile.info(str(path))
    except (RuntimeError, OSError) as error:
        raise BadFile("not audio", f"{path}: {error}") from None
    return {
        "what": "audio",
        "file": str(path),
        "seconds": round(sound.duration, 3),
        "sample_rate": sound.samplerate,
        "channels": sound.channels,
        "format": f"{sound.format} {sound.subtype}",
    }


def _corpus(folder: Path) -> dict[str, Any]:
    from musictool.corpus.corpus import Corpus

    corpus = Corpus.open(folder)
    return {"what": "corpus", "name": corpus.name, "folder": str(folder), **corpus.info}


def _model(folder: Path) -> dict[str, Any]:
    info = read_info(folder)
    return {"what": "model", "name": folder.name, "folder": str(folder), "card": _card(folder), **info}


def _card(folder: Path) -> dict[str, Any]:
    """The model card of a model that has one; empty for others, and for one that cannot be read."""
    try:
        card: dict[str, Any] = strict_json.read(folder / home.MODEL_CARD, {"summary?": str, str: object}, MOST_BYTES)
    except (OSError, ValueError):
        return {}
    return card
