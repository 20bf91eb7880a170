"""The package as others see it: its names, its stubs, what importing it costs."""

from __future__ import annotations

import ast
import copy
import enum
import importlib.metadata
import inspect
import pickle
import pkgutil
import re
import subprocess
import sys
from pathlib import Path

import dctdecode
import pytest
from dctdecode import _core, errors
from generate import Recipe

STUB = Path(dctdecode.__file__).with_name("_core.pyi")


@pytest.fixture(scope="module")
def jpeg(generate) -> bytes:
    return generate(Recipe()).data


def run(code: str) -> str:
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


# --- Names ---------------------------------------------------------------------------------------------------


def modules() -> list[str]:
    found = [m.name for m in pkgutil.walk_packages(dctdecode.__path__, "dctdecode.")]
    return ["dctdecode", *(name for name in found if not name.endswith(("__main__", "_core")))]


@pytest.mark.parametrize("name", modules())
def test_all_lists_what_there_is(name):
    module = pytest.importorskip(name, reason="an extra is not installed", exc_type=ModuleNotFoundError)
    names = getattr(module, "__all__", [])
    assert names or name != "dctdecode"
    assert len(set(names)) == len(names)
    for exported in names:
        try:
            assert hasattr(module, exported), f"{name}.__all__ names {exported}, which does not exist"
        except ModuleNotFoundError as error:
            pytest.skip(f"an extra is not installed: {error}")


def test_contract():
    """Names that users' code and outside checks call."""
    for name in ("info", "read", "read_planes", "read_batch", "preview"):
        assert inspect.isfunction(getattr(dctdecode, name))
    for name in ("DctDecodeError", "CorruptJpegError", "UnsupportedJpegError", "LimitExceededError"):
        assert issubclass(getattr(dctdecode.errors, name), dctdecode.errors.DctDecodeError)
    assert issubclass(errors.CorruptJpegError, OSError)
    assert not issubclass(errors.UnsupportedJpegError, OSError)
    assert not issubclass(errors.LimitExceededError, OSError)
    keywords = {
        "channels": 192, "size": None, "crop": None, "flip": False, "interpolation": "bilinear",
        "antialias": True, "orientation": "ignore", "fast": False, "normalize": None, "out": None,
        "pin_memory": False, "strict": True, "limits": None,
    }  # fmt: skip
    parameters = inspect.signature(dctdecode.read).parameters
    assert {name: p.default for name, p in parameters.items() if name in keywords} == keywords
    positional = [name for name, p in parameters.items() if p.kind is p.POSITIONAL_OR_KEYWORD]
    assert positional == ["source", "channels"]


def test_public_functions_and_classes_are_documented():
    for name in dctdecode.__all__:
        item = getattr(dctdecode, name)
        if inspect.isfunction(item):
            assert re.search(r"Example:\s+>>> ", item.__doc__), f"{name} shows no example"
            assert "Raises:" in item.__doc__, f"{name} names no errors"
        elif inspect.isclass(item):
            assert item.__doc__, f"{name} has no docstring"
            assert not item.__doc__.startswith(f"{item.__name__}("), f"{name} has only a generated docstring"


def test_version():
    assert dctdecode.__version__ == importlib.metadata.version("dctdecode")
    assert re.match(r"\d+\.\d+", dctdecode.__libjpeg_turbo_version__)
    assert dctdecode.__libjpeg_turbo_found__


def test_package_is_typed():
    assert STUB.with_name("py.typed").is_file()


# --- The stub of the compiled module -------------------------------------------------------------------------


def names_of_parameters(doc: str) -> list[str]:
    """Parameters of a pybind11 docstring's first line, without self and types: ``f(self: X, a: int, *, b)``."""
    inside = doc.splitlines()[0].split("(", 1)[1].rsplit(")", 1)[0]
    while re.search(r"\[[^\[\]]*\]", inside):
        inside = re.sub(r"\[[^\[\]]*\]", "", inside)
    names = [part.split(":")[0].split("=")[0].strip() for part in inside.split(",") if part.strip()]
    return [name for name in names if name != "self"]


def names_in_stub(function: ast.FunctionDef) -> list[str]:
    arguments = function.args
    names = [a.arg for a in arguments.posonlyargs + arguments.args if a.arg != "self"]
    return names + (["*"] if arguments.kwonlyargs else []) + [a.arg for a in arguments.kwonlyargs]


def runtime_members(cls: type) -> set[str]:
    return {name for name in vars(cls) if not name.startswith("_") or name in ("__init__", "__len__")}


def test_stub_names_what_the_module_has():
    tree = ast.parse(STUB.read_text())
    stubbed = {node.name for node in tree.body if isinstance(node, ast.ClassDef)}
    functions = {node.name: node for node in tree.body if isinstance(node, ast.FunctionDef)}
    constants = {node.target.id for node in tree.body if isinstance(node, ast.AnnAssign)}
    assert stubbed | set(functions) | constants == {name for name in vars(_core) if not name.startswith("_")}
    for name, function in functions.items():
        assert names_in_stub(function) == names_of_parameters(getattr(_core, name).__doc__), name
    assert all(isinstance(getattr(_core, name), str) for name in constants)


@pytest.mark.parametrize("name", [name for name in vars(_core) if isinstance(getattr(_core, name), type)])
def test_stub_matches_class(name):
    (stub,) = [n for n in ast.parse(STUB.read_text()).body if isinstance(n, ast.ClassDef) and n.name == name]
    cls = getattr(_core, name)
    if issubclass(cls, enum.Enum):
        assert [n.targets[0].id for n in stub.body if isinstance(n, ast.Assign)] == [member.name for member in cls]
        return
    functions = {node.name: node for node in stub.body if isinstance(node, ast.FunctionDef)}
    has_constructor = "self: " in cls.__init__.__doc__
    assert set(functions) == runtime_members(cls) - (set() if has_constructor else {"__init__"})
    for member, function in functions.items():
        decorators = {d.id for d in function.decorator_list if isinstance(d, ast.Name)}
        raw = inspect.getattr_static(cls, member)
        assert isinstance(raw, property) == ("property" in decorators), member
        assert isinstance(raw, staticmethod) == ("staticmethod" in decorators), member
        if "property" not in decorators:
            assert names_in_stub(function) == names_of_parameters(getattr(cls, member).__doc__), member


def test_stub_check_reads_signatures():
    doc = "f(self: m.X, a: list[tuple[int, dict[str, int]]], *, b: int = 3, c: m.D | None) -> None\n\nmore"
    assert names_of_parameters(doc) == ["a", "*", "b", "c"]


# --- Importing -----------------------------------------------------------------------------------------------

NOT_BY_ALL = ("dctdecode.cli", "dctdecode.commands", "dctdecode.bench", "dctdecode.quality")


def test_import_is_light_and_silent():
    """Beyond torch and numpy, only the standard library; and no part of ours that not everybody needs."""
    code = """
import sys, torch, numpy
before = set(sys.modules)
import dctdecode
print(*sorted(set(sys.modules) - before))
"""
    loaded = run(code).split()
    assert "dctdecode._core" in loaded
    for name in loaded:
        assert not name.startswith(NOT_BY_ALL), f"import dctdecode loads {name}"
        top = name.split(".")[0]
        allowed = {"dctdecode", "numpy", "torch"} | sys.stdlib_module_names
        assert top in allowed or "editable" in top, f"import dctdecode loads {name}"


def test_import_starts_no_thread_and_opens_nothing(jpeg):
    """Threads of torch and numpy's libraries are theirs; a read of one image starts none either."""
    code = """
import os, sys, torch, numpy
def state():
    return len(os.listdir("/proc/self/task")), len(os.listdir("/proc/self/fd"))
before = state()
import dctdecode
imported = state()
dctdecode.read(sys.stdin.buffer)
assert before == imported == state(), (before, imported, state())
"""
    done = subprocess.run([sys.executable, "-c", code], input=jpeg, capture_output=True, check=False)
    assert done.returncode == 0, done.stderr.decode()


def test_import_leaves_the_process_as_it_was():
    """No handler, no random state, no default of torch is changed."""
    code = """
import random, signal, sys, torch, numpy, locale, os
def state():
    handlers = {s: signal.getsignal(s) for s in signal.Signals if s not in (signal.SIGKILL, signal.SIGSTOP)}
    return (handlers, random.getstate(), torch.get_rng_state().tolist(), torch.get_num_threads(),
            torch.get_default_dtype(), locale.setlocale(locale.LC_ALL), dict(os.environ), sys.excepthook)
before = state()
import dctdecode
assert state() == before
"""
    run(code)


# --- Errors and reprs ----------------------------------------------------------------------------------------


def error_classes() -> list[type]:
    return [errors.DctDecodeError, errors.CorruptJpegError, errors.UnsupportedJpegError, errors.LimitExceededError]


@pytest.mark.parametrize("cls", error_classes())
@pytest.mark.parametrize("again", [lambda e: pickle.loads(pickle.dumps(e)), copy.copy, copy.deepcopy])
def test_errors_pickle(cls, again):
    """Worker processes hand them to their parent that way."""
    error = cls("what is wrong", path="a/b.jpg", reason="corrupt", offset_bytes=17)
    other = again(error)
    assert type(other) is cls
    assert str(other) == str(error) == "a/b.jpg: what is wrong (at byte 17)"
    assert vars(other) == vars(error)
    assert other.args == error.args


def test_raised_errors_pickle_with_all_they_say(jpeg, tmp_path):
    file = tmp_path / "cut.jpg"
    file.write_bytes(jpeg[:-40])
    with pytest.raises(errors.CorruptJpegError) as caught:
        dctdecode.read(file)
    error = caught.value
    assert (error.path, error.reason) == (str(file), "truncated")
    assert 0 < error.offset_bytes <= file.stat().st_size
    other = pickle.loads(pickle.dumps(error))
    assert (str(other), vars(other)) == (str(error), vars(error))


def test_corrupt_is_what_pillows_users_catch():
    with pytest.raises(OSError, match="not a JPEG"):
        dctdecode.read(b"GIF89a")


@pytest.mark.parametrize("cls", error_classes())
def test_sentence_without_path_and_place(cls):
    assert str(cls("what is wrong")) == "what is wrong"


def test_reprs_show_shapes_not_numbers(jpeg):
    assert repr(dctdecode.info(jpeg)) == (
        "JpegInfo(21 x 37 px (H x W), YCbCr, 4:2:0, sequential, Huffman, grids [(3, 5), (2, 3), (2, 3)], "
        f"{len(jpeg)} bytes)"
    )
    assert repr(dctdecode.read_planes(jpeg)) == ("Planes(YCbCr, int16 (3, 5, 8, 8), (2, 3, 8, 8), (2, 3, 8, 8))")
    with pytest.warns(errors.CorruptJpegWarning):
        damaged = dctdecode.read_planes(jpeg[:-40], strict=False)
    assert re.search(r", \d warnings?\)$", repr(damaged))


@pytest.mark.parametrize(
    ("factors", "name"),
    [
        (((1, 1),) * 3, "4:4:4"),
        (((1, 2), (1, 1), (1, 1)), "4:2:2"),
        (((2, 1), (1, 1), (1, 1)), "4:4:0"),
        (((2, 2), (1, 1), (1, 1)), "4:2:0"),
        (((1, 4), (1, 1), (1, 1)), "4:1:1"),
        (((4, 1), (1, 1), (1, 1)), "4:4:1"),
        (((2, 4), (1, 1), (1, 1)), "4:1:0"),
        (((2, 2), (2, 1), (2, 1)), "4:2:2"),  # the same ratio, written otherwise
        (((1, 3), (1, 2), (1, 2)), "3x1,2x1,2x1"),
        (((2, 2), (1, 2), (2, 1)), "2x2,2x1,1x2"),
        (((1, 1), (1, 2), (2, 1)), "1x1,2x1,1x2"),
    ],
)
def test_names_of_subsampling(factors, name, generate):
    assert dctdecode.info(generate(Recipe(factors=factors)).data).subsampling == name


def test_info_is_frozen(jpeg):
    info = dctdecode.info(jpeg)
    with pytest.raises(AttributeError):
        info.width = 3
