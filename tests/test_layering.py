"""Who may use whom: the table of docs/design.md and csrc/README.md, held against every include and import."""

from __future__ import annotations

import ast
import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]

# Folder of C++ -> what its quoted includes may begin with, beside headers that lie in the file's own folder.
# The most specific folder counts.
CSRC = ("dctdecode/", "markers/", "entropy/", "dct/", "jpeg/", "batch/", "codes.h")
HEADERS = {
    "csrc/include": ("dctdecode/",),
    "csrc/markers": ("dctdecode/", "markers/", "dct/zigzag.h"),
    "csrc/entropy": ("dctdecode/", "entropy/", "markers/", "dct/zigzag.h"),
    "csrc/dct": ("dctdecode/", "dct/"),
    "csrc/jpeg": ("dctdecode/", "jpeg/", "markers/"),
    "csrc/batch": ("dctdecode/", "batch/"),
    "csrc": ("dctdecode/", "markers/", "entropy/", "dct/", "jpeg/libjpeg.h", "jpeg/writing.h"),
    "src": ("dctdecode/",),
    "tests/cpp": CSRC,
    "tests/fuzz": (*CSRC, "exercise.h", "../cpp/"),
    "benchmarks": (*CSRC, "entropy_oracle.h"),
}

# Header outside the project -> the only places that may include it.
OUTSIDE = {
    r"<j(peglib|error|morecfg|config)\.h>|<turbojpeg\.h>": r"csrc/jpeg/(\w+\.c|private\.h)|(tests|benchmarks)/.*",
    r"<c?setjmp(\.h)?>": r"csrc/jpeg/(\w+\.c|private\.h)|(tests|benchmarks)/.*",
    r"<(thread|mutex|condition_variable|pthread\.h)>": r"csrc/batch/.*|src/signals\.cpp|(tests|benchmarks)/.*",
    r"<(pybind11/.*|Python\.h|numpy/.*)>": r"src/.*",
    r"<(torch|ATen|c10)/.*>": r"nowhere",
    r"<(iostream|ostream|istream)>": r"(tests|benchmarks)/.*",
}

# Python module -> the project's modules that it may import; a package stands for all its modules.
# "dctdecode" is the public face of the package.
DECODE_LEVEL = (
    "_tensors", "batch", "decode", "encoding", "finishing", "framing", "info", "limits", "placing", "plan",
    "pruning", "sources",
)  # fmt: skip
MODULES = {
    **dict.fromkeys(
        DECODE_LEVEL,
        (
            "_core", "_tensors", "batch", "channels", "decode", "errors", "finishing", "framing", "geometry",
            "info", "limits", "normalization", "placing", "plan", "planes", "preview", "sources", "threads",
            "writing",
        ),
    ),
    "__init__": (
        "_core", "batch", "channels", "data", "decode", "encoding", "errors", "info", "limits", "models",
        "planes", "preview", "pruning", "transforms",
    ),
    "geometry": ("channels",),
    "planes": ("info",),
    "preview": ("channels", "normalization"),
    "transforms": ("channels", "geometry", "normalization", "transforms"),
    "normalization": ("channels",),
    "writing": ("channels",),
    "channels": (),
    "errors": (),
    "quality": (),
    "threads": (),
    "bench": ("dctdecode", "bench"),
    "cli": ("dctdecode", "commands"),
    "commands": (
        "dctdecode", "bench", "channels", "cli", "commands", "errors", "models", "quality", "statistics",
        "transforms", "trees",
    ),
    "data": (
        "dctdecode", "_tensors", "batch", "channels", "data", "errors", "geometry", "limits", "normalization",
        "threads", "transforms",
    ),
    "models": ("channels", "models"),
    "trees": ("dctdecode", "channels", "data", "errors", "threads", "trees"),
    "statistics": ("dctdecode", "channels", "geometry", "limits", "normalization", "sources", "threads"),
    "__main__": ("cli",),
}  # fmt: skip


def row_of(path: str, table: dict) -> str | None:
    """The longest key that is the path or a folder above it."""
    return max((key for key in table if path == key or path.startswith(key + "/")), key=len, default=None)


def include_problems(root: Path) -> Iterator[str]:
    folders = {key.split("/")[0] for key in HEADERS}
    for file in sorted(f for folder in folders for f in (root / folder).rglob("*") if f.is_file()):
        if file.suffix not in (".c", ".cpp", ".h"):
            continue
        name = file.relative_to(root).as_posix()
        row = row_of(name, HEADERS)
        text = file.read_text(encoding="utf-8")
        for found in re.finditer(r'^[ \t]*#[ \t]*include[ \t]*(?:"([^"]+)"|(<[^>]+>))', text, re.MULTILINE):
            quoted, angled = found.groups()
            place = f"{name}:{text.count(chr(10), 0, found.start()) + 1}"
            own = quoted and "/" not in quoted and (file.parent / quoted).is_file()
            if quoted and not own and row is not None and not quoted.startswith(HEADERS[row]):
                yield f'{place}: {row} may not include "{quoted}"'
            for pattern, where in OUTSIDE.items():
                header = angled or f"<{quoted}>"
                if re.fullmatch(pattern, header) and not re.fullmatch(where, name):
                    yield f"{place}: {header} belongs into {where}"


def imports(tree: ast.AST, package: str) -> Iterator[tuple[int, str]]:
    """Line and dotted name of every import of the project, wherever it stands in the file."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            above = package.split(".")[: len(package.split(".")) - node.level + 1] if node.level else []
            base = ".".join([*above, node.module] if node.module else above)
            names = [f"{base}.{alias.name}" for alias in node.names]
        else:
            continue
        yield from ((node.lineno, name) for name in names if name.split(".")[0] == "dctdecode")


def import_problems(root: Path) -> Iterator[str]:
    package = root / "python" / "dctdecode"
    modules = {f.relative_to(package).with_suffix("").as_posix() for f in package.rglob("*.py")} | {"_core"}
    packages = {module.rsplit("/", 1)[0] for module in modules if "/" in module}
    for file in sorted(package.rglob("*.py")):
        name = file.relative_to(root).as_posix()
        module = file.relative_to(package).with_suffix("").as_posix()
        row = row_of(module, MODULES)
        if row is None:
            yield f"{name}: a module without a row in the table: say there what it may import"
            continue
        dotted = ".".join(["dctdecode", *module.split("/")[:-1]])
        for line, imported in imports(ast.parse(file.read_text(encoding="utf-8")), dotted):
            first = [*imported.split("."), ""][1]
            used = first if first in modules or first in packages else "dctdecode"
            if used not in MODULES[row]:
                yield f"{name}:{line}: {row} may not import {imported}"


def problems(root: Path) -> list[str]:
    return [*include_problems(root), *import_problems(root)]


def test_the_tree_keeps_to_the_table():
    assert problems(ROOT) == []


def test_every_folder_and_module_of_the_table_exists():
    """A row that nothing stands behind guards nothing."""
    for folder in HEADERS:
        files = [f for f in (ROOT / folder).rglob("*") if f.suffix in (".c", ".cpp", ".h")]
        assert files or folder == "benchmarks", folder
    package = ROOT / "python" / "dctdecode"
    for module in MODULES:
        assert (package / f"{module}.py").is_file() or list((package / module).glob("*.py")), module


@pytest.fixture(scope="module")
def copy(tmp_path_factory) -> Path:
    root = tmp_path_factory.mktemp("tree")
    ignore = shutil.ignore_patterns("__pycache__", "*.so", "build*", "corpus")
    for folder in ("csrc", "src", "python", "tests/cpp", "tests/fuzz"):
        shutil.copytree(ROOT / folder, root / folder, ignore=ignore)
    assert problems(root) == []
    return root


@pytest.mark.parametrize(
    ("file", "line", "says"),
    [
        ("csrc/pipeline.cpp", "#include <jpeglib.h>", "belongs into csrc/jpeg"),
        ("csrc/jpeg/libjpeg.cpp", "#include <jpeglib.h>", "belongs into csrc/jpeg"),
        ("csrc/entropy/mcu.cpp", '#include "jpeglib.h"', "csrc/entropy may not include"),
        ("csrc/dct/axis.cpp", "  #  include <turbojpeg.h>  // just this once", "belongs into csrc/jpeg"),
        ("csrc/batch/pool.cpp", "#include <setjmp.h>", "belongs into csrc/jpeg"),
        ("csrc/fast_path.cpp", "#include <csetjmp>", "belongs into csrc/jpeg"),
        ("csrc/entropy/scan.cpp", '#include "jpeg/libjpeg.h"', "csrc/entropy may not include"),
        ("csrc/entropy/scan.cpp", '#include "dct/gather.h"', "csrc/entropy may not include"),
        ("csrc/entropy/scan.cpp", "#include <thread>", "belongs into csrc/batch"),
        ("csrc/dct/gather.h", '#include "entropy/decode.h"', "csrc/dct may not include"),
        ("csrc/dct/gather.h", '#include "../entropy/decode.h"', "csrc/dct may not include"),
        ("csrc/jpeg/reader.c", '#include "dct/gather.h"', "csrc/jpeg may not include"),
        ("csrc/include/dctdecode/decode.h", '#include "jpeg/reader.h"', "csrc/include may not include"),
        ("csrc/batch/batch.cpp", '#include "jpeg/libjpeg.h"', "csrc/batch may not include"),
        ("csrc/pipeline.cpp", '#include "batch/pool.h"', "csrc may not include"),
        ("csrc/pipeline.cpp", '#include "jpeg/private.h"', "csrc may not include"),
        ("csrc/header.cpp", "#include <pybind11/pybind11.h>", "belongs into src"),
        ("csrc/header.cpp", "#include <Python.h>", "belongs into src"),
        ("csrc/emit.cpp", "#include <iostream>", "belongs into"),
        ("src/image.cpp", '#include "entropy/decode.h"', "src may not include"),
        ("src/image.cpp", '#include "jpeg/libjpeg.h"', "src may not include"),
        ("src/module.cpp", "#include <torch/torch.h>", "belongs into nowhere"),
        ("python/dctdecode/channels.py", "from dctdecode import _core", "channels may not import dctdecode._core"),
        ("python/dctdecode/preview.py", "import dctdecode._core", "preview may not import dctdecode._core"),
        ("python/dctdecode/preview.py", "from dctdecode.decode import read", "preview may not import"),
        ("python/dctdecode/cli.py", "from dctdecode import _core as core", "cli may not import dctdecode._core"),
        ("python/dctdecode/commands/info.py", "from dctdecode._core import Image", "commands may not import"),
        ("python/dctdecode/commands/info.py", "from .. import _core", "commands may not import dctdecode._core"),
        (
            "python/dctdecode/commands/info.py",
            "from ..decode import read",
            "commands may not import dctdecode.decode",
        ),
        ("python/dctdecode/bench/check.py", "from dctdecode.sources import resolve", "bench may not import"),
        ("python/dctdecode/errors.py", "def late():\n    from . import decode", "errors may not import"),
        ("python/dctdecode/models/gate.py", "import dctdecode", "models may not import dctdecode"),
        ("python/dctdecode/models/stems.py", "from dctdecode.data import DCTLoader", "models may not import"),
        ("python/dctdecode/newcomer.py", "import torch", "a module without a row"),
    ],
)
def test_a_violation_is_caught(copy, file, line, says):
    path = copy / file
    before = path.read_text(encoding="utf-8") if path.exists() else None
    path.write_text(f"{before or ''}\n{line}\n", encoding="utf-8")
    try:
        found = problems(copy)
    finally:
        path.unlink() if before is None else path.write_text(before, encoding="utf-8")
    assert found, "not noticed"
    assert all(problem.startswith(file) and says in problem for problem in found[:1])


def test_only_csrc_links_libjpeg():
    """The binding links the core alone; what libjpeg needs stays behind it."""
    assert "JPEG::JPEG" in (ROOT / "csrc" / "CMakeLists.txt").read_text(encoding="utf-8")
    assert "JPEG::" not in (ROOT / "src" / "CMakeLists.txt").read_text(encoding="utf-8")
