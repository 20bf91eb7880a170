"""What the tests and the examples in docstrings take for granted."""

import importlib.util
import re
import signal
from pathlib import Path

import pytest

HAS_TORCHVISION = importlib.util.find_spec("torchvision") is not None


def pytest_configure():
    # A shell starts its background jobs with Ctrl-C ignored, and programs inherit that: tests of Ctrl-C need it.
    signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_ignore_collect(collection_path):
    """Without torchvision the examples of modules that import it cannot run; the report's head says so."""
    if not HAS_TORCHVISION and "models" in collection_path.parts and collection_path.suffix == ".py":
        text = collection_path.read_text("utf-8")
        return True if re.search(r"^(from|import) torchvision", text, re.MULTILINE) else None
    return None


def pytest_report_header():
    return None if HAS_TORCHVISION else "torchvision is not installed: examples of the models are not run"


@pytest.fixture(autouse=True)
def _names_of_doctests(request):
    """`dctdecode_photo`: path of the photograph that comes with matplotlib, 600 x 512 px, 4:2:0."""
    if request.node.__class__.__name__ != "DoctestItem":
        return
    source = "".join(example.source for example in request.node.dtest.examples)
    if not HAS_TORCHVISION and re.search(r"create_model|torchvision|resnet|mobilenet", source):
        pytest.skip("torchvision is not installed")
    import matplotlib

    photo = Path(matplotlib.get_data_path()) / "sample_data" / "grace_hopper.jpg"
    assert photo.is_file(), "the examples need matplotlib's sample data"
    request.getfixturevalue("doctest_namespace")["dctdecode_photo"] = str(photo)
