"""Convolutions as products of matrices, with Keras's padding.

A convolution lays the cells that each output sees side by side, and multiplies them by the kernel at once. A transposed
one multiplies each input by the kernel, and adds what overlaps.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from musictool.engine.numpy_layer import Layer, activation_of


def _pair(value: Any) -> tuple[int, int]:
    return (value, value) if isinstance(value, int) else tuple(value)


class _Convolution(Layer):
    """What Conv2D and Conv2DTranspose share: (N, S, P, C) -> (N, s, p, filters)."""

    def __init__(
        self,
        filters: int,
        kernel_size: Any,
        strides: Any = 1,
        padding: str = "valid",
        activation: Any = None,
        use_bias: bool = True,
        **kwargs: Any,
    ):
        super().__init__(**kwargs)
        self.filters, self.use_bias, self.padding = filters, use_bias, padding
        self.kernel_size, self.strides = _pair(kernel_size), _pair(strides)
        self.activation = activation_of(activation)

    def _finished(self, x: np.ndarray) -> np.ndarray:
        return self.activation(x if self.bias is None else x + self.bias)

    def _build(self, kernel_shape: tuple[int, ...]) -> None:
        self.kernel = self.add_weight(kernel_shape)
        self.bias = self.add_weight((self.filters,)) if self.use_bias else None


class Conv2D(_Convolution):
    """See keras.layers.Conv2D."""

    def build(self, shape: Any) -> None:
        self._build((*self.kernel_size, shape[-1], self.filters))

    def compute_output_shape(self, shape: Any) -> Any:
        sizes = zip(shape[1:3], self.kernel_size, self.strides, strict=True)
        if self.padding == "same":
            return (shape[0], *(-(-size // stride) for size, _, stride in sizes), self.filters)
        return (shape[0], *((size - kernel) // stride + 1 for size, kernel, stride in sizes), self.filters)

    def call(self, x: np.ndarray) -> np.ndarray:
        # "same": as many cells come out as strides fit in; what is missing is filled with zeros, the odd one behind
        _, height, width, _ = self.compute_output_shape(x.shape)
        if self.padding == "same":
            sizes = zip((height, width), x.shape[1:3], self.kernel_size, self.strides, strict=True)
            missing = [max(0, (out - 1) * stride + kernel - size) for out, size, kernel, stride in sizes]
            x = np.pad(x, [(0, 0), *((each // 2, each - each // 2) for each in missing), (0, 0)])

        windows = sliding_window_view(x, self.kernel_size, axis=(1, 2))  # (N, ., ., C, kh, kw)
        windows = windows[:, :: self.strides[0], :: self.strides[1]].transpose(0, 1, 2, 4, 5, 3)
        flat = windows.reshape(len(x) * height * width, -1)  # (N s p, kh kw C)
        out = np.matmul(flat, self.kernel.reshape(-1, self.filters))
        return self._finished(out.reshape(len(x), height, width, self.filters))


class Conv1D(Conv2D):
    """See keras.layers.Conv1D: (N, T, C) -> (N, t, filters)."""

    def __init__(self, filters: int, kernel_size: int, **kwargs: Any):
        super().__init__(filters, (kernel_size, 1), **kwargs)

    def _build(self, kernel_shape: tuple[int, ...]) -> None:
        super()._build((kernel_shape[0], *kernel_shape[2:]))

    def build(self, shape: Any) -> None:
        super().build((*shape[:2], 1, shape[-1]))

    def call(self, x: np.ndarray) -> np.ndarray:
        return super().call(x[:, :, None])[:, :, 0]


class DepthwiseConv2D(Layer):
    """See keras.layers.DepthwiseConv2D, with padding "same": (N, S, P, C) -> the same, each channel by itself."""

    def __init__(self, kernel_size: Any, padding: str = "same", dilation_rate: Any = 1, **kwargs: Any):
        super().__init__(**kwargs)
        if padding != "same":
            raise NotImplementedError(padding)
        self.kernel_size, self.dilation_rate = _pair(kernel_size), _pair(dilation_rate)

    def build(self, shape: Any) -> None:
        self.kernel = self.add_weight((*self.kernel_size, shape[-1], 1))
        self.bias = self.add_weight((shape[-1],))

    def call(self, x: np.ndarray) -> np.ndarray:
        # each cell of the kernel times the input that lies so far away, all columns and channels of a row as one line;
        # beyond the edges there is nothing
        number, rows, columns, channels = x.shape
        lines = x.reshape(number, rows, columns * channels)
        out = np.broadcast_to(np.tile(self.bias, columns), lines.shape).copy()
        for i in range(self.kernel_size[0]):
            here, there = self._overlap(rows, 0, i)
            for j in range(self.kernel_size[1]):
                here_too, there_too = (
                    slice(part.start * channels, part.stop * channels) for part in self._overlap(columns, 1, j)
                )
                weights = np.tile(self.kernel[i, j, :, 0], (here_too.stop - here_too.start) // channels)
                out[:, here, here_too] += lines[:, there, there_too] * weights
        return out.reshape(x.shape)

    def _overlap(self, size: int, axis: int, cell: int) -> tuple[slice, slice]:
        """Along an axis: the outputs that see an input through this cell of the kernel, and those inputs."""
        dilation = self.dilation_rate[axis]
        shift = cell * dilation - (self.kernel_size[axis] - 1) * dilation // 2
        first, last = max(0, -shift), max(0, min(size, size - shift), -shift)
        return slice(first, last), slice(first + shift, last + shift)


class Conv2DTranspose(_Convolution):
    """See keras.layers.Conv2DTranspose."""

    def build(self, shape: Any) -> None:
        self._build((*self.kernel_size, self.filters, shape[-1]))

    def compute_output_shape(self, shape: Any) -> Any:
        sizes = zip(shape[1:3], self.kernel_size, self.strides, strict=True)
        if self.padding == "same":
            return (shape[0], *(size * stride for size, _, stride in sizes), self.filters)
        return (shape[0], *(size * stride + max(kernel - stride, 0) for size, kernel, stride in sizes), self.filters)

    def call(self, x: np.ndarray) -> np.ndarray:
        number, rows, columns, channels = x.shape
        (kernel_rows, kernel_columns), (row_stride, column_stride) = self.kernel_size, self.strides
        _, height, width, filters = self.compute_output_shape(x.shape)

        # what each input adds to the outputs under its kernel
        kernel = self.kernel.reshape(-1, channels).T  # (C, kh kw F)
        added = np.matmul(x.reshape(-1, channels), kernel)
        added = added.reshape(number, rows, columns, kernel_rows, kernel_columns, filters)

        # sum of all, kernel cell by kernel cell, on a canvas as large as they reach
        canvas_rows = max((rows - 1) * row_stride + kernel_rows, height)
        canvas_columns = max((columns - 1) * column_stride + kernel_columns, width)
        canvas = np.zeros((number, canvas_rows, canvas_columns, filters), np.float32)
        for i in range(kernel_rows):
            for j in range(kernel_columns):
                canvas[
                    :,
                    i : i + (rows - 1) * row_stride + 1 : row_stride,
                    j : j + (columns - 1) * column_stride + 1 : column_stride,
                ] += added[:, :, :, i, j]

        # of which "same" keeps the middle, one more behind
        top = max(0, (rows - 1) * row_stride + kernel_rows - height) // 2
        left = max(0, (columns - 1) * column_stride + kernel_columns - width) // 2
        return self._finished(canvas[:, top : top + height, left : left + width])
