"""prune_tree on tar archives: JPEGs pruned, everything else to the byte."""

from __future__ import annotations

import bz2
import gzip
import io
import json
import lzma
import tarfile
from pathlib import Path

import dctdecode
import pytest
from dctdecode.data.archive import BLOCK_BYTES, next_header
from dctdecode.trees import PruneError, PruneOptions, prune_tree
from shards import PHOTOS, add, sample, shard, write_shards

OPTIONS = PruneOptions(24)
DAMAGED = PHOTOS[0][:-40]


def pruned(tmp_path: Path, archive: bytes, name: str = "a.tar", **options) -> bytes:
    source = tmp_path / "source"
    source.mkdir(exist_ok=True)
    (source / name).write_bytes(archive)
    summary = prune_tree(source, tmp_path / "target", OPTIONS, sample=0, **options)
    assert summary.files == {"pruned": 1}, summary
    return (tmp_path / "target" / name).read_bytes()


def expected(archive: bytes) -> bytes:
    """The archive with every JPEG replaced and its header rewritten, found by tarfile."""
    result, at = b"", 0
    with tarfile.open(fileobj=io.BytesIO(archive)) as tar:
        for member in tar:
            result += archive[at : member.offset_data - BLOCK_BYTES]
            header = archive[member.offset_data - BLOCK_BYTES : member.offset_data]
            at = member.offset_data + -(-member.size // BLOCK_BYTES) * BLOCK_BYTES
            data = archive[member.offset_data : at]
            if member.isreg() and member.name.endswith((".jpg", ".jpeg")):
                data = dctdecode.prune(data[: member.size], 24)
                header = header[:124] + b"%011o\0" % len(data) + header[136:]
                total = sum(header[:148]) + 8 * 32 + sum(header[156:])
                header = header[:148] + b"%06o\0 " % total + header[156:]
                data += bytes(-len(data) % BLOCK_BYTES)
            result += header + data
    return result + archive[at:]


def rich(form: int) -> bytes:
    """Names of every length and script, modes, owners, times, links, folders, an empty member."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=form) as tar:
        add(tar, "dir", type=tarfile.DIRTYPE, mode=0o755)
        for number in range(5):
            for name, data in sample(number):
                add(tar, name, data, mode=0o640, uid=1000 + number, uname="somebody", mtime=1700000000 + number)
        add(tar, "dir/link.jpg", type=tarfile.SYMTYPE, linkname="0001.jpg")
        add(tar, "dir/empty.txt")
        add(tar, "dir/big.bin", bytes(range(256)) * 40)
        if form != tarfile.USTAR_FORMAT:
            add(tar, f"{'long/' * 60}photo.jpg", PHOTOS[1])
            add(tar, "Größe/\u732b.jpg", PHOTOS[2])
    return buffer.getvalue()


@pytest.mark.parametrize("form", [tarfile.USTAR_FORMAT, tarfile.GNU_FORMAT, tarfile.PAX_FORMAT])
@pytest.mark.parametrize("threads", [1, 3])
def test_order_names_and_other_members_are_kept(tmp_path, form, threads):
    archive = rich(form)
    result = pruned(tmp_path, archive, threads=threads)
    assert result == expected(archive)
    with tarfile.open(fileobj=io.BytesIO(archive)) as a, tarfile.open(fileobj=io.BytesIO(result)) as b:
        for old, new in zip(a, b, strict=True):
            same = ("name", "mode", "uid", "uname", "mtime", "type", "linkname")
            assert [getattr(old, key) for key in same] == [getattr(new, key) for key in same]


@pytest.mark.parametrize("name", ["a.tar.gz", "a.tgz", "a.tar.bz2", "a.tar.xz", "a.tar"])
def test_compressed_archives_stay_compressed(tmp_path, name):
    kinds = {"gz": gzip, "z2": bz2, "xz": lzma, "ar": gzip}  # the last: compressed, whatever the name says
    kind = kinds[name[-2:]]
    archive = rich(tarfile.GNU_FORMAT)
    result = pruned(tmp_path, kind.compress(archive), name)
    assert kind.decompress(result) == expected(archive)
    (tmp_path / "target" / name).unlink()
    assert pruned(tmp_path, kind.compress(archive), name) == result  # no time or name in it


def test_a_size_in_a_pax_record(tmp_path):
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=tarfile.PAX_FORMAT) as tar:
        record = {"size": str(len(PHOTOS[0])), "comment": "18 size=000000000\n"}
        add(tar, "a.jpg", PHOTOS[0], pax_headers=record)
        add(tar, "b.cls", b"7")
    result = pruned(tmp_path, buffer.getvalue())
    with tarfile.open(fileobj=io.BytesIO(result)) as tar:
        first, second = tar
        assert tar.extractfile(first).read() == dctdecode.prune(PHOTOS[0], 24)
        assert int(first.pax_headers["size"]) == first.size == len(dctdecode.prune(PHOTOS[0], 24))
        assert first.pax_headers["comment"] == record["comment"]
        assert tar.extractfile(second).read() == b"7"


def test_what_follows_the_end_is_kept(tmp_path):
    archive = shard(sample(0)) + b"something else" * 100
    result = pruned(tmp_path, archive)
    assert result.endswith(b"something else" * 100)


MEMBERS = [("a.jpg", PHOTOS[0]), ("a.cls", b"1"), ("b.jpg", DAMAGED), ("b.cls", b"2"), ("c.jpg", PHOTOS[1])]


@pytest.mark.parametrize(("on_error", "names"), [("skip", "a.jpg a.cls b.cls c.jpg"), ("copy", None)])
def test_a_damaged_member(tmp_path, on_error, names):
    result = pruned(tmp_path, shard(MEMBERS), on_error=on_error)
    with tarfile.open(fileobj=io.BytesIO(result)) as tar:
        found = {member.name: tar.extractfile(member).read() for member in tar}
    assert list(found) == (names.split() if names else [name for name, _ in MEMBERS])
    assert found.get("b.jpg", DAMAGED) == DAMAGED
    assert found["c.jpg"] == dctdecode.prune(PHOTOS[1], 24)
    manifest = (tmp_path / "target" / "prune-manifest-0-of-1.jsonl").read_text().splitlines()
    row = json.loads(manifest[1])
    assert (row["images"], row["failed"]) == (2, 1)
    assert row["error"].startswith("b.jpg: ")
    assert row["bytes_after"] == len(result)


def test_a_damaged_member_with_raise(tmp_path):
    (tmp_path / "source").mkdir()
    (tmp_path / "source" / "a.tar").write_bytes(shard(MEMBERS))
    with pytest.raises(PruneError, match=r"a\.tar: b\.jpg: "):
        prune_tree(tmp_path / "source", tmp_path / "target", OPTIONS, on_error="raise")
    assert [p.name for p in (tmp_path / "target").iterdir()] == ["prune-manifest-0-of-1.jsonl"]


@pytest.mark.parametrize("kind", [None, gzip, bz2, lzma])
@pytest.mark.parametrize("cut", [700, 5000, -1200])
def test_a_damaged_archive_leaves_no_file(tmp_path, kind, cut):
    archive = shard([member for number in range(8) for member in sample(number)])
    archive = archive[: archive.rindex(b"d/0007.cls")]  # without what fills it up
    data = kind.compress(archive)[: cut // 8] if kind else archive[:cut]
    (tmp_path / "source").mkdir()
    (tmp_path / "source" / "a.tar").write_bytes(data)
    summary = prune_tree(tmp_path / "source", tmp_path / "skip", OPTIONS)
    assert summary.files == {"failed": 1}
    assert str(tmp_path / "source" / "a.tar") in summary.failures[0][1]
    assert [p.name for p in (tmp_path / "skip").iterdir()] == ["prune-manifest-0-of-1.jsonl"]
    prune_tree(tmp_path / "source", tmp_path / "copy", OPTIONS, on_error="copy")
    assert (tmp_path / "copy" / "a.tar").read_bytes() == data


def test_archives_are_resumed_and_measured(tmp_path):
    (tmp_path / "source").mkdir()
    write_shards(tmp_path / "source", 3, 5)
    first = prune_tree(tmp_path / "source", tmp_path / "target", OPTIONS, threads=2)
    assert first.images == 15
    assert first.reading.images == 15
    (tmp_path / "target" / "train-001.tar").write_bytes(b"")
    again = prune_tree(tmp_path / "source", tmp_path / "target", OPTIONS)
    assert again.verified == 2
    assert (again.images, again.bytes_after) == (15, first.bytes_after)


def test_a_dry_run_samples_members(tmp_path):
    (tmp_path / "source").mkdir()
    write_shards(tmp_path / "source", 2, 5)
    summary = prune_tree(tmp_path / "source", tmp_path / "target", OPTIONS, dry_run=True)
    assert summary.images == 10
    assert summary.bytes_after < summary.bytes_before
    assert summary.files == {"shard": 2}


def test_images_of_one_archive_are_pruned_side_by_side(tmp_path, monkeypatch):
    """Three must be in the works at once, or this does not end well."""
    import threading

    together = threading.Barrier(3, timeout=60)
    plain = PruneOptions.prune

    def prune(self, source):
        together.wait()
        return plain(self, source)

    members = [member for number in range(6) for member in sample(number)]
    (tmp_path / "source").mkdir()
    (tmp_path / "source" / "a.tar").write_bytes(shard(members))
    monkeypatch.setattr(PruneOptions, "prune", prune)
    assert prune_tree(tmp_path / "source", tmp_path / "target", OPTIONS, threads=3, sample=0).images == 6


def test_a_gigantic_member_is_refused_before_it_is_read(tmp_path):
    header = tarfile.TarInfo("a.jpg")
    header.size = 2**33 - 1
    (tmp_path / "source").mkdir()
    (tmp_path / "source" / "a.tar").write_bytes(header.tobuf() + PHOTOS[0])
    summary = prune_tree(tmp_path / "source", tmp_path / "target", OPTIONS)
    assert "more than max_bytes" in summary.failures[0][1]


def test_headers_hold_all_their_bytes():
    archive = rich(tarfile.PAX_FORMAT)
    stream, copied = io.BytesIO(archive), b""
    while (header := next_header(stream)) is not None:
        copied += header.blocks + stream.read(-(-header.size_bytes // BLOCK_BYTES) * BLOCK_BYTES)
    assert archive.startswith(copied)
    assert not any(archive[len(copied) :])


def test_order_holds_however_long_an_image_takes(tmp_path, monkeypatch):
    import time

    plain = PruneOptions.prune

    def prune(self, source):
        time.sleep(0.02 if source == PHOTOS[0] else 0)
        return plain(self, source)

    archive = shard([member for number in range(40) for member in sample(number)])
    right = expected(archive)
    monkeypatch.setattr(PruneOptions, "prune", prune)
    assert pruned(tmp_path, archive, threads=4) == right
