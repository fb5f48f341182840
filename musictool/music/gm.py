"""General MIDI's 128 programs by name and by number.

A program's number here is the one that stands in the MIDI file, 0..127, as in pretty_midi and symusic: 0 is the
acoustic grand piano, 40 the violin. Printed tables and synthesisers' displays count from 1; subtract one from theirs.
"""

from __future__ import annotations

import difflib

from musictool.errors import BadOption, UnknownName

_TABLE = """
    Acoustic Grand Piano; Bright Acoustic Piano; Electric Grand Piano; Honky-tonk Piano; Electric Piano 1; Electric
    Piano 2; Harpsichord; Clavinet;
    Celesta; Glockenspiel; Music Box; Vibraphone; Marimba; Xylophone; Tubular Bells; Dulcimer;
    Drawbar Organ; Percussive Organ; Rock Organ; Church Organ; Reed Organ; Accordion; Harmonica; Tango Accordion;
    Acoustic Guitar (nylon); Acoustic Guitar (steel); Electric Guitar (jazz); Electric Guitar (clean); Electric
    Guitar (muted); Overdriven Guitar; Distortion Guitar; Guitar Harmonics;
    Acoustic Bass; Electric Bass (finger); Electric Bass (pick); Fretless Bass; Slap Bass 1; Slap Bass 2; Synth Bass
    1; Synth Bass 2;
    Violin; Viola; Cello; Contrabass; Tremolo Strings; Pizzicato Strings; Orchestral Harp; Timpani;
    String Ensemble 1; String Ensemble 2; Synth Strings 1; Synth Strings 2; Choir Aahs; Voice Oohs; Synth Choir;
    Orchestra Hit;
    Trumpet; Trombone; Tuba; Muted Trumpet; French Horn; Brass Section; Synth Brass 1; Synth Brass 2;
    Soprano Sax; Alto Sax; Tenor Sax; Baritone Sax; Oboe; English Horn; Bassoon; Clarinet;
    Piccolo; Flute; Recorder; Pan Flute; Blown Bottle; Shakuhachi; Whistle; Ocarina;
    Lead 1 (square); Lead 2 (sawtooth); Lead 3 (calliope); Lead 4 (chiff); Lead 5 (charang); Lead 6 (voice); Lead 7
    (fifths); Lead 8 (bass + lead);
    Pad 1 (new age); Pad 2 (warm); Pad 3 (polysynth); Pad 4 (choir); Pad 5 (bowed); Pad 6 (metallic); Pad 7 (halo);
    Pad 8 (sweep);
    FX 1 (rain); FX 2 (soundtrack); FX 3 (crystal); FX 4 (atmosphere); FX 5 (brightness); FX 6 (goblins); FX 7
    (echoes); FX 8 (sci-fi);
    Sitar; Banjo; Shamisen; Koto; Kalimba; Bagpipe; Fiddle; Shanai;
    Tinkle Bell; Agogo; Steel Drums; Woodblock; Taiko Drum; Melodic Tom; Synth Drum; Reverse Cymbal;
    Guitar Fret Noise; Breath Noise; Seashore; Bird Tweet; Telephone Ring; Helicopter; Applause; Gunshot
"""  # a family of eight after the other
PROGRAMS: tuple[str, ...] = tuple(" ".join(_TABLE.split()).split("; "))
DRUMS = "Drums"
_EVERYDAY = {"strings": 48, "sax": 65}  # whose first namesake in the table is not what is meant


def program_name(program: int, is_drum: bool = False) -> str:
    """The name of program 0..127, such as "Violin" for 40; "Drums" for a drum track whatever its program."""
    return DRUMS if is_drum else PROGRAMS[program]


def program_number(name: str) -> int:
    """The program 0..127 that a name or a number in letters means.

    Case, spaces and punctuation do not matter, and a part of a name will do; where it is part of several, the first
    that has it as a whole word is meant: "piano" is 0, "violin" 40, "organ" 16.

    >>> program_number("Acoustic Grand Piano"), program_number("violin"), program_number("40")
    (0, 40, 40)

    Raises:
        UnknownName: for a name that no program has.
        BadOption: for a number outside 0..127, and for drums, which are not a program.
    """
    if name.strip().lstrip("-").isdecimal():
        if not 0 <= int(name) < len(PROGRAMS):
            raise BadOption(f"instrument {name.strip()} does not exist; General MIDI programs are 0..127 (0: piano)")
        return int(name)
    text = _words(name)
    known = [_words(program) for program in PROGRAMS]
    if text == "drums":
        raise BadOption("drums are not one of General MIDI's programs; give an instrument with pitches")
    if text in _EVERYDAY:
        return _EVERYDAY[text]
    if text in known:
        return known.index(text)
    parts = [number for number, words in enumerate(known) if text and f" {text} " in f" {words} "]
    if not parts:
        raise _unknown(name, text)
    return parts[0]


def _words(name: str) -> str:
    letters = "".join(letter if letter.isalnum() else " " for letter in name.lower())
    return " ".join(letters.split())


def _unknown(name: str, text: str) -> UnknownName:
    by_word = {_words(word): word for program in PROGRAMS for word in (program, *program.split()) if len(word) > 2}
    near = difflib.get_close_matches(text, by_word, n=1, cutoff=0.5)
    hint = f" Did you mean '{by_word[near[0]]}'?" if near else ""
    return UnknownName(f"unknown instrument '{name}'.{hint} Give a General MIDI name or a number 0..127 (0: piano)")
