"""Passes over arrays as the training kernels write them, in whatever library the arrays belong to."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from sim.arrays import device, namespace, on_host, takes_out

__all__ = ["Passes"]

_FEW_ROWS = 128
_INTO = ("divide", "exp", "matmul", "maximum", "multiply", "sqrt", "subtract", "tanh")


def _writing(function: Callable[..., Any]) -> Callable[..., Any]:
    """Give `function` the argument ``out``."""

    def write(*operands: Any, out: Any = None) -> Any:
        found = function(*operands)
        if out is None:
            return found
        out[...] = found
        return out

    return write


class Passes:
    """One library's functions, where every one named in NumPy with ``out`` has it, and the passes that differ.

    Other attributes are the functions of the library's array-API namespace.  Slices of the library's arrays must share
    memory with them, as in NumPy.

    Parameters
    ----------
    like
        An array of the library, of the type and on the device that new arrays shall have.

    Attributes
    ----------
    near : bool
        Whether the arrays are NumPy's: what suits a processor's caches is done there alone.
    direct : bool
        Whether the library's own functions take ``out``.
    """

    def __init__(self, like: Any) -> None:
        self.library, self.near, self.direct = namespace(like), on_host(like), takes_out(like)
        self.dtype, self.device = like.dtype, device(like)
        for name in _INTO:
            function = getattr(np if self.near else self.library, name)  # NumPy's own: a wrapper costs its call
            setattr(self, name, function if self.direct else _writing(function))

    def __getattr__(self, name: str) -> Any:
        """Return a function of the library, which is looked up once."""
        found = getattr(self.library, name)
        setattr(self, name, found)
        return found

    def empty(self, shape: tuple[int, ...]) -> Any:
        """Return an array for results."""
        return self.library.empty(shape, dtype=self.dtype, device=self.device)

    def full(self, shape: tuple[int, ...], value: float) -> Any:
        """Return an array of one value."""
        return self.library.full(shape, value, dtype=self.dtype, device=self.device)

    def placed(self, host: np.ndarray) -> Any:
        """Return a NumPy array as one of the library, on the device and of its own type."""
        return self.library.asarray(host, device=self.device)

    def view(self, x: Any, shape: tuple[int, ...]) -> Any:
        """Return `x` in another shape and the same memory.

        Raises
        ------
        ValueError, AttributeError
            As the library has it, where that is impossible.
        """
        return self.library.reshape(x, shape, copy=False)

    def gathered(self, x: Any, index: Any) -> Any:
        """Return the rows `index` of `x`, of the shape of `index` before that of a row."""
        if self.direct:
            return x[index]
        # the standard has indices of one axis alone
        rows = self.library.take(x, self.library.reshape(index, (-1,)), axis=0)
        return self.library.reshape(rows, index.shape + x.shape[1:])

    def gather(self, x: Any, index: Any, out: Any) -> None:
        """Set `out` to the rows `index` of `x`."""
        if self.near:
            np.take(x, index, axis=0, out=out, mode="clip")  # any other mode goes through a buffer
        elif self.direct:
            self.library.take(x, index, axis=0, out=out)
        else:
            out[...] = self.gathered(x, index)

    def row_max(self, x: Any, out: Any) -> None:
        """Set `out` to the greatest entry of each row of `x`."""
        if not self.near:
            out[...] = self.library.max(x, axis=-1)
            return
        if out.size < _FEW_ROWS:
            np.maximum.reduce(x, axis=-1, out=out)
            return
        np.copyto(out, x[..., 0])  # columns are few, and NumPy reduces short rows slowly
        for k in range(1, x.shape[-1]):
            np.maximum(out, x[..., k], out=out)

    def keep_where(self, x: Any, flags: Any) -> None:
        """Multiply `x` by 1 where a flag is set and by 0 elsewhere."""
        # flags are a quarter of the memory of numbers; but the standard multiplies numbers alone
        x *= flags if self.direct else self.library.astype(flags, self.dtype)

    def subtract_in_rows(self, rows: Any, at: Any, value: Any) -> None:
        """Subtract from one entry of each row.

        Parameters
        ----------
        rows
            The rows of a table (R, B, K) end to end, shape (R B K,).
        at
            For each row a place in `rows`, shape (R, B).
        value
            What to subtract, shape (R, 1).
        """
        if self.direct:
            rows[at] -= value
            return
        # the standard has no assignment to chosen places
        columns = rows.shape[0] // math.prod(at.shape)
        chosen = (at % columns)[..., None] == self.library.arange(columns, dtype=at.dtype, device=self.device)
        table = self.view(rows, (*at.shape, columns))
        table -= self.library.where(chosen, value[..., None], 0.0)
