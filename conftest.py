"""What the tests and the examples in docstrings take for granted."""

import signal
from pathlib import Path

import pytest


def pytest_configure():
    # A shell starts its background jobs with Ctrl-C ignored, and programs inherit that: tests of Ctrl-C need it.
    signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(autouse=True)
def _names_of_doctests(request):
    """`dctdecode_photo`: path of the photograph that comes with matplotlib, 600 x 512 px, 4:2:0."""
    if request.node.__class__.__name__ != "DoctestItem":
        return
    import matplotlib

    photo = Path(matplotlib.get_data_path()) / "sample_data" / "grace_hopper.jpg"
    assert photo.is_file(), "the examples need matplotlib's sample data"
    request.getfixturevalue("doctest_namespace")["dctdecode_photo"] = str(photo)
