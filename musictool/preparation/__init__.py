"""From files to a corpus: what `musictool prepare` does.

sources       what there is to prepare: a folder, a file, a collection inside the music21 package
reading       the child's side: files -> outcomes, under a time limit
workers       the parent's side: children that may hang, crash and be killed
kept          what has been read, by content, so that a second run or a resumed one reads nothing twice
files_table   what became of each file: files.csv, corpus.json and the words about them
prepare       all of it together
"""
