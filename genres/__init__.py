"""How the models are made that ship with musictool: `make models`, or python -m genres.make.

    table.py      a row per genre: what it learns from, under which licence, and how it is trained
    choose.py     of a public collection, the files that a genre learns from, and which of them are one work
    lilypond.py   LilyPond sources -> MIDI
    card.py       measurements -> the model card, in the model's folder and in docs/models.md
    make.py       all of it in order, each step only where it is not done yet

Not part of the package: what is installed has the models and not this.
"""
