"""Arrays out of an `.npz` archive, believed only as far as their bytes go, and never unpickled.

numpy.load makes room for whatever shape a header names before it reads the first number; a header of 128 bytes can
name a terabyte. Here a header must fit the bytes that follow it.
"""

from __future__ import annotations

import io
import math
import warnings
import zipfile

import numpy as np

from musictool.errors import BadFile

REASON = "not a piano-roll"
_HEADERS = {(1, 0): np.lib.format.read_array_header_1_0, (2, 0): np.lib.format.read_array_header_2_0}


def array(archive: zipfile.ZipFile, name: str) -> np.ndarray:
    """The array `name` of an archive that `_archive.check` has let through, as one flat row of plain numbers (N,).

    Raises:
        BadFile: "not a piano-roll": no such array, an array of objects or text, or a header that does not fit.
    """
    member = f"{name}.npy"
    try:
        data = archive.read(member)
    except KeyError:
        raise BadFile(REASON, f"there is no {member}") from None
    stream = io.BytesIO(data)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # numpy remarks on headers that Python 2 wrote, as in the Lakh files
            shape, _, dtype = _HEADERS[np.lib.format.read_magic(stream)](stream)
    except Exception as error:  # one corpus file: whatever numpy makes of a header becomes a named reason
        raise BadFile(REASON, f"the header of {member}: {type(error).__name__}: {error}"[:200]) from error
    if dtype.hasobject or dtype.kind not in "biuf":
        raise BadFile(REASON, f"{member} holds {dtype}, not numbers")
    count = math.prod(shape)
    if min(shape, default=0) < 0 or count * dtype.itemsize != len(data) - stream.tell():
        raise BadFile(REASON, f"{member} does not hold the {shape} numbers that it names"[:200])
    return np.frombuffer(data, dtype, count, stream.tell())


def whole_numbers(archive: zipfile.ZipFile, name: str) -> np.ndarray:
    """As `array`, of an integer dtype.

    Raises:
        BadFile: "not a piano-roll".
    """
    numbers = array(archive, name)
    if numbers.dtype.kind not in "iu":
        raise BadFile(REASON, f"{name}.npy holds {numbers.dtype}, not whole numbers")
    return numbers
