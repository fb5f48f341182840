"""The music that the benchmarks read."""

from __future__ import annotations

import shutil
import tempfile
from dataclasses import replace
from pathlib import Path

HERE = Path(tempfile.gettempdir()) / "musictool-benchmarks"
SUFFIXES = {".mid", ".midi"}


def midi_files(folder: Path) -> list[Path]:
    """Every MIDI file below a folder, sorted."""
    return sorted(path for path in folder.resolve().rglob("*") if path.suffix.lower() in SUFFIXES)


def chorales() -> Path:
    """The Bach chorales as MIDI, written by music21 on the first call."""
    from musictool.atomic import replacing_folder
    from musictool.preparation import sources

    folder = HERE / "bach-midi"
    if not folder.is_dir():
        import tqdm
        from music21 import converter

        bach = sources.find("bach")
        folder.parent.mkdir(exist_ok=True)
        with replacing_folder(folder) as growing:
            for name in tqdm.tqdm(bach.files, "exporting chorales", leave=False):
                converter.parse(bach.root / name).write("midi", growing / f"{Path(name).stem}.mid")
    return folder


def copies(originals: list[Path], count: int) -> Path:
    """A folder of `count` MIDI files made of the originals, each transposed or cut otherwise than the others."""
    import tqdm

    from musictool.reading import read
    from musictool.writing import write

    folder = HERE / f"copies-of-{len(originals)}-{count}"
    if len(list(folder.glob("*/*.mid"))) == count:
        return folder
    shutil.rmtree(folder, ignore_errors=True)
    scores = [read(path).scores[0] for path in originals]
    for index in tqdm.trange(count, desc="writing copies", leave=False):
        number, original = divmod(index, len(scores))
        score = scores[original].transpose(number % 11 - 5)
        place = folder / f"{number:04}" / f"{original:05}.mid"
        place.parent.mkdir(parents=True, exist_ok=True)
        write(replace(score, notes=score.notes[number // 11 :]), place)
    return folder
