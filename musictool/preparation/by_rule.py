"""The files of a collection that is written by rule, put where its Source says.

They come from the source of the rule alone, which is noted beside them: another version writes them anew.
"""

from __future__ import annotations

import hashlib
from pathlib import Path

from musictool.atomic import replacing_folder, working_alone
from musictool.music import draft, minimalism
from musictool.preparation.sources import Source
from musictool.progress import Progress
from musictool.writers import midi

RULE = "rule.sha256"  # beside the folder of the music


def write_by_rule(source: Source, progress: Progress) -> None:
    """Write the files of `source`, unless they are there.

    Args:
        progress: called with how many are written, and how many there will be.
    """
    rules = (Path(path).read_bytes() for path in (draft.__file__, minimalism.__file__))
    rule = hashlib.sha256(b"".join(rules)).hexdigest()
    folder = source.root.parent
    folder.mkdir(parents=True, exist_ok=True)
    with working_alone(folder, "prepare"):
        note = folder / RULE
        if note.is_file() and note.read_text() == rule and all((source.root / name).is_file() for name in source.files):
            return
        note.unlink(missing_ok=True)
        with replacing_folder(source.root) as partial:
            for done, name in enumerate(source.files, 1):
                process, number = Path(name).stem.rsplit("-", 1)
                midi.write(minimalism.compose(process, int(number)), partial / name)
                progress(done, len(source.files))
        note.write_text(rule)
