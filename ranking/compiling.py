"""How the kernels are compiled: without the interpreter's lock, and without an allocator (law 3).

Several requests at once run side by side, and a kernel that allocated anything would not compile.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import numba
import numpy as np
from numba.core import cgutils
from numba.extending import intrinsic

Compiled = TypeVar("Compiled", bound=Callable[..., Any])

Whole = int | np.integer[Any]
"""A whole number in a kernel: compiled code does not care where it came from."""

_njit: Any = numba.njit
_typeof: Any = numba.typeof
_intrinsic: Any = intrinsic
_types: Any = numba.types
_cgutils: Any = cgutils
_ir: Any = _cgutils.ir
_OPTIONS: dict[str, Any] = {"nogil": True, "_nrt": False}


def kernel(function: Compiled) -> Compiled:
    """Compile a function for use by other kernels."""
    compiled: Compiled = _njit(**_OPTIONS)(function)
    return compiled


def inlined(function: Compiled) -> Compiled:
    """Compile a function into its callers; for those that have one, which saves compiling it by itself."""
    compiled: Compiled = _njit(**_OPTIONS, inline="always")(function)
    return compiled


def entry(function: Callable[..., Any]) -> Any:
    """Compile a function that Python calls, and keep it on disk."""
    return _njit(**_OPTIONS, cache=True)(function)


@_intrinsic
def prefetch(typing_context: Any, array: Any, offset: Any) -> Any:
    """``prefetch(array, offset)``: ask for an element of a contiguous array, counted flat, and go on without it.

    Reading it soon after finds it in the cache. Processors overlap many such requests, but only few plain reads,
    because those hold up what comes after them. Any offset within the array may be asked for.
    """

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        data = context.make_array(signature.args[0])(context, builder, arguments[0]).data
        address = builder.bitcast(builder.gep(data, [arguments[1]]), cgutils.voidptr_t)
        word = _ir.IntType(32)
        shape = _ir.FunctionType(_ir.VoidType(), [cgutils.voidptr_t, word, word, word])
        instruction = builder.module.declare_intrinsic("llvm.prefetch", [cgutils.voidptr_t], shape)
        read, keep, data_cache = (_ir.Constant(word, number) for number in (0, 3, 1))
        builder.call(instruction, [address, read, keep, data_cache])
        return context.get_dummy_value()

    return _types.void(array, _types.intp), generate


def stamp_of(*modules: str) -> int:
    """A number that changes with the source of modules of this package. An entry that closes over it is compiled anew
    when they change: by itself the cache on disk looks at the entry's own file alone."""
    digest = hashlib.sha256()
    for name in modules:
        digest.update((Path(__file__).parent / f"{name}.py").read_bytes())
    return int.from_bytes(digest.digest()[:7], "big")


def type_of(value: object) -> Any:
    """The compiled type of a value."""
    return _typeof(value)
