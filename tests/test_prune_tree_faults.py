"""prune_tree when the process is killed, the disk is full, or the target cannot be written."""

from __future__ import annotations

import errno
import os
import resource
import shutil
import subprocess
import sys
import tempfile
import threading
from pathlib import Path

import dctdecode
import matplotlib
import pytest
from dctdecode.cli import main
from dctdecode.trees import PruneOptions, TargetError, prune_tree
from folders import image_tree, put
from shards import sample, shard
from test_prune_tree import MANIFEST, contents, rows

OPTIONS = PruneOptions(24)
TESTS = Path(__file__).parent


@pytest.fixture
def tree(tmp_path, generate) -> Path:
    root = image_tree(tmp_path / "source", generate, 6)
    put(root / "notes.txt", b"notes")
    put(root / "a.tar", shard([member for number in range(8) for member in sample(number)]))
    return root


def test_a_hundred_kills_lose_nothing(tree, tmp_path):
    for number in (3, 4, 5):  # the time of a hundred runs
        (tree / "cat" / f"{number}.jpg").unlink()
        (tree / "dog" / f"{number}.jpg").unlink()
    prune_tree(tree, tmp_path / "expected", OPTIONS)
    ran = subprocess.run(
        [sys.executable, TESTS / "prune_kills.py", tree, tmp_path / "target", tmp_path / "expected", "100"],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert ran.returncode == 0, ran.stderr
    hits, leftovers = map(int, ran.stdout.split())
    assert hits == 100
    assert leftovers > 0, "no kill fell into the writing of a file"


def whole_or_absent(target: Path, expected: dict) -> None:
    found = contents(target)
    assert all(expected[file] == data for file, data in found.items()), "a broken or unfinished file"


FAULTS = ["open", "write", "fchmod", "fsync"]


@pytest.mark.parametrize("call", [*FAULTS, "replace"])
@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EROFS, errno.EIO])
def test_a_fault_at_any_step(tree, tmp_path, monkeypatch, call, code):
    """Every call that writes fails from the n-th on, for one n after the other."""
    prune_tree(tree, tmp_path / "expected", OPTIONS)
    expected = contents(tmp_path / "expected")
    owner, name = (Path, "replace") if call == "replace" else (os, call)
    plain = getattr(owner, name)
    for number in (1, 2, 7):
        calls = 0
        target = tmp_path / f"target{number}"

        def failing(*args, number=number, **options):
            nonlocal calls
            if call == "open" and not args[1] & os.O_WRONLY:
                return plain(*args, **options)
            calls += 1
            if calls >= number:
                raise OSError(code, os.strerror(code))
            return plain(*args, **options)

        monkeypatch.setattr(owner, name, failing)
        with pytest.raises(TargetError, match=os.strerror(code)) as caught:
            prune_tree(tree, target, OPTIONS, threads=2)
        assert str(target) in str(caught.value)
        monkeypatch.setattr(owner, name, plain)
        whole_or_absent(target, expected)
        prune_tree(tree, target, OPTIONS)
        assert contents(target) == expected


def test_a_file_that_would_grow_too_large(tmp_path, capsys):
    """A quota that needs no privileges: no file of this process may have more than 20,000 bytes."""
    photo = Path(matplotlib.get_data_path()) / "sample_data" / "grace_hopper.jpg"
    assert len(dctdecode.prune(photo, 24)) > 20_000
    put(tmp_path / "source" / "large.jpg", photo.read_bytes())
    put(tmp_path / "source" / "small.jpg", (TESTS / "data" / "small" / "gray.jpg").read_bytes())
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, hard))
    try:
        code = main(["prune", str(tmp_path / "source"), str(tmp_path / "target"), "--channels", "24"])
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert code == 1
    (message,) = capsys.readouterr().err.splitlines()
    assert message == f"dctdecode prune: {tmp_path}/target/large.jpg: cannot be written: File too large"
    assert set(contents(tmp_path / "target")) <= {"small.jpg"}
    assert prune_tree(tmp_path / "source", tmp_path / "target", OPTIONS).images == 2


def test_a_full_disk(tree, tmp_path, capsys):
    target = tmp_path / "disk"
    target.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=16k", "tmpfs", target], capture_output=True, text=True, check=False
    )
    if mounted.returncode:
        pytest.skip(f"a small disk needs root: {mounted.stderr.strip()}; the tests above stand in for it")
    try:
        assert main(["prune", str(tree), str(target), "--channels", "24"]) == 1
        (message,) = capsys.readouterr().err.splitlines()
        assert message.endswith("cannot be written: No space left on device")
        prune_tree(tree, tmp_path / "expected", OPTIONS)
        whole_or_absent(target, contents(tmp_path / "expected"))
        assert len(contents(target)) > 2
        subprocess.run(["mount", "-o", "remount,size=4m", target], check=True)
        prune_tree(tree, target, OPTIONS)
        assert contents(target) == contents(tmp_path / "expected")
    finally:
        subprocess.run(["umount", target], check=True)


# As root once, so that all is imported, which another user may not be able to do.
UNPRIVILEGED = """
import contextlib, io, os, sys, tempfile
from dctdecode.cli import main
source, *targets = sys.argv[1:]
with tempfile.TemporaryDirectory() as folder, contextlib.redirect_stderr(io.StringIO()):
    main(["prune", source, folder, "--channels", "24"])
if os.geteuid() == 0:
    os.setgroups([]); os.setgid(65534); os.setuid(65534)
sys.exit(sum(main(["prune", source, target, "--channels", "24"]) == 1 for target in targets))
"""


@pytest.fixture
def open_folder(tmp_path_factory):
    """A folder that any user can reach, which those of pytest are not."""
    folder = Path(tempfile.mkdtemp())
    folder.chmod(0o755)
    yield folder
    subprocess.run(["chmod", "-R", "u+rwx", folder], check=True)
    shutil.rmtree(folder)


def test_read_only_targets(tree, open_folder):
    source = shutil.copytree(tree, open_folder / "source")
    whole = open_folder / "whole"
    prune_tree(source, whole, OPTIONS)
    (whole / "cat" / "0.jpg").unlink()
    closed = open_folder / "closed"
    closed.mkdir()
    (whole / MANIFEST).chmod(0o666)
    for folder in (closed, whole / "cat"):
        folder.chmod(0o555)
    targets = [closed, closed / "new", whole]
    ran = subprocess.run(
        [sys.executable, "-c", UNPRIVILEGED, source, *targets], capture_output=True, text=True, check=False
    )
    assert ran.returncode == 3, ran.stderr
    places = [closed / MANIFEST, closed / "new", whole / "cat" / "0.jpg"]
    assert ran.stderr.splitlines() == [
        f"dctdecode prune: {place}: cannot be written: Permission denied" for place in places
    ]


def test_a_source_that_cannot_be_read_is_a_row(tree, tmp_path, monkeypatch):
    """A folder in its place after the listing: an error of reading that root gets as well."""
    from dctdecode.trees import tree as module

    plain = module.list_source

    def listed(source):
        found = plain(source)
        (source / "cat" / "0.jpg").unlink()
        (source / "cat" / "0.jpg").mkdir()
        (source / "notes.txt").unlink()
        (source / "a.tar").unlink()
        return found

    monkeypatch.setattr(module, "list_source", listed)
    summary = prune_tree(tree, tmp_path / "target", OPTIONS, on_error="copy")
    assert summary.files == {"pruned": 11, "failed": 3}
    for file in ("cat/0.jpg", "notes.txt", "a.tar"):
        assert str(tree / file) in rows(tmp_path / "target")[file]["error"]


def test_an_interrupt_ends_the_run_and_the_next_goes_on(tree, tmp_path, monkeypatch):
    plain = PruneOptions.prune
    begun = threading.Event()

    def prune(self, source):
        if begun.is_set():
            raise KeyboardInterrupt
        begun.set()
        return plain(self, source)

    monkeypatch.setattr(PruneOptions, "prune", prune)
    target = tmp_path / "target"
    assert main(["prune", str(tree), str(target), "--channels", "24"]) == 130
    monkeypatch.setattr(PruneOptions, "prune", plain)
    assert not list(target.rglob("*.part"))
    prune_tree(tree, tmp_path / "expected", OPTIONS)
    prune_tree(tree, target, OPTIONS)
    assert contents(target) == contents(tmp_path / "expected")
