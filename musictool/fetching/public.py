"""The public collections that `musictool fetch` knows, as a table.

Addresses, licences and sums were read in the collections' own pages and repositories. The sums of maestro, groove and
nes-mdb are those that their makers publish, the sums and sizes of lakh and jsb-chorales those that the MusPy library
checks. Where `sha256` is empty none is published: then `fetch` writes down the sum of what it got, so that another
fetch can be compared. GitHub packs the archive of a commit anew when it likes, so that archives of one commit differ by
their sums; the files in them do not. Where `files_sha256` is given it is the sum of the files in a copy of that commit.

musictool adds no right to any of this music. Files made from recordings and songs of our day may be under the rights
of others than the licence's giver; a corpus made from them is the user's to answer for. The table ages: an address
that has moved is said to be gone, and `musictool fetch ADDRESS` takes the new one.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Collection:
    """A collection that can be downloaded.

    Attributes:
        summary: one line.
        licence: what its makers say about its use.
        page: where its makers describe it.
        address: of its archive; empty where it is given out by hand only.
        size_bytes: of the archive, exactly; None where it is not known.
        about: the size in words, where it is not known exactly.
        sha256: of the archive, in hex; empty where none is published.
        only: patterns of entries that are unpacked; empty for all. "*" also crosses folders.
        without: patterns of entries that are not, such as a second encoding of the same piece.
        files, files_sha256: how many files are unpacked, and their sum (see musictool/fetching/sums.py), in a copy that
            was measured; 0 and empty where none was. Other files are no error, but said.
    """

    summary: str
    licence: str
    page: str
    address: str = ""
    size_bytes: int | None = None
    about: str = ""
    sha256: str = ""
    only: tuple[str, ...] = ()
    without: tuple[str, ...] = ()
    files: int = 0
    files_sha256: str = ""


_CC_BY = "CC BY 4.0"
_CC_BY_NC_SA = "CC BY-NC-SA 4.0 (not for commercial use)"

_LAKH = "https://colinraffel.com/projects/lmd/"
_LAKH_FILES = "http://hog.ee.columbia.edu/craffel/lmd/"
_LPD = "https://salu133445.github.io/lakh-pianoroll-dataset/dataset"
_DRIVE = "https://drive.usercontent.google.com/download?export=download&confirm=t&id="
_MAGENTA = "https://storage.googleapis.com/magentadata/datasets/"
_BENCHMARK = "http://www-etud.iro.umontreal.ca/~boulanni/icml2012"
_BENCHMARK_FILES = "http://www-etud.iro.umontreal.ca/~boulanni/"

COLLECTIONS: dict[str, Collection] = {
    "lakh-full": Collection(
        "Lakh MIDI: 176,581 files of all kinds of music, a few thousand of them damaged",
        _CC_BY,
        _LAKH,
        _LAKH_FILES + "lmd_full.tar.gz",
        1_768_163_879,
        sha256="6fcfe2ac49ca08f3f214cec86ab138d4fc4dabcd7f27f491a838dae6db45a12b",
    ),
    "lakh-matched": Collection(
        "Lakh MIDI: the 45,129 files that belong to known songs; one song may stand in it several times",
        _CC_BY,
        _LAKH,
        _LAKH_FILES + "lmd_matched.tar.gz",
        1_407_072_670,
        sha256="621ff830aed771f469e5bfa13dc12a33c6ed69090adeda63d0b5c47783af0191",
    ),
    "lakh-clean": Collection(
        "Lakh MIDI: about 17,000 files named by artist and title; one song may stand in it several times",
        _CC_BY,
        _LAKH,
        _LAKH_FILES + "clean_midi.tar.gz",
        about="about 234 MB",
    ),
    "lpd-5-full": Collection(
        "Lakh Pianoroll: 174,154 songs as five-track piano-rolls",
        _CC_BY,
        _LPD,
        _DRIVE + "1tZKMhYazSWapFTUt7H6abHSo-QKH9ATC",
    ),
    "lpd-5-cleansed": Collection(
        "Lakh Pianoroll: 21,425 songs in 4/4 as five-track piano-rolls, each song once",
        _CC_BY,
        _LPD,
        _DRIVE + "1yz0Ma-6cWTl6mhkrLnAVJ7RNzlQRypQ5",
    ),
    "lpd-17-cleansed": Collection(
        "Lakh Pianoroll: the same 21,425 songs in seventeen tracks",
        _CC_BY,
        _LPD,
        _DRIVE + "1ycvALTnMNWnXcwXDjS7YeNC6mQtANvMK",
    ),
    "maestro": Collection(
        "MAESTRO v3.0.0, MIDI only: 1,276 piano performances recorded at a competition, 200 hours",
        _CC_BY_NC_SA,
        "https://magenta.tensorflow.org/datasets/maestro",
        _MAGENTA + "maestro/v3.0.0/maestro-v3.0.0-midi.zip",
        58_416_533,
        sha256="70470ee253295c8d2c71e6d9d4a815189e35c89624b76d22fce5a019d5dde12c",
    ),
    "groove": Collection(
        "Groove MIDI v1.0.0, MIDI only: 1,150 takes of ten drummers on an electronic kit",
        _CC_BY,
        "https://magenta.tensorflow.org/datasets/groove",
        _MAGENTA + "groove/groove-v1.0.0-midionly.zip",
        3_260_318,
        sha256="651cbc524ffb891be1a3e46d89dc82a1cecb09a57c748c7b45b844c4841dcc1e",
    ),
    "giantmidi": Collection(
        "GiantMIDI-Piano: 10,855 classical piano recordings, transcribed by machine",
        _CC_BY + ", after agreeing to a disclaimer",
        "https://github.com/bytedance/GiantMIDI-Piano/blob/master/disclaimer.md",
        about="about 193 MB",
    ),
    "aria-midi": Collection(
        "Aria-MIDI, pruned: 820,944 piano recordings, transcribed by machine",
        _CC_BY_NC_SA + ", and a disclaimer that the download agrees to",
        "https://github.com/loubbrad/aria-midi",
        "https://huggingface.co/datasets/loubb/aria-midi/resolve/main/aria-midi-v1-pruned-ext.tar.gz",
        about="about 5.4 GB",
    ),
    "adl-piano": Collection(
        "ADL Piano MIDI: 11,086 piano pieces of many genres, most of them piano tracks of Lakh MIDI",
        "none stated; most of it derives from Lakh MIDI (CC BY 4.0), the rest was collected from the web",
        "https://github.com/lucasnfe/adl-piano-midi",
        "https://github.com/lucasnfe/adl-piano-midi/raw/refs/heads/master/midi/adl-piano-midi.zip",
    ),
    "pop909": Collection(
        "POP909: piano arrangements of 909 Chinese pop songs in three tracks; the arrangers' other versions left out",
        "MIT for the collection; the songs are under their own rights",
        "https://github.com/music-x-lab/POP909-Dataset",
        "https://github.com/music-x-lab/POP909-Dataset/archive/refs/heads/master.zip",
        without=("*/versions/*",),
    ),
    "nottingham": Collection(
        "Nottingham: about 1,000 British and American folk tunes with chords, cleaned by Jukedeck",
        "GPL-3.0 for the collection; the tunes are traditional",
        "https://github.com/jukedeck/nottingham-dataset",
        "https://github.com/jukedeck/nottingham-dataset/archive/refs/heads/master.zip",
        without=("*/ABC_original/*", "*/ABC_cleaned/*", "*/MIDI/melody/*", "*/MIDI/chords/*"),
    ),
    "jsb-chorales": Collection(
        "382 Bach chorales as split for the JSB benchmark, test pieces included; their MIDI header says 100 ticks "
        "where 120 are meant, so bach, built in, is better to learn from",
        "none stated; the music is out of copyright",
        _BENCHMARK,
        _BENCHMARK_FILES + "JSB%20Chorales.zip",
        215_242,
        sha256="69924294546a71620c06374085cd6b0300665ea215e2f854f65a11929f1e723c",
    ),
    "musedata": Collection(
        "orchestral and piano classics as split for the MuseData benchmark, test pieces included",
        "see the page; the encodings are CCARH's",
        _BENCHMARK,
        _BENCHMARK_FILES + "MuseData.zip",
    ),
    "piano-midi-de": Collection(
        "classical piano as split for the Piano-midi.de benchmark, test pieces included",
        "see the page",
        _BENCHMARK,
        _BENCHMARK_FILES + "Piano-midi.de.zip",
    ),
    "nes-mdb": Collection(
        "NES Music Database: 5,278 pieces from 397 games, four voices",
        "none stated; the music is under its own rights",
        "https://github.com/chrisdonahue/nesmdb",
        "http://deepyeti.ucsd.edu/cdonahue/nesmdb/nesmdb_midi.tar.gz",
        12_922_275,
        sha256="37610e2ca5fe70359c85170cf1f4982596783bb304c59d9c439f68c24ff4ee93",
    ),
    "metamidi": Collection(
        "MetaMIDI: 436,631 files of all kinds of music; given out on request only",
        "for research, after registration",
        "https://zenodo.org/record/5142664",
    ),
}

COLLECTIONS |= {  # of which the models are made that ship with musictool, see docs/models.md
    "openscore-lieder": Collection(
        "OpenScore Lieder: 1,460 songs with piano of the long 19th century",
        "CC0 1.0",
        "https://github.com/OpenScore/Lieder",
        "https://github.com/OpenScore/Lieder/archive/bca1224.zip",
        only=("*/scores/*.mxl",),
        files=1460,
        files_sha256="f98218c33ab295405447e4a536ffacee88982538c07bca288e9bf4d7a7498992",
    ),
    "openscore-quartets": Collection(
        "OpenScore String Quartets: 122 scores, Haydn to Bartók",
        "CC0 1.0",
        "https://github.com/OpenScore/StringQuartets",
        "https://github.com/OpenScore/StringQuartets/archive/2c723a5.zip",
        only=("*/scores/*.mxl",),
        files=122,
        files_sha256="0a80e5879cafc29f6f4c8e58b69192843de489e3b87ae5f34d3c0f99fe2de8f7",
    ),
    "chopin-first-editions": Collection(
        "Chopin's works in early editions, several editions of many of them, as Humdrum files",
        _CC_BY + ", Fryderyk Chopin Institute",
        "https://github.com/pl-wnifc/humdrum-chopin-first-editions",
        "https://github.com/pl-wnifc/humdrum-chopin-first-editions/archive/95dfb10.zip",
        only=("*/kern/*.krn",),
    ),
    "ceol-rince": Collection(
        "Ceol Rince na hÉireann: 1,195 Irish dance tunes, transcribed by Bill Black",
        "Unlicense; its card says CC BY 4.0: credit Bill Black and Danny Diamond",
        "https://github.com/polifonia-project/folk_ngram_analysis",
        "https://github.com/polifonia-project/folk_ngram_analysis/archive/9d8ccf9.zip",
        only=("*/cre_corpus/*.mid",),  # the repository also holds tunes of thesession.org, which forbids models
        files=1195,
        files_sha256="9246a5cd614681fefe23e07f629359bc2c1568ed3a59399dfa502f25148011bb",
    ),
    "mutopia": Collection(
        "Mutopia: classical music as LilyPond sources, of which LilyPond makes MIDI; prepare reads none of them itself",
        "of each piece, in its source: most are in the public domain, others under CC BY or CC BY-SA",
        "https://github.com/MutopiaProject/MutopiaProject",
        "https://github.com/MutopiaProject/MutopiaProject/archive/2144afd.zip",
        only=("*/ftp/*.ly",),
        without=("*-lys/*",),  # parts of pieces
    ),
    "freedoom": Collection(
        "Freedoom: 112 pieces for a game, with drums, guitars, bass and strings",
        "BSD 3-Clause, contributors to the Freedoom project",
        "https://github.com/freedoom/freedoom",
        "https://github.com/freedoom/freedoom/archive/d14dbbee3b6fbfb2c11cdb65eb61216e86d4ee85.zip",
        only=("*/musics/*.mid",),
        without=("*/musics/*/*",),
        files=112,
        files_sha256="97e7ab574f98dd067ab70605a33f98f86a523bdfca140088a9dbcd91a2befea2",
    ),
    "open-hymnal": Collection(
        "Open Hymnal: 305 hymns in four parts, as ABC files",
        "public domain, as each file says",
        "https://github.com/mzealey/openhymnal",
        "https://github.com/mzealey/openhymnal/archive/d35811b2d5c9b0bbc5887d60a2936454815416e8.zip",
        only=("*.abc",),
        files=305,
        files_sha256="751df02d90ae9df90ff8e67122bdb554b247c94111f9b6dbc242399fb806972d",
    ),
}


def size_in_words(size_bytes: int) -> str:
    """58416533 -> "58.4 MB"."""
    for unit, size in (("GB", 1e9), ("MB", 1e6), ("kB", 1e3)):
        if size_bytes >= size:
            return f"{size_bytes / size:.1f} {unit}"
    return f"{size_bytes} bytes"
