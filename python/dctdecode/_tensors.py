"""The one file that allocates tensors and touches addresses."""

from __future__ import annotations

import ctypes
import math
import mmap
import warnings
from typing import Any

import numpy as np
import torch

from dctdecode import _core

__all__ = ["Out", "address_of_out", "allocate", "check_out", "core_dtype", "over"]

Out = Any  # torch.Tensor or numpy.ndarray

_DTYPES = {
    torch.float32: (_core.DType.float32, np.dtype(np.float32)),
    torch.float16: (_core.DType.float16, np.dtype(np.float16)),
    torch.bfloat16: (_core.DType.bfloat16, None),  # numpy has no bfloat16
    torch.int16: (_core.DType.int16, np.dtype(np.int16)),
}


def core_dtype(dtype: torch.dtype) -> _core.DType:
    """The core's name of an output dtype; ValueError lists the four there are."""
    if not isinstance(dtype, torch.dtype) or dtype not in _DTYPES:
        raise ValueError(f"dtype must be one of {[str(d) for d in _DTYPES]}, got {dtype!r}")
    return _DTYPES[dtype][0]


# From here on, glibc takes memory from the system for each allocation (mallopt(3), M_MMAP_THRESHOLD), and gives it
# back; smaller pieces are used again.
_ALWAYS_NEW_BYTES = 32 << 20

_warned_about_pinning = False


def _accelerator_is_available() -> bool:
    accelerator = getattr(torch, "accelerator", None)
    if accelerator is not None:
        return bool(accelerator.is_available())
    return torch.cuda.is_available()


def allocate(shape: tuple[int, ...], dtype: torch.dtype, pin_memory: bool) -> torch.Tensor:
    """An empty tensor; pinned where asked and possible, with one warning where not, as torch's DataLoader."""
    global _warned_about_pinning
    if pin_memory and not _accelerator_is_available():
        if not _warned_about_pinning:
            _warned_about_pinning = True
            warnings.warn(
                "pin_memory=True, but no accelerator is found: the tensors will not be pinned", stacklevel=3
            )
        pin_memory = False
    tensor = torch.empty(shape, dtype=dtype, pin_memory=pin_memory)
    if not pin_memory and tensor.nbytes >= _ALWAYS_NEW_BYTES:
        _advise_large_pages(tensor)
    return tensor


def _advise_large_pages(tensor: torch.Tensor) -> None:
    """Memory that the system has to clear page by page costs more than to decode into it. Only a hint."""
    advice, page_bytes = getattr(mmap, "MADV_HUGEPAGE", None), mmap.PAGESIZE
    if advice is not None:  # Linux
        begin = -(-tensor.data_ptr() // page_bytes) * page_bytes
        end = (tensor.data_ptr() + tensor.nbytes) // page_bytes * page_bytes
        ctypes.CDLL(None).madvise(ctypes.c_void_p(begin), ctypes.c_size_t(end - begin), advice)


def over(
    storage: torch.UntypedStorage, dtype: torch.dtype, shape: tuple[int, ...], begin: int = 0
) -> torch.Tensor:
    """A contiguous tensor in this memory; nobody's view, as one from torch.empty."""
    strides = [math.prod(shape[axis + 1 :]) for axis in range(len(shape))]
    return torch.empty(0, dtype=dtype).set_(storage, begin, shape, strides)


def check_out(out: Out, dtype: torch.dtype) -> None:
    """Every check that makes writing to caller's memory right, but its shape's, which only the file tells.

    Raises:
        TypeError: not a tensor or array, or of another dtype.
        ValueError: not contiguous, not aligned, not writable, not on the CPU, or part of a graph.
    """
    if isinstance(out, torch.Tensor):
        _check_tensor(out, dtype)
    elif isinstance(out, np.ndarray):
        _check_array(out, dtype)
    else:
        raise TypeError(f"out must be a torch tensor or a numpy array, got {type(out).__name__}")


def address_of_out(out: Out, shape: tuple[int, ...]) -> int:
    """Address of memory that `check_out` found good; ValueError where its shape is another."""
    if out.shape != shape:
        needs = "this image needs" if len(shape) == 3 else "this batch needs"
        raise ValueError(f"out has shape {tuple(out.shape)}, {needs} {shape}")
    return int(out.data_ptr() if isinstance(out, torch.Tensor) else out.ctypes.data)


def _check_tensor(out: torch.Tensor, dtype: torch.dtype) -> None:
    if out.layout != torch.strided:
        raise ValueError(f"out must be a dense tensor, got layout {out.layout}")
    if not out.is_cpu:
        raise ValueError(f"out must lie on the CPU, got device {out.device}")
    if out.dtype != dtype:
        raise TypeError(f"out has dtype {out.dtype}, but dtype={dtype} was asked for")
    if not out.is_contiguous():
        raise ValueError(f"out must be contiguous, got strides {out.stride()}")
    if out.requires_grad:
        raise ValueError("out must not require grad: decoding is not differentiable")
    if out.data_ptr() % dtype.itemsize != 0:  # torch.frombuffer takes any offset
        raise ValueError("out is not aligned to its element size")


def _check_array(out: np.ndarray[Any, Any], dtype: torch.dtype) -> None:
    wanted = _DTYPES[dtype][1]
    if wanted is None:
        raise TypeError(f"numpy has no {dtype}; pass a torch tensor as out")
    if out.dtype != wanted:
        raise TypeError(f"out has dtype {out.dtype}, but dtype={dtype} was asked for")
    if not out.flags.c_contiguous:
        raise ValueError(f"out must be C-contiguous, got strides {out.strides}")
    if not out.flags.writeable:
        raise ValueError("out is not writable")
    if not out.flags.aligned:
        raise ValueError("out is not aligned to its element size")
