"""Tar archives read as streams: against what tarfile makes, and hostile ones."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import subprocess
import tarfile
import time
import tracemalloc

import pytest
from dctdecode.data.archive import ShardError, members_of, unpacked
from dctdecode.data.shards import Readers, expand, of_reader, open_shard
from shards import add, shard

LONG = "folder/" * 40 + "x.jpg"


def read(data: bytes, wanted=lambda name: True, limit: int = 10**6):
    return [tuple(member) for member in members_of(unpacked(io.BytesIO(data)), wanted, limit)]


@pytest.mark.parametrize("format", [tarfile.USTAR_FORMAT, tarfile.GNU_FORMAT, tarfile.PAX_FORMAT])
def test_formats_and_names(format):
    members = [("a.jpg", b"1" * 511), ("b.jpg", b""), ("ä/\udcff.jpg", b"2" * 512), ("c.cls", b"3" * 1025)]
    if format != tarfile.USTAR_FORMAT:  # which has 255 bytes
        members.insert(2, (LONG, b"long"))
    data = shard(members, format=format, encoding="utf-8", errors="surrogateescape")
    assert read(data) == members


def test_a_size_in_an_extended_header_counts():
    """What tarfile writes from 8 GiB on: the plain field cannot hold it."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=tarfile.PAX_FORMAT) as tar:
        add(tar, "a.jpg", b"four", pax_headers={"size": "4"})
        add(tar, "b.jpg", b"five!")
    data = bytearray(buffer.getvalue())
    header = tarfile.TarInfo("a.jpg").tobuf(tarfile.USTAR_FORMAT)  # of size 0
    data[1024:1536] = header
    assert read(bytes(data)) == [("a.jpg", b"four"), ("b.jpg", b"five!")]


@pytest.mark.parametrize("pack", [gzip.compress, bz2.compress, lzma.compress, bytes])
def test_compressed(pack):
    assert read(pack(shard([("a.jpg", b"data")]))) == [("a.jpg", b"data")]


@pytest.mark.parametrize("pack", [gzip.compress, bz2.compress, lzma.compress, bytes])
def test_wherever_it_breaks_off_an_error_says_so(pack):
    whole = pack(
        shard([("a.jpg", bytes(range(256)) * 5), ("b.jpg", b"b" * 600)], bufsize=512).rstrip(b"\0") + bytes(1024)
    )
    for length in range(0, len(whole) - (512 if pack is bytes else 1), 97):
        with pytest.raises(ShardError, match=r"breaks? off|damaged"):
            read(whole[:length])


def test_unwanted_members_are_passed_over():
    data = shard([("a.jpg", b"1"), ("a.png", b"2" * 3000), ("b.jpg", b"3")])
    assert read(data, lambda name: name.endswith(".jpg")) == [("a.jpg", b"1"), ("b.jpg", b"3")]


def test_links_devices_and_folders_are_passed_over():
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as tar:
        add(tar, "first.jpg", b"1")
        for kind in (tarfile.LNKTYPE, tarfile.SYMTYPE):
            add(tar, f"{kind!r}.jpg", type=kind, linkname="/etc/passwd")
        for kind in (tarfile.CHRTYPE, tarfile.BLKTYPE, tarfile.DIRTYPE, tarfile.FIFOTYPE):
            add(tar, f"{kind!r}.jpg", type=kind)
        add(tar, "other.jpg", b"of an unknown type", type=b"Q")
        add(tar, "old folder.jpg/", type=tarfile.AREGTYPE)
        add(tar, "last.jpg", b"2")
    assert read(buffer.getvalue()) == [("first.jpg", b"1"), ("last.jpg", b"2")]


def test_a_member_larger_than_the_limit_is_cut_one_byte_behind_it():
    assert read(shard([("a.jpg", b"x" * 5000), ("b.jpg", b"y")]), limit=10) == [
        ("a.jpg", b"x" * 11),
        ("b.jpg", b"y"),
    ]


def test_a_promised_size_takes_no_memory():
    header = tarfile.TarInfo("a.jpg")
    header.size = 2**33
    tracemalloc.start()
    with pytest.raises(ShardError, match="breaks off"):
        read(header.tobuf(tarfile.GNU_FORMAT), limit=2**40)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 32 * 2**20


def of_size(size: int, kind: bytes) -> bytes:
    header = tarfile.TarInfo("x")
    header.size, header.type = size, kind
    return header.tobuf(tarfile.GNU_FORMAT)


def pax(record: bytes) -> bytes:
    padded = record + bytes(-len(record) % 512)
    return of_size(len(record), tarfile.XHDTYPE) + padded + of_size(0, tarfile.REGTYPE) + bytes(1024)


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (b"", "breaks off"),
        (b"no archive" * 100, "not a header"),
        (shard([("a.jpg", b"1")])[:1024] + b"\1" * 1024, "not a header"),
        (of_size(2**40, tarfile.XHDTYPE), "extended header of 1099511627776 bytes"),
        (of_size(2**40, tarfile.XGLTYPE), "extended header of"),
        (of_size(2**40, tarfile.GNUTYPE_LONGNAME), "extended header of"),
        (of_size(2**40, tarfile.GNUTYPE_LONGLINK), "extended header of"),
        (of_size(-(2**40), tarfile.REGTYPE), "size of -1099511627776"),
        (of_size(0, tarfile.GNUTYPE_SPARSE), "sparse"),
        (pax(b"22 GNU.sparse.major=1\n"), "sparse"),
        (pax(b"10 size=-1\n"), "damaged extended header"),
        (pax(b"11 size=-1\n"), "size of '-1'"),
        (pax(b"99999999 path=x\n"), "damaged extended header"),
        (pax(b"0 path=x\n"), "damaged extended header"),
        (pax(b"path=x\n"), "damaged extended header"),
        (pax(b"9" * 5000), "damaged extended header"),
        (pax("²²² path=x\n".encode()), "damaged extended header"),
    ],
)
def test_hostile_archives(data, says):
    with pytest.raises(ShardError, match=says):
        read(data)


@pytest.mark.parametrize(
    ("url", "names"),
    [
        ("a.tar", ["a.tar"]),
        ("{8..10}.tar", ["8.tar", "9.tar", "10.tar"]),
        ("{08..10}.tar", ["08.tar", "09.tar", "10.tar"]),
        ("{0..0}", ["0"]),
        ("{000..2}", ["000", "001", "002"]),
        ("{a,b}-{0..1}.tar", ["a-0.tar", "a-1.tar", "b-0.tar", "b-1.tar"]),
        (["x{0..1}", "y"], ["x0", "x1", "y"]),
        ("pipe:curl -s https://a.b/{000..1}.tar", [f"pipe:curl -s https://a.b/{n}.tar" for n in ("000", "001")]),
        ("pipe:f() { cat ${1}{a,b}; }; f {8..9}", [f"pipe:f() {{ cat ${{1}}{{a,b}}; }}; f {n}" for n in "89"]),
    ],
)
def test_patterns(url, names):
    assert [shard.name for shard in expand(url)] == names


def test_a_path_has_no_braces(tmp_path):
    assert [shard.name for shard in expand(tmp_path / "{0..3}.tar")] == [str(tmp_path / "{0..3}.tar")]


@pytest.mark.parametrize(
    ("url", "error"),
    [
        *[(bad, ValueError) for bad in ([], "{1..0}", "{a", "a}", "{{a}}")],
        *[(bad, TypeError) for bad in (3, [3], None)],
    ],
)
def test_what_is_no_pattern(url, error):
    with pytest.raises(error):
        expand(url)


def test_a_pattern_is_what_bash_makes_of_it():
    for pattern in ("{0..11}", "{000..011}", "{-3..3}", "a{x,y,zz}b{1..2}", "{-05..5}"):
        printed = subprocess.run(
            ["bash", "-c", f"echo {pattern}"], capture_output=True, text=True, check=True
        ).stdout
        assert [shard.name for shard in expand(pattern)] == printed.split()


def test_readers_share_whole_shards():
    readers = [Readers.of(rank, 2, worker, 3) for rank in range(2) for worker in range(3)]
    assert sorted(reader.number for reader in readers) == list(range(6))
    shares = [of_reader(range(20), reader) for reader in readers]
    assert sorted(number for share in shares for number in share) == list(range(20))
    assert {len(share) for share in shares} == {3, 4}
    with pytest.raises(ValueError, match=r"5 shards for 6 readers \(2 ranks x 3 workers\): .*split=\"samples\""):
        of_reader(range(5), readers[0])


def test_commands(tmp_path):
    (tmp_path / "a b").write_bytes(b"data" + bytes(10**6))

    def first_bytes(command: str) -> bytes:
        with open_shard(expand(f"pipe:{command}")[0]) as stream:
            return stream.read(4)

    assert first_bytes(f"cat '{tmp_path}/a b'") == b"data"  # all of it was printed: no broken pipe
    with pytest.raises(OSError, match="status 3"):
        first_bytes("printf data; exit 3")


def test_a_command_that_nobody_reads_from_ends(tmp_path):
    """With all that its shell started."""
    late = tmp_path / "late"

    def printed():
        with open_shard(expand(f"pipe:(sleep 0.3; touch {late}) & yes")[0]) as stream:
            yield stream.read(2)

    reading = printed()
    assert next(reading) == b"y\n"
    reading.close()
    time.sleep(0.6)
    assert not late.exists()


def test_a_failing_command_is_the_cause_of_a_short_archive():
    (made,) = expand("pipe:echo gone >/dev/null; exit 4")
    with pytest.raises(ShardError, match=r"breaks off.*status 4"), open_shard(made) as stream:
        list(members_of(unpacked(stream), lambda name: True, 10))


def test_file_objects_begin_where_they_stood():
    file = io.BytesIO(b"skipped" + b"data")
    file.seek(7)
    (made,) = expand(file)
    for _ in range(2):
        with open_shard(made) as stream:
            assert stream.read() == b"data"
