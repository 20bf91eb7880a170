"""The memory that `read` writes into: the caller's, after every check; or its own, pinned where asked."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import dctdecode
import numpy as np
import pytest
import torch
from dctdecode._tensors import allocate
from dctdecode.errors import CorruptJpegError
from generate import SUBSAMPLINGS, Recipe

SHAPE = (6, 3, 5)  # of six channels of the worked image
DTYPES = [torch.float32, torch.float16, torch.bfloat16, torch.int16]


@pytest.fixture(scope="module")
def jpeg(generate) -> bytes:
    """37 x 21 px, 4:4:4: all channels are stored integers."""
    return generate(Recipe(factors=SUBSAMPLINGS["444"])).data


def guarded(make: Callable[[], torch.Tensor | np.ndarray]) -> tuple[torch.Tensor | np.ndarray, Callable[[], bool]]:
    """A buffer filled with a pattern, and whether all of it still holds."""
    buffer = make()
    if isinstance(buffer, np.ndarray):
        if buffer.flags.writeable:
            buffer[...] = 7
        before = buffer.copy()
        return buffer, lambda: bool((buffer == before).all())
    if buffer.device.type == "meta" or buffer.layout != torch.strided:
        return buffer, lambda: True
    with torch.no_grad():
        buffer.fill_(7)
    before = buffer.detach().clone()
    return buffer, lambda: torch.equal(buffer, before)


def read_only() -> np.ndarray:
    array = np.full(SHAPE, 7, np.float32)
    array.flags.writeable = False
    return array


def unaligned_array() -> np.ndarray:
    return np.frombuffer(bytearray(4 * 90 + 1), np.uint8)[1:].view(np.float32).reshape(SHAPE)


def unaligned_tensor(dtype: torch.dtype) -> Callable[[], torch.Tensor]:
    return lambda: torch.frombuffer(bytearray(4 * 90 + 1), dtype=dtype, offset=1, count=90).reshape(SHAPE)


TENSOR_FAULTS = {
    "missing channel": (
        lambda: torch.empty(5, 3, 5),
        ValueError,
        r"shape \(5, 3, 5\), this image needs \(6, 3, 5\)",
    ),
    "one channel too many": (lambda: torch.empty(7, 3, 5), ValueError, r"shape \(7, 3, 5\)"),
    "grid turned": (lambda: torch.empty(6, 5, 3), ValueError, r"shape \(6, 5, 3\)"),
    "batch of one": (lambda: torch.empty(1, 6, 3, 5), ValueError, r"shape \(1, 6, 3, 5\)"),
    "flat": (lambda: torch.empty(90), ValueError, r"shape \(90,\)"),
    "no elements": (lambda: torch.empty(0), ValueError, r"shape \(0,\)"),
    "scalar": (lambda: torch.empty(()), ValueError, r"shape \(\)"),
    "float64": (lambda: torch.empty(SHAPE, dtype=torch.float64), TypeError, "dtype torch.float64"),
    "float16": (lambda: torch.empty(SHAPE, dtype=torch.float16), TypeError, "dtype torch.float16"),
    "bfloat16": (lambda: torch.empty(SHAPE, dtype=torch.bfloat16), TypeError, "dtype torch.bfloat16"),
    "int16": (
        lambda: torch.empty(SHAPE, dtype=torch.int16),
        TypeError,
        "dtype torch.int16, but dtype=torch.float32",
    ),
    "int32": (lambda: torch.empty(SHAPE, dtype=torch.int32), TypeError, "dtype torch.int32"),
    "complex": (lambda: torch.empty(SHAPE, dtype=torch.complex64), TypeError, "dtype torch.complex64"),
    "bool": (lambda: torch.empty(SHAPE, dtype=torch.bool), TypeError, "dtype torch.bool"),
    "transposed": (lambda: torch.empty(6, 5, 3).transpose(1, 2), ValueError, "must be contiguous, got strides"),
    "channels last": (lambda: torch.empty(3, 5, 6).permute(2, 0, 1), ValueError, "must be contiguous"),
    "every other row": (lambda: torch.empty(6, 6, 5)[:, ::2], ValueError, "must be contiguous"),
    "part of wider rows": (lambda: torch.empty(6, 3, 8)[..., :5], ValueError, "must be contiguous"),
    "expanded": (lambda: torch.empty(1, 3, 5).expand(6, 3, 5), ValueError, r"must be contiguous, got strides \(0"),
    "overlapping": (lambda: torch.empty(90).as_strided(SHAPE, (1, 1, 1)), ValueError, "must be contiguous"),
    "requires grad": (lambda: torch.empty(SHAPE, requires_grad=True), ValueError, "must not require grad"),
    "part of a graph": (lambda: torch.ones(SHAPE, requires_grad=True) * 2, ValueError, "must not require grad"),
    "parameter": (lambda: torch.nn.Parameter(torch.empty(SHAPE)), ValueError, "must not require grad"),
    "meta": (lambda: torch.empty(SHAPE, device="meta"), ValueError, "must lie on the CPU, got device meta"),
    "sparse": (lambda: torch.zeros(SHAPE).to_sparse(), ValueError, "dense tensor, got layout torch.sparse_coo"),
    "sparse rows": (lambda: torch.zeros(6, 15).to_sparse_csr(), ValueError, "layout torch.sparse_csr"),
    "unaligned": (unaligned_tensor(torch.float32), ValueError, "not aligned"),
}
ARRAY_FAULTS = {
    "array, missing channel": (lambda: np.empty((5, 3, 5), np.float32), ValueError, r"shape \(5, 3, 5\)"),
    "array, grid turned": (lambda: np.empty((6, 5, 3), np.float32), ValueError, r"shape \(6, 5, 3\)"),
    "array, flat": (lambda: np.empty(90, np.float32), ValueError, r"shape \(90,\)"),
    "array, float64": (lambda: np.empty(SHAPE), TypeError, "dtype float64"),
    "array, int16": (lambda: np.empty(SHAPE, np.int16), TypeError, "dtype int16, but dtype=torch.float32"),
    "array, uint16": (lambda: np.empty(SHAPE, np.uint16), TypeError, "dtype uint16"),
    "array, other byte order": (lambda: np.empty(SHAPE, ">f4"), TypeError, "dtype >f4"),
    "array, objects": (lambda: np.empty(SHAPE, object), TypeError, "dtype object"),
    "array, Fortran order": (lambda: np.empty(SHAPE, np.float32, "F"), ValueError, "C-contiguous, got strides"),
    "array, every other": (lambda: np.empty((6, 3, 10), np.float32)[..., ::2], ValueError, "C-contiguous"),
    "array, reversed": (lambda: np.empty(SHAPE, np.float32)[::-1], ValueError, "C-contiguous"),
    "array, read-only": (read_only, ValueError, "out is not writable"),
    "array, broadcast": (lambda: np.broadcast_to(np.float32(7), SHAPE), ValueError, "C-contiguous"),
    "array, unaligned": (unaligned_array, ValueError, "not aligned"),
}
FAULTS = {**TENSOR_FAULTS, **ARRAY_FAULTS}


@pytest.mark.filterwarnings("ignore:Sparse CSR tensor support:UserWarning", "ignore:Sparse invariant:UserWarning")
@pytest.mark.parametrize("fault", FAULTS)
def test_out_that_cannot_be_written(fault, jpeg):
    """Each with a message of its own, before anything is decoded: also where the data would be refused."""
    make, error, says = FAULTS[fault]
    out, untouched = guarded(make)
    broken_data = jpeg[:-40]
    with pytest.raises(CorruptJpegError):
        dctdecode.read(broken_data, 6)
    for data in (jpeg, broken_data):
        with pytest.raises(error, match=says) as caught:
            dctdecode.read(data, 6, out=out)
        assert not isinstance(caught.value, CorruptJpegError)
        assert untouched()


def test_messages_differ_by_kind_of_fault():
    """One for each of dtype, shape, layout, strides, device, gradient, writability and alignment."""
    kinds = {says.split(" ")[0] + says.split(" ")[1] for _, _, says in FAULTS.values() if " " in says}
    assert len(kinds) >= 8


@pytest.mark.parametrize("dtype", DTYPES)
def test_out_is_written_and_returned(dtype, jpeg):
    expected = dctdecode.read(jpeg, 6, dtype=dtype)
    out = torch.full(SHAPE, 7, dtype=dtype)
    assert dctdecode.read(jpeg, 6, dtype=dtype, out=out) is out
    assert torch.equal(out, expected)


@pytest.mark.parametrize("dtype", [np.float32, np.float16, np.int16])
def test_out_as_array(dtype, jpeg):
    kind = getattr(torch, np.dtype(dtype).name)
    out = np.full(SHAPE, 7, dtype)
    assert dctdecode.read(jpeg, 6, dtype=kind, out=out) is out
    np.testing.assert_array_equal(out, dctdecode.read(jpeg, 6, dtype=kind).numpy())


def test_numpy_has_no_bfloat16(jpeg):
    with pytest.raises(TypeError, match=r"numpy has no torch\.bfloat16; pass a torch tensor"):
        dctdecode.read(jpeg, 6, dtype=torch.bfloat16, out=np.empty(SHAPE, np.uint16))


@pytest.mark.parametrize("dtype", DTYPES)
def test_writes_nothing_beside_out(dtype, generate):
    """A row of a batch, between two others; also where rows do not fill the vector lanes."""
    for width in (1, 37, 64, 65, 200):
        data = generate(Recipe(21, width, factors=SUBSAMPLINGS["444"])).data
        expected = dctdecode.read(data, 24, dtype=dtype)
        batch = torch.full((3, *expected.shape), 7, dtype=dtype)
        dctdecode.read(data, 24, dtype=dtype, out=batch[1])
        assert torch.equal(batch[1], expected)
        assert (batch[0] == 7).all()
        assert (batch[2] == 7).all()


@pytest.mark.parametrize("factors", ["444", "420"])
def test_every_element_of_out_is_written(factors, generate):
    """What was there before never shines through."""
    data = generate(Recipe(factors=SUBSAMPLINGS[factors])).data
    results = []
    for filler in (float("nan"), 0.0, 1e30):
        out = torch.full((192, 3, 5), filler)
        results.append(dctdecode.read(data, out=out))
    assert torch.isfinite(results[0]).all()
    assert torch.equal(results[0], results[1])
    assert torch.equal(results[0], results[2])


def test_odd_strides_of_lone_rows_are_contiguous(generate):
    """Strides along an axis of length 1 mean nothing."""
    data = generate(Recipe(8, 8, factors=SUBSAMPLINGS["444"])).data
    out = torch.empty(6, 7, 9)[:, :1, :1].contiguous().as_strided((6, 1, 1), (1, 50, 70))
    assert torch.equal(dctdecode.read(data, 6, out=out), dctdecode.read(data, 6))


def test_inference_tensor_is_written(jpeg):
    with torch.inference_mode():
        out = torch.empty(SHAPE)
        assert torch.equal(dctdecode.read(jpeg, 6, out=out), dctdecode.read(jpeg, 6))


def test_shared_memory_tensor_is_written(jpeg):
    out = torch.empty(SHAPE).share_memory_()
    assert torch.equal(dctdecode.read(jpeg, 6, out=out), dctdecode.read(jpeg, 6))


def test_results_are_plain_tensors(jpeg):
    tensor = dctdecode.read(jpeg, 6)
    assert (tensor.shape, tensor.dtype) == (SHAPE, torch.float32)
    assert tensor.is_contiguous()
    assert not tensor.requires_grad
    other = dctdecode.read(jpeg, 6)
    tensor.fill_(7)
    assert not (other == 7).all()


PINNING = """
import sys, warnings, dctdecode, torch
with warnings.catch_warnings(record=True) as caught:
    warnings.simplefilter("always")
    tensors = [dctdecode.read(sys.argv[1], 6, pin_memory=True) for _ in range(3)]
    plain = dctdecode.read(sys.argv[1], 6)
accelerator = torch.accelerator.is_available() if hasattr(torch, "accelerator") else torch.cuda.is_available()
assert all(t.is_pinned() == accelerator for t in tensors), "pinned"
assert not plain.is_pinned()
assert all(torch.equal(t, plain) for t in tensors)
said = [str(w.message) for w in caught]
expected = [] if accelerator else ["pin_memory=True, but no accelerator is found: the tensors will not be pinned"]
assert said == expected, said
assert all(w.filename == "<string>" for w in caught), [w.filename for w in caught]
"""


def test_pin_memory_warns_once_where_there_is_no_accelerator(jpeg, tmp_path):
    file = tmp_path / "photo.jpg"
    file.write_bytes(jpeg)
    done = subprocess.run([sys.executable, "-c", PINNING, file], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


@pytest.mark.skipif(not Path("/sys/kernel/mm/transparent_hugepage").exists(), reason="no large pages here")
def test_large_results_are_asked_for_in_large_pages():
    def is_advised(tensor: torch.Tensor) -> bool:
        inside = False
        for line in Path("/proc/self/smaps").read_text().splitlines():
            if found := re.match(r"([0-9a-f]+)-([0-9a-f]+) ", line):
                middle = tensor.data_ptr() + tensor.nbytes // 2
                inside = int(found[1], 16) <= middle < int(found[2], 16)
            elif inside and line.startswith("VmFlags:"):
                return "hg" in line.split()
        raise AssertionError("not mapped")

    assert is_advised(allocate((40, 1 << 20), torch.uint8, pin_memory=False))
    assert not is_advised(allocate((4, 1 << 20), torch.uint8, pin_memory=False))
