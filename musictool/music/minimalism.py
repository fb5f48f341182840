"""Minimal music written by rule: the built-in corpus `minimalist`, our own and free of all rights (CC0 1.0).

No free collection of minimal music exists, and its composers are alive or lately dead. But much of it *is* rules: a
process is chosen, and it runs. So here is a function for each of eleven such processes. Each gets a Draft with a mode,
a tempo and a length in seconds, all drawn from the seed of the piece, and writes notes into it
(musictool/music/draft.py):

    phasing        two players repeat one pattern; one of them slips ahead, a note at a time       (Reich, 1967)
    additive       a figure grows by a note each time, and shrinks again                           (Glass, 1969)
    arpeggios      broken chords over few harmonies that come round, a layer more each round       (Glass, 1981)
    pulse          chords that pulse and swell, as long as a breath, under a pattern               (Reich, 1976)
    substitution   a rhythm appears beat by beat in the place of rests, and goes so                (Reich, 1971)
    cells          players go through the same short phrases, each in its own time                 (Riley, 1964)
    loops          single tones and short phrases come round in lengths that do not fit together   (Eno, 1978)
    drones         long tones; one at a time moves to the next                                     (Young, 1960)
    slow_canon     one slow voice in three, of which every meeting is a consonance
    mensuration    one descending scale at once in four speeds, a tone longer each time            (Pärt, 1977)
    tintinnabuli   a voice that goes by step, and beside it the nearest tone of one triad          (Pärt, 1976)

The years say where a process comes from; no note of these works is here. What comes out is orderly, in tune and rather
alike: it is what a rule says, and no composer has chosen from it.

Times are in quarter notes. The same number gives the same piece.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import cycle

from musictool.music.draft import Draft, harmonies, nearest, swell, voiced
from musictool.music.score import Score

PIECES = 33  # of each process
PIANO, MUSIC_BOX, VIBRAPHONE, MARIMBA, ORGAN = 0, 10, 11, 12, 19  # General MIDI programs
VIOLIN, VIOLA, CELLO, STRINGS, VOICES, CLARINET, FLUTE = 40, 41, 42, 48, 52, 71, 73


def phasing(draft: Draft) -> None:
    """One pattern in sixteenths; the second player comes in, and every few times slips ahead by one note."""
    draw, scale = draft.draw, draft.scale
    length = draw.choice((8, 10, 12))
    low = draw.sample(range(4), 3)
    high = draw.sample(range(4, 9), 3)
    hands = [cycle(low), cycle(high[: draw.choice((2, 3))])]
    pattern = [next(hands[i % 2]) for i in range(length)]
    program, others = draw.choice(((PIANO, PIANO), (MARIMBA, MARIMBA), (PIANO, VIBRAPHONE), (VIOLIN, VIOLIN)))
    first, second, third = draft.track(program), draft.track(others), draft.track(program)
    draft.metre(0, length, 16)
    bar = length / 4
    shifts = [0, *range(length + 1)] if length < 12 else [0, *range(length // 2 + 1)]
    times = max(2, round(draft.beats / bar / len(shifts)))
    for section, shift in enumerate(shifts):
        # What both hands together make, now and then taken up by a third: the high notes that coincide.
        both = {i for i in range(length) if pattern[i] == pattern[(i + shift) % length] or pattern[i] == max(pattern)}
        for time in range(times):
            begin = (section * times + time) * bar
            comes_in = min(1.0, (time + 1) / times) if section == 1 else 1.0
            for i in range(length):
                draft.note(first, begin + i / 4, 0.25, scale[pattern[i]], 0.6)
                if section:
                    draft.note(second, begin + i / 4, 0.25, scale[pattern[(i + shift) % length]], 0.58 * comes_in)
                if section % 3 == 2 and i in both:
                    draft.note(third, begin + i / 4, 0.25, scale[pattern[i]] + 12, 0.3 + 0.3 * time / times)
    end = len(shifts) * times * bar
    for track in (first, second):
        draft.note(track, end, bar, scale[pattern[0]], 0.5)


def additive(draft: Draft) -> None:
    """A figure in eighths of which there is a note more each time, and at the end a note less; parallels below it."""
    draw, scale = draft.draw, draft.scale
    length = draw.choice((5, 6, 7, 8, 9))
    figure = [draw.choice((0, 4))]
    while len(figure) < length:  # steps, and leaps of a third or a fourth that turn back
        step = draw.choice((1, 1, -1, -1, 2, -2, 3))
        figure.append(figure[-1] + (step if -2 <= figure[-1] + step <= 7 else -step))
    below = draw.choice((-4, -5, -2))  # a fifth, a sixth or a third of the mode
    from_the_end = draw.random() < 0.4
    stages = [*range(2, length + 1), *range(length - 1, 1, -1)]
    upper, lower, bass = (
        draft.track(program) for program in draw.choice(((PIANO, PIANO, PIANO), (FLUTE, CLARINET, CELLO), (ORGAN,) * 3))
    )
    contrary = draw.random() < 0.3
    times = max(2, round(draft.beats / (sum(stages) / 2)))
    begin = 0.0
    for stage, count in enumerate(stages):
        notes = figure[-count:] if from_the_end else figure[:count]
        draft.metre(begin, count, 8)
        for time in range(times):
            for i, degree in enumerate(notes):
                accent = 0.12 if i == 0 else 0.0
                draft.note(upper, begin + i / 2, 0.5, scale[degree + 7], 0.55 + accent)
                other = 2 * notes[0] - degree if contrary else degree
                draft.note(lower, begin + i / 2, 0.5, scale[other + 7 + below], 0.48 + accent)
            if stage >= length // 2 and time % 2 == 0:
                draft.note(bass, begin, count / 2 * min(2, times - time), scale[notes[0]] - 24, 0.5)
            begin += count / 2
    for track, pitch in ((upper, scale[figure[0] + 7]), (lower, scale[figure[0] + 7 + below])):
        draft.note(track, begin, 4, pitch, 0.5)


def arpeggios(draft: Draft) -> None:
    """Four or five chords that come round, each voice moving as little as it can; every round has a layer more."""
    draw = draft.draw
    chords = harmonies(draft, draw.choice((4, 4, 5)))
    upper, lower = draft.track(PIANO), draft.track(PIANO)
    melody = draft.track(draw.choice((PIANO, VIOLIN, FLUTE, CLARINET)))
    order = draw.choice(((0, 1, 2, 1), (0, 1, 2), (2, 1, 0, 1), (0, 2, 1, 2)))
    step = draw.choice((0.25, 0.5)) if len(order) == 4 else draw.choice((1 / 3, 0.5))
    bars = draw.choice((1, 2)) if draft.beats > 64 * len(chords) else 1
    rounds = round(draft.beats / (4 * bars * len(chords)))
    right, left = [draft.scale[0], draft.scale[2], draft.scale[4]], [draft.scale[0] - 12, draft.scale[4] - 12]
    sung = draft.scale[4] + 12
    begin = 0.0
    for turn in range(rounds):
        layer = min(turn, rounds - 1 - turn)  # comes as it goes
        for number, classes in enumerate(chords):
            right, left = voiced(classes, right, 58, 79), voiced(classes[:2], left, 41, 57)
            for beat in range(bars * 4):
                draft.note(lower, begin + beat, 1, left[beat % 2], 0.45)
            if layer >= 1:
                for i, voice in zip(range(round(bars * 4 / step)), cycle(order), strict=False):
                    draft.note(upper, begin + i * step, step, right[voice], 0.5 + 0.08 * (i % len(order) == 0))
            if layer >= 2:
                draft.note(lower, begin, bars * 4, min(left) - (12 if min(left) > 45 else 0), 0.55)
            if layer >= 3 and (turn + number) % 2 == 0:
                tones = [pitch for pitch in range(67, 87) if pitch % 12 in classes and pitch != sung]
                sung = min(tones, key=lambda pitch: abs(pitch - sung - draw.choice((-2, 2))))
                draft.note(melody, begin, bars * 4 - 1, sung, 0.6)
            begin += bars * 4
    for pitch in (*left, *voiced(chords[0], right, 58, 79)):
        draft.note(upper, begin, 4, pitch, 0.4)


def pulse(draft: Draft) -> None:
    """Six to nine chords, some bars each: pulses that swell and fade as long as a breath, and a pattern of mallets."""
    draw, scale = draft.draw, draft.scale
    chords = harmonies(draft, draw.randrange(6, 10), 4)
    mallets = draft.track(draw.choice((MARIMBA, VIBRAPHONE, PIANO)))
    players = [draft.track(program) for program in draw.choice(((CLARINET, STRINGS), (PIANO, VOICES), (VOICES, CELLO)))]
    bars = max(4, 2 * round(draft.beats / 4 / len(chords) / 2))
    rhythm = draw.choice(
        ((1, 1, 1, 0, 1, 1, 0, 1, 0, 1, 1, 0), (1, 0, 1, 1, 0, 1, 0, 1), (1, 1, 0, 1, 0, 1, 1, 0), (1, 0, 1, 1))
    )
    turn = [draw.randrange(4) for _ in rhythm]
    voices = {player: [scale[0] - 12 * i, scale[2] - 12 * i, scale[4] - 12 * i][i:] for i, player in enumerate(players)}
    chord = [scale[0], scale[2], scale[4], scale[6]]
    begin = 0.0
    for section, classes in enumerate(chords):
        chord = voiced(classes, chord, 60, 84)
        for player in players:
            around = 0 if player == players[0] else -12
            voices[player] = voiced(classes[:3], voices[player], 55 + around, 76 + around)
        for i in range(bars * 8):
            onset = begin + i / 2
            slot = i % len(rhythm)
            if rhythm[slot] and (section or i >= bars * 4):
                draft.note(mallets, onset, 0.5, chord[turn[slot]], 0.55)
            for number, player in enumerate(players):
                breath = 4 + 2 * number  # bars of a swell, and half as many of rest
                within = (onset / 4 + 1.5 * number) % (1.5 * breath)
                if within < breath:
                    for pitch in voices[player]:
                        draft.note(player, onset, 0.5, pitch, 0.08 + 0.6 * swell(within / breath))
        begin += bars * 4
    for pitch in chord:
        draft.note(mallets, begin, 4, pitch, 0.4)


def substitution(draft: Draft) -> None:
    """A rhythm of twelve places: at first one beat in it, then beat by beat the whole; two more players out of step."""
    draw, scale = draft.draw, draft.scale
    places = draw.choice((12, 12, 8))
    beats = sorted(draw.sample(range(places), draw.choice((7, 8)) if places == 12 else 5))
    tones = draw.sample((0, 1, 2, 4, 5), draw.choice((3, 4)))
    pattern = {place: scale[draw.choice(tones)] for place in beats}
    programs = draw.choice(((MARIMBA,) * 3, (PIANO, PIANO, MARIMBA), (MUSIC_BOX, VIBRAPHONE, MARIMBA)))
    players = [draft.track(program) for program in programs]
    shifts = [0, *draw.sample(range(1, places), 2)]
    octaves = [0, 12, -12]
    draft.metre(0, places // 2, 4)
    stages = 3 * len(beats) + 6
    bar = places / 2
    times = max(2, round(draft.beats / bar / stages))
    order = draw.sample(beats, len(beats))
    for stage in range(stages):
        for time in range(times):
            begin = (stage * times + time) * bar
            for number, player in enumerate(players):
                known = min(stage + 1 - number * len(beats), stages - stage + number)  # there so far, and still
                for place in order[: max(0, known)]:
                    onset = begin + ((place + shifts[number]) % places) / 2
                    draft.note(player, onset, 0.5, pattern[place] + octaves[number], 0.55 + 0.1 * (place == beats[0]))
    draft.note(players[0], stages * times * bar, bar, pattern[beats[0]], 0.5)


def cells(draft: Draft) -> None:
    """A dozen short phrases; each of four players repeats each of them as often as it likes, none far from the rest."""
    draw, scale = draft.draw, draft.scale
    phrases = []
    at = 0
    for _ in range(draw.randrange(10, 16)):
        lengths = draw.choice(((1, 1), (0.5,) * 4, (1, 0.5, 0.5), (0.5, 0.5, 1, 1), (2, 1, 1), (0.25,) * 4, (3, 1)))
        phrase = []
        for length in lengths:
            step = draw.choice((-1, 1, -1, 1, 2, -2, 4, 0))
            at += step if -2 <= at + step <= 8 else -step
            phrase.append((at, length))
        phrases.append(phrase)
    programs = draw.choice(((PIANO, FLUTE, CLARINET, CELLO), (PIANO, MARIMBA, VIBRAPHONE, CLARINET), (PIANO,) * 4))
    players = [draft.track(program) for program in programs]
    each = draft.beats / len(phrases)
    for number, player in enumerate(players):
        onset = (0.0, 5.0, 9.0, 12.0)[number] * draw.randrange(1, 3)  # so that no two say the same together for long
        octave = (12, 0, 0, -12)[number]
        for index, phrase in enumerate(phrases):
            until = (index + 1) * each + draw.uniform(-0.35, 0.35) * each  # within a phrase of the others
            while onset < until:
                for degree, length in phrase:
                    draft.note(player, onset, length, scale[degree] + octave, 0.5 + 0.05 * number)
                    onset += length
            onset += draw.choice((0, 0, 2, 4))  # listens
    pulses = draft.track(PIANO)
    for i in range(round(draft.end)):
        draft.note(pulses, i, 0.5, scale[0] + 24, 0.25)


def loops(draft: Draft) -> None:
    """Six or seven short phrases of long tones, each coming round in a time of its own, so that nothing comes twice."""
    draw, scale = draft.draw, draft.scale
    tones = scale.within(50, 81, (0, 1, 2, 4, 6) if len(scale.steps) == 7 else ())
    program = draw.choice((PIANO, VOICES, STRINGS, VIBRAPHONE))
    periods = draw.sample((17, 19, 21, 23, 25, 27, 29, 31, 33), draw.choice((6, 7)))
    for number, period in enumerate(periods):
        track = draft.track(program if number else PIANO)
        centre = round(number * (len(tones) - 1) / len(periods))
        phrase = []
        onset = 0.0
        for _ in range(draw.choice((1, 1, 2, 3))):
            place = min(max(centre + draw.choice((0, 1, -1, 2)), 0), len(tones) - 1)
            length = draw.choice((2, 3, 4, 6))
            phrase.append((onset, length, tones[place]))
            onset += length
        begin = float(draw.randrange(0, period))
        while begin < draft.beats:
            for at, length, pitch in phrase:
                draft.note(track, begin + at, length, pitch, draw.uniform(0.35, 0.55))
            begin += period


def drones(draft: Draft) -> None:
    """Four long voices over a fifth: every few beats one of them, never two, moves to the next tone of the mode."""
    draw, scale = draft.draw, draft.scale
    low, high = scale.tonic - 24, scale.tonic + 19
    programs = draw.choice(((STRINGS,) * 5, (ORGAN,) * 5, (VOICES, VOICES, STRINGS, STRINGS, CELLO)))
    tracks = [draft.track(program) for program in programs]
    voices = [scale[degree] for degree in (0, 2, 4, 8)]
    since = [0.0] * 4
    onset = 0.0
    while onset < draft.beats:
        onset += draw.choice((4, 4, 6, 8))
        voice = draw.randrange(4)
        room = (voices[voice - 1] if voice else scale.tonic - 5, voices[voice + 1] if voice < 3 else high)
        tones = [pitch for pitch in scale.within(low, high) if room[0] < pitch < room[1] and pitch != voices[voice]]
        clear = [p for p in tones if all(abs(p - other) > 1 for other in voices)] or tones
        if not clear:
            continue
        draft.note(tracks[voice], since[voice], onset - since[voice], voices[voice], 0.4 + 0.05 * voice)
        voices[voice] = min(clear, key=lambda pitch: (abs(pitch - voices[voice]), draw.random()))
        since[voice] = onset
    for voice in range(4):
        draft.note(tracks[voice], since[voice], onset + 8 - since[voice], voices[voice], 0.4)
    for begin in range(0, round(onset), 16):
        length = min(16, onset + 8 - begin)
        for pitch in (scale.tonic - 24, scale.tonic - 24 + (scale[4] - scale.tonic if len(scale.steps) == 7 else 7)):
            draft.note(tracks[4], begin, length, pitch, 0.5)


def slow_canon(draft: Draft) -> None:
    """Three voices with one melody, a few beats apart, an octave or a fifth: each tone fits what the others have."""
    draw, scale = draft.draw, draft.scale
    delay = draw.choice((2, 3, 4))  # notes between two entries
    unit = draw.choice((2, 2, 1.5, 3))
    answers = draw.choice(((0, -7, 7), (0, -4, -7), (0, -7, -14), (0, 4, -7)))  # degrees of the mode
    consonant = {0, 3, 4, 7, 8, 9}  # semitones, above each other in any octave
    melody: list[int] = [draw.choice((4, 7))]
    while len(melody) * unit < draft.beats:
        fitting = []
        for step in (1, -1, 2, -2, 3, -3, 4, 0):
            tone = melody[-1] + step
            others = [
                scale[melody[len(melody) - delay * late] + answers[late]]
                for late in (1, 2)
                if len(melody) >= delay * late
            ]
            if 0 <= tone <= 11 and all(abs(scale[tone] - other) % 12 in consonant for other in others):
                fitting.append(tone)
        near = [tone for tone in fitting if abs(tone - melody[-1]) in (1, 2)] or fitting or [melody[-1]]
        melody.append(draw.choice(near))
    program = draw.choice((STRINGS, CLARINET, VOICES, PIANO, ORGAN))
    sparse = draw.choice((0, 0, 7))  # every so many tones are held over the next
    for late, answer in enumerate(answers):
        track = draft.track(program)
        i = 0
        while i < len(melody):
            held = 2 if sparse and i % sparse == sparse - 2 else 1
            draft.note(track, (i + delay * late) * unit, held * unit, scale[melody[i] + answer], 0.5 - 0.04 * late)
            i += held


def mensuration(draft: Draft) -> None:
    """A scale that falls one tone, two tones, three ..., at once in four speeds; beside each tone one of the triad."""
    draw, scale = draft.draw, draft.scale
    speeds = (1.0, 2.0, 4.0, 8.0)
    program = draw.choice((STRINGS, STRINGS, PIANO, ORGAN, VOICES))
    bell = draft.track(draw.choice((MUSIC_BOX, VIBRAPHONE, PIANO)))
    top = 14 if len(scale.steps) == 7 else 10
    octave = len(scale.steps)
    long_and_short = draw.random() < 0.5  # each tone twice as long as the next, as in speech
    for number, speed in enumerate(speeds):
        track, triad = draft.track(program), draft.track(program)
        onset, length = speed * 2 * number, 1
        tones = scale.within(24, 103, (0, 2, 4) if octave == 7 else (0, 2, 3))
        while onset < draft.beats:
            for fall in range(length):
                pitch = scale[top - octave * number - fall]
                duration = speed * (1.5 if long_and_short and fall % 2 == 0 else 0.5 if long_and_short else 1)
                draft.note(track, onset, duration, pitch, 0.55)
                if number < 3:
                    draft.note(triad, onset, duration, nearest(pitch, tones, above=False), 0.42)
                onset += duration
                if onset >= draft.beats or pitch < 36:
                    break
            length += 1
    for onset in range(0, round(draft.beats), 12):
        draft.note(bell, onset, 6, scale.tonic + 12, 0.35)


def tintinnabuli(draft: Draft) -> None:
    """Lines as long as words, by step from the central tone or to it; a second voice on the triad; a low fifth."""
    draw, scale = draft.draw, draft.scale
    octave = len(scale.steps)
    triad = scale.within(24, 103, (0, 2, 4) if octave == 7 else (0, 2, 3))
    melody, bells, drone = (
        draft.track(program)
        for program in draw.choice(
            ((PIANO,) * 3, (VIOLIN, PIANO, PIANO), (VOICES, VOICES, CELLO), (VIOLIN, VIOLA, CELLO))
        )
    )
    grows = draw.random() < 0.4  # 1 2 3 ... 8 ... 3 2 1, else as words come
    words = cycle([*range(1, 9), *range(7, 1, -1)]) if grows else iter(lambda: draw.choice((1, 2, 2, 3, 3, 4, 5, 7)), 0)
    unit = draw.choice((1.0, 1.0, 1.5))
    above = draw.random() < 0.5
    onset = 0.0
    for phrase, length in enumerate(words):
        if onset >= draft.beats:
            break
        rising, begins = draw.random() < 0.5, draw.random() < 0.5  # from the centre, or to it
        degrees = [(i if begins else length - 1 - i) * (1 if rising else -1) for i in range(length)]
        start = onset
        for i, degree in enumerate(degrees):
            pitch = scale[degree] + 12
            duration = 2 * unit if i == length - 1 else unit
            draft.note(melody, onset, duration, pitch, 0.5 + 0.06 * (i == 0))
            draft.note(bells, onset, duration, nearest(pitch, triad, above), 0.4)
            onset += duration
        above = not above if draw.random() < 0.3 else above
        if phrase % 2 == 0:
            draft.note(drone, start, onset - start, scale.tonic - 24, 0.4)
            draft.note(drone, start, onset - start, scale.tonic - 17, 0.35)
        onset = unit * 2 * -(-onset // (unit * 2)) + draw.choice((0, 0, 2 * unit))  # a breath
    draft.note(drone, onset, 8, scale.tonic - 24, 0.4)
    draft.note(melody, onset, 8, scale.tonic + 12, 0.35)


@dataclass(frozen=True)
class Process:
    """A function above, and what is drawn for it: modes to choose from, the slowest and the fastest tempo."""

    write: Callable[[Draft], None]
    modes: tuple[str, ...]
    bpm: tuple[int, int]


MODAL = ("dorian", "mixolydian", "lydian", "aeolian", "ionian")
PROCESSES: dict[str, Process] = {
    "phasing": Process(phasing, (*MODAL, "pentatonic"), (96, 144)),
    "additive": Process(additive, MODAL, (112, 168)),
    "arpeggios": Process(arpeggios, ("aeolian", "dorian", "ionian"), (84, 132)),
    "pulse": Process(pulse, MODAL, (108, 152)),
    "substitution": Process(substitution, (*MODAL, "pentatonic"), (120, 168)),
    "cells": Process(cells, MODAL, (100, 144)),
    "loops": Process(loops, ("lydian", "ionian", "pentatonic", "dorian"), (60, 88)),
    "drones": Process(drones, ("dorian", "aeolian", "lydian", "mixolydian"), (60, 84)),
    "slow-canon": Process(slow_canon, MODAL, (66, 96)),
    "mensuration": Process(mensuration, ("aeolian", "dorian", "phrygian"), (60, 100)),
    "tintinnabuli": Process(tintinnabuli, ("aeolian", "dorian", "phrygian", "ionian"), (60, 96)),
}


def compose(process: str, number: int) -> Score:
    """Piece `number` of a process, the same every time."""
    rule = PROCESSES[process]
    draft = Draft(process, number, rule.modes, rule.bpm)
    rule.write(draft)
    return draft.score(f"{process} {number}")


def pieces() -> Iterator[tuple[str, int]]:
    """(process, number) of each piece of the corpus."""
    for process in PROCESSES:
        for number in range(1, PIECES + 1):
            yield process, number
