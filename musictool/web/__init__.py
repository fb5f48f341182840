"""musictool serve: a local page that plays what models write, and a blind listening test.

    browser --HTTP--> rules (security.py) --> routes (app.py) --> queue --> worker (worker.py)  =pipe=  child.py
                                                  |                                             writes, renders, trains
                                                  +--> library.py: pieces that are made, music that was dropped

The process that talks to browsers reads no music files and imports no TensorFlow. Files that are dropped are parsed in
the processes that `prepare` uses; music is written in a process of its own, which may be killed and is started again.
"""
