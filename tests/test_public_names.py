"""Names that lie on people's disks and in their scripts: files of corpora and models hold them, so they stay.

To add one, add it here. To rename one, raise the number of the format that holds it, and give a line to whoever comes
with an old file.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from musictool.catalogue import entries
from musictool.corpus.corpus import Corpus
from musictool.dataset.encode import encode_corpus
from musictool.preparation.prepare import prepare
from musictool.registry import ARCHS, ENCODINGS

CORPUS = (
    "format musictool name description source licence reading val_split split_by fingerprint files skipped pieces "
    "notes bars seconds instruments keys known"
)
CORPUS_TABLES = {
    "source": "kind name path",
    "reading": "parser time_limit_seconds read key",
    "files": "found read salvaged skipped duplicate",
    "pieces": "all train validation",
}
FILE = "path content status reason detail pieces notes bars seconds programs about"  # in notes.h5
ENCODED = "format musictool corpus encoding transpositions to_c where summary"
SUMMARY = "size train_rows validation_rows coverage"
VOCABULARIES = {
    "midi-message": "symbols counts",
    "remi": "symbols pairs",
    "tsd": "symbols pairs",
}
MODEL = "format arch encoding spec conditions corpus music training metrics provenance weights vocabulary_sha256 stages"
OPTIONS = {
    "chord-roll": "vocabulary steps_per_quarter max_polyphony reduce_to seed max_vocabulary",
    "midi-message": "steps_per_quarter tracks longest_quarters max_vocabulary",
    "multitrack-roll": "steps_per_quarter onsets",
    "note-chord": "vocabulary steps_per_quarter positions rhythm pitch_classes rests max_vocabulary",
    "note-duration": "steps_per_quarter longest_quarters programs positions",
    "performance": "velocity velocity_bins steps_per_second",
    "piano-roll": "steps_per_quarter onsets",
    "remi": "programs tempo velocity chords steps_per_beat vocabulary metre",
    "voices": "steps_per_quarter onsets",
    "segments": "steps_per_quarter any_metre",
    "tsd": "programs tempo velocity chords steps_per_beat vocabulary",
    "chain": "embedding width layers dropout bar_positions hidden chain lowest highest",
    "coconet": "width layers dropout gibbs_steps bar_positions lowest highest",
    "cnn": "embedding width layers dropout kernel pool",
    "gan": "width latent smoothing matching ttur neurons",
    "gru": "embedding width layers dropout",
    "hmm": "states rounds most_rows seed",
    "lstm": "embedding width layers dropout",
    "markov": "order most_rows",
    "mask-transformer": "embedding width layers dropout heads multiple positions context bars tracks lines notes plain",
    "melody-cnn": "width hidden latent skip_previous input_dropout",
    "midinet": "width latent smoothing matching ttur neurons",
    "multi-rnn": "embedding width layers dropout bar_positions head hidden notes hold",
    "rnn": "embedding width layers dropout",
    "rnn-nade": "embedding width layers dropout bar_positions recurrent hidden hold",
    "rnn-rbm": "embedding width layers dropout bar_positions hidden hold divergence_steps gibbs_steps ais_steps "
    "ais_chains recurrent",
    "rtrbm": "hidden hold divergence_steps gibbs_steps ais_steps ais_chains bar_positions",
    "roll-lstm": "embedding width layers dropout bar_positions hold",
    "seq2seq": "embedding width layers dropout",
    "transformer": "embedding width layers dropout heads multiple positions context",
    "transformer-xl": "embedding width layers dropout heads multiple segment memory",
    "vae": "latent width hidden beta kl_warmup free_nats positive_weight input_dropout dropout memory own_latents"
    " latent_mse_weight",
    "voice-lstm": "embedding width layers dropout bar_positions hidden harmony rhythm lowest highest",
    "wavenet": "embedding width layers dropout stacks kernel",
    "wgan": "width latent chord_noise track_noise piece_noise critic_steps penalty neurons",
}


def keys(values: Any) -> str:
    return " ".join(values)


def read(path: Path) -> dict[str, Any]:
    values: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return values


def test_the_keys_of_a_corpus(at_tiny_home: Path):
    info = read(at_tiny_home / "corpora" / "tunes" / "corpus.json")
    assert keys(info) == CORPUS
    assert {name: keys(info[name]) for name in CORPUS_TABLES} == CORPUS_TABLES
    assert {keys(file) for file in Corpus.open("tunes").files} == {FILE}


@pytest.fixture(scope="module")
def corpus(tunes: Path, tmp_path_factory: pytest.TempPathFactory) -> Corpus:
    """A corpus to encode."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MUSICTOOL_HOME", str(tmp_path_factory.mktemp("encoded")))
        return prepare(str(tunes), name="tunes", workers=1, encode=False).corpus


@pytest.mark.parametrize("name", ENCODINGS.names())
def test_the_keys_of_an_encoding_and_its_vocabulary(corpus: Corpus, name: str):
    folder = encode_corpus(corpus, name).folder
    values, vocabulary = read(folder / "encoded.json"), folder / "vocabulary.json"
    assert keys(values) == ENCODED
    assert keys(values["summary"]) == SUMMARY
    assert keys(values["encoding"]) == "name options"
    assert (keys(read(vocabulary)) if vocabulary.exists() else None) == VOCABULARIES.get(name)


def test_the_keys_of_a_model(at_tiny_home: Path):
    folder = at_tiny_home / "saved_models" / "tunes-lstm"
    assert keys(read(folder / "model.json")) == MODEL
    assert keys(read(folder / "vocabulary.json")) == "symbols counts"


def test_the_names_of_options():
    named = {entry.name: entry.settings for registry in (ENCODINGS, ARCHS) for entry in entries(registry)}
    assert {name: keys(key.partition("=")[0] for key, _ in settings) for name, settings in named.items()} == OPTIONS
