"""What computes a network: Keras, for training and for much at once; or plain numpy, for a few pieces, at once.

    current.py         which of the two computes, and for how long
    ops.py             the functions that networks are written with, of the one that computes
    nn.py              the layers and the base classes of networks, of the one that computes
    numpy_ops.py       the functions in numpy
    numpy_layers.py    the layers in numpy
    numpy_convolutions.py  convolutions in numpy

A layer or an arch is written once, with `ops` and `nn`. It is a network of Keras where Keras computes when it is made,
and a network of numpy arrays where numpy does; neither imports the other. docs/engine.md has more.
"""
