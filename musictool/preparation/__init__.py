"""From files to a corpus: what `musictool prepare` does.

sources       what there is to prepare: a folder, a file, a collection inside the music21 package
metadata      what others have written down about files: artist, genre, year
reading       reading files in child processes that may hang, crash and be killed: files -> outcomes
new_files     which files no earlier run has read, and reading them
kept          what has been read, by content, so that a second run or a resumed one reads nothing twice
files_table   what became of each file: files.csv, corpus.json and the words about them
prepare       all of it together
"""
