"""prune_tree and `dctdecode prune`: what becomes of a tree, and of one that is half done."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path

import dctdecode
import pytest
from dctdecode.cli import main
from dctdecode.trees import PruneError, PruneOptions, TargetError, prune_tree
from folders import image_tree, put

SMALL = Path(__file__).parent / "data" / "small"
OPTIONS = PruneOptions(24)
MANIFEST = "prune-manifest-0-of-1.jsonl"


@pytest.fixture
def tree(tmp_path, generate) -> Path:
    """Six JPEGs of two classes, an empty class, other files, a damaged JPEG, CMYK, a name that is no UTF-8."""
    root = image_tree(tmp_path / "source", generate)
    (root / "empty").mkdir()
    put(root / "cat" / "notes.txt", b"notes")
    put(root / "dog" / "damaged.jpg", (root / "dog" / "0.jpg").read_bytes()[:-30])
    put(root / "dog" / "cmyk.jpeg", (SMALL / "cmyk.jpg").read_bytes())
    put(root / "dog" / "sub" / "\udcff x.JPG", (SMALL / "gray.jpg").read_bytes())
    (root / "cat" / "0.jpg").chmod(0o640)
    (root / "dog" / "sub").chmod(0o750)
    return root


SOUND = ["cat/0.jpg", "cat/1.jpg", "cat/2.jpg", "dog/0.jpg", "dog/1.jpg", "dog/2.jpg", "dog/sub/\udcff x.JPG"]
FAILING = ["dog/cmyk.jpeg", "dog/damaged.jpg"]


def contents(root: Path) -> dict[str, bytes | None]:
    """Path below the root -> bytes, None for folders. Without manifests."""
    found = sorted(p for p in root.rglob("*") if not p.name.startswith("prune-manifest"))
    return {str(p.relative_to(root)): p.read_bytes() if p.is_file() else None for p in found}


def rows(target: Path, name: str = MANIFEST) -> dict[str, dict]:
    lines = (target / name).read_text().splitlines()
    return {row["file"]: row for row in map(json.loads, lines[1:])}


def test_a_tree(tree, tmp_path):
    before = contents(tree)
    times = {p: p.stat().st_mtime_ns for p in tree.rglob("*")}
    target = tmp_path / "new" / "target"
    summary = prune_tree(tree, target, OPTIONS)
    expected = {f: data for f, data in before.items() if f not in FAILING}
    expected |= {f: dctdecode.prune(tree / f, 24) for f in SOUND}
    assert contents(target) == expected
    assert contents(tree) == before
    assert {p: p.stat().st_mtime_ns for p in tree.rglob("*")} == times
    assert summary.files == {"pruned": 7, "copied": 1, "failed": 2}
    assert (summary.images, summary.failed, summary.verified) == (7, 2, 0)
    assert summary.bytes_before == sum(len(before[f]) for f in [*SOUND, "cat/notes.txt"])
    assert summary.bytes_after == sum(len(data or b"") for data in expected.values())
    assert (target / "cat" / "0.jpg").stat().st_mode & 0o777 == 0o640
    assert (target / "dog" / "sub").stat().st_mode & 0o777 == 0o750
    assert summary.reading.images == 7


def test_the_manifest_tells_of_every_file(tree, tmp_path):
    target = tmp_path / "target"
    prune_tree(tree, target, OPTIONS)
    header = json.loads((target / MANIFEST).read_text().splitlines()[0])
    assert header["source"] == str(tree)
    assert header["parameters"]["channels"] == list(OPTIONS.channels)
    found = rows(target)
    assert sorted(found) == sorted([*SOUND, *FAILING, "cat/notes.txt"])
    for file in SOUND:
        assert found[file]["status"] == "pruned"
        assert found[file]["bytes_before"] == (tree / file).stat().st_size
        assert found[file]["bytes_after"] == (target / file).stat().st_size
    assert "error" not in found["cat/0.jpg"]
    assert "CMYK" in found["dog/cmyk.jpeg"]["error"]
    assert str(tree / "dog" / "damaged.jpg") in found["dog/damaged.jpg"]["error"]
    assert found["dog/damaged.jpg"]["status"] == "failed"


def test_copy_takes_failing_files_over(tree, tmp_path):
    summary = prune_tree(tree, tmp_path / "target", OPTIONS, on_error="copy")
    assert summary.files == {"pruned": 7, "copied": 3}
    assert summary.failed == 2
    for file in FAILING:
        assert (tmp_path / "target" / file).read_bytes() == (tree / file).read_bytes()
        assert rows(tmp_path / "target")[file]["error"]


def test_raise_ends_the_run_and_keeps_what_is_done(tree, tmp_path):
    target = tmp_path / "target"
    with pytest.raises(PruneError, match=r"dog/(cmyk|damaged)"):
        prune_tree(tree, target, OPTIONS, on_error="raise", threads=1)
    done = [file for file, row in rows(target).items() if row["status"] == "pruned"]
    assert done
    for file in done:
        assert (target / file).read_bytes() == dctdecode.prune(tree / file, 24)
    summary = prune_tree(tree, target, OPTIONS)
    assert summary.verified >= len(done)
    assert summary.images == 7


def test_others_are_listed(tree, tmp_path):
    summary = prune_tree(tree, tmp_path / "target", OPTIONS, others="list")
    assert summary.files["listed"] == 1
    assert not (tmp_path / "target" / "cat" / "notes.txt").exists()
    assert rows(tmp_path / "target")["cat/notes.txt"]["status"] == "listed"


def test_links_and_special_files(tree, tmp_path):
    outside = put(tmp_path / "outside" / "o.jpg", (tree / "cat" / "0.jpg").read_bytes())
    (tree / "linked").symlink_to(outside.parent)
    (tree / "cat" / "link.jpg").symlink_to(outside)
    (tree / "cat" / "gone.jpg").symlink_to(tmp_path / "gone")
    (tree / "cat" / "circle").symlink_to(tree)
    os.mkfifo(tree / "cat" / "pipe.jpg")
    target = tmp_path / "target"
    summary = prune_tree(tree, target, OPTIONS)
    assert summary.images == 9
    assert (target / "linked" / "o.jpg").read_bytes() == dctdecode.prune(outside, 24)
    assert not any(path.is_symlink() for path in target.rglob("*"))
    listed = {file for file, row in rows(target).items() if row["status"] == "listed"}
    assert listed == {"cat/gone.jpg", "cat/circle", "cat/pipe.jpg"}


def test_done_files_are_verified_and_left_alone(tree, tmp_path):
    target = tmp_path / "target"
    prune_tree(tree, target, OPTIONS)
    inodes = {f: (target / f).stat().st_ino for f in SOUND}
    lines = (target / MANIFEST).read_text().count("\n")
    summary = prune_tree(tree, target, OPTIONS)
    assert summary.verified == 8
    assert (summary.images, summary.failed) == (7, 2)
    assert {f: (target / f).stat().st_ino for f in SOUND} == inodes
    assert (target / MANIFEST).read_text().count("\n") == lines + 2  # the failing ones were tried again


def test_what_is_not_as_it_was_is_done_again(tree, tmp_path):
    target = tmp_path / "target"
    prune_tree(tree, target, OPTIONS)
    expected = contents(target)
    changed = bytearray((target / "cat/0.jpg").read_bytes())
    changed[-10] ^= 1  # of equal size
    (target / "cat/0.jpg").write_bytes(changed)
    (target / "cat/1.jpg").write_bytes(b"")
    (target / "cat/2.jpg").unlink()
    os.utime(tree / "dog/0.jpg", ns=(1, 1))
    shutil.copyfile(tree / "dog/2.jpg", tree / "dog/1.jpg")
    expected["dog/1.jpg"] = expected["dog/2.jpg"]
    summary = prune_tree(tree, target, OPTIONS)
    assert summary.verified == 3  # dog/2.jpg, dog/sub, notes
    assert contents(target) == expected


def test_a_line_cut_short_counts_as_not_written(tree, tmp_path):
    target = tmp_path / "target"
    prune_tree(tree, target, OPTIONS)
    whole = (target / MANIFEST).read_bytes()
    for keep in (len(whole) - 1, len(whole) - 40, whole.index(b"\n") + 1, whole.index(b"\n"), 5, 0):
        (target / MANIFEST).write_bytes(whole[:keep])
        assert prune_tree(tree, target, OPTIONS).images == 7
        lines = (target / MANIFEST).read_bytes().splitlines()
        assert lines[0] == whole.splitlines()[0]
        assert all(json.loads(line) for line in lines)
        assert prune_tree(tree, target, OPTIONS).verified == 8


def test_leftovers_are_removed_those_of_others_are_not(tree, tmp_path):
    target = tmp_path / "target"
    prune_tree(tree, target, OPTIONS)
    ours = put(target / "cat" / ".dctdecode-0-of-1-abcdef.part")
    theirs = put(target / "cat" / ".dctdecode-0-of-12-abcdef.part")
    prune_tree(tree, target, OPTIONS)
    assert not ours.exists()
    assert theirs.exists()
    prune_tree(tree, target, OPTIONS, num_shards=12)
    prune_tree(tree, target, OPTIONS)
    assert not theirs.exists()


@pytest.mark.parametrize(
    ("arguments", "names"),
    [
        ({"channels": 6}, "channels"),
        ({"channels": 24, "margin": 1}, "margin 0"),
        ({"channels": 24, "metadata": "all"}, "metadata 'orientation'"),
        ({"channels": 24, "progressive": True}, "progressive False"),
        ({"channels": 24, "size": (16, 16)}, "size None"),
    ],
)
def test_other_parameters_do_not_mix(tree, tmp_path, arguments, names):
    target = tmp_path / "target"
    prune_tree(tree, target, OPTIONS)
    before = contents(target)
    with pytest.raises(ValueError, match=rf"other arguments \({names}"):
        prune_tree(tree, target, PruneOptions(**arguments))
    with pytest.raises(ValueError, match="other arguments"):
        prune_tree(tree, target, PruneOptions(**arguments), num_shards=2)
    assert contents(target) == before


def test_another_source_does_not_mix(tree, tmp_path):
    prune_tree(tree, tmp_path / "target", OPTIONS)
    with pytest.raises(ValueError, match="source"):
        prune_tree(tree / "cat", tmp_path / "target", OPTIONS)


def test_a_target_of_somebody_else_is_refused(tree, tmp_path):
    put(tmp_path / "target" / "thesis.tex", b"words")
    with pytest.raises(ValueError, match="is not empty"):
        prune_tree(tree, tmp_path / "target", OPTIONS)
    assert contents(tmp_path / "target") == {"thesis.tex": b"words"}


def test_the_source_is_never_the_target(tree, tmp_path):
    before = contents(tree)
    (tmp_path / "by another name").symlink_to(tree)
    (tmp_path / "class").symlink_to(tree / "cat")
    for target in (tree, tree / "out", tree / "cat", tmp_path / "by another name", tmp_path / "class" / "x" / "y"):
        with pytest.raises(ValueError, match="never written to"):
            prune_tree(tree, target, OPTIONS)
    for source in (tree / "cat", tmp_path / "class"):
        with pytest.raises(ValueError, match="never written to"):
            prune_tree(source, tmp_path, OPTIONS)
    with pytest.raises(ValueError, match="never written to"):
        prune_tree(tree / "cat" / "0.jpg", tree / "cat", OPTIONS)
    assert contents(tree) == before


def test_links_in_the_target_are_not_followed(tree, tmp_path):
    target = tmp_path / "target"
    prune_tree(tree, target, OPTIONS)
    before = contents(tree)
    (target / "cat/0.jpg").unlink()
    (target / "cat/0.jpg").symlink_to(tree / "cat/0.jpg")
    prune_tree(tree, target, OPTIONS)
    assert not (target / "cat/0.jpg").is_symlink()
    shutil.rmtree(target / "dog")
    (target / "dog").symlink_to(tree / "dog")
    with pytest.raises(TargetError, match="dog: cannot be written: a link or a file is where"):
        prune_tree(tree, target, OPTIONS)
    assert contents(tree) == before


def test_one_file(tree, tmp_path):
    prune_tree(tree / "cat" / "0.jpg", tmp_path / "target", OPTIONS)
    assert contents(tmp_path / "target") == {"0.jpg": dctdecode.prune(tree / "cat" / "0.jpg", 24)}


def test_a_pruned_tree_can_be_pruned(tree, tmp_path):
    prune_tree(tree, tmp_path / "a", OPTIONS)
    put(tmp_path / "a" / "cat" / ".dctdecode-0-of-1-abcdef.part")
    prune_tree(tmp_path / "a", tmp_path / "b", OPTIONS)
    assert contents(tmp_path / "a").keys() - contents(tmp_path / "b").keys() == {
        "cat/.dctdecode-0-of-1-abcdef.part"
    }
    assert (tmp_path / "a/cat/0.jpg").read_bytes() == (tmp_path / "b/cat/0.jpg").read_bytes()


def test_shards_share_the_files(tree, tmp_path):
    whole, target = tmp_path / "whole", tmp_path / "target"
    prune_tree(tree, whole, OPTIONS)
    summaries = [prune_tree(tree, target, OPTIONS, num_shards=3, shard_index=i) for i in (2, 0, 1)]
    assert contents(target) == contents(whole)
    assert sum(summary.images for summary in summaries) == 7
    assert all(summary.images < 7 and summary.verified == 0 for summary in summaries)
    named = [set(rows(target, f"prune-manifest-{i}-of-3.jsonl")) for i in range(3)]
    assert sum(map(len, named)) == len(set.union(*named)) == 10
    assert prune_tree(tree, target, OPTIONS).verified == 8  # in one part: all three manifests are known


def test_two_runs_of_one_part_do_not_meet(tree, tmp_path):
    from dctdecode.trees.manifest import Manifest

    target = tmp_path / "target"
    prune_tree(tree, target, OPTIONS, num_shards=2)
    header = {"source": str(tree), "parameters": OPTIONS.parameters()}
    with Manifest(target, "0-of-2", header):
        with pytest.raises(ValueError, match=r"0-of-2\.jsonl is locked"):
            prune_tree(tree, target, OPTIONS, num_shards=2)
        with pytest.raises(ValueError, match=r"0-of-2\.jsonl is locked"):
            prune_tree(tree, target, OPTIONS)  # another splitting: its parts overlap
        prune_tree(tree, target, OPTIONS, num_shards=2, shard_index=1)
    prune_tree(tree, target, OPTIONS)


def test_dry_run_writes_nothing(tree, tmp_path):
    summary = prune_tree(tree, tmp_path / "target", OPTIONS, dry_run=True)
    assert not (tmp_path / "target").exists()
    assert summary.estimated
    assert summary.files == {"jpeg": 9, "other": 1}
    assert (summary.images, summary.failed) == (7, 2)
    for file in FAILING:
        (tree / file).unlink()
    estimated = prune_tree(tree, tmp_path / "target", OPTIONS, dry_run=True)  # the sample is the tree
    true = prune_tree(tree, tmp_path / "target", OPTIONS)
    assert (estimated.bytes_before, estimated.bytes_after) == (true.bytes_before, true.bytes_after)


@pytest.mark.parametrize(
    "arguments",
    [
        {"on_error": "zero"}, {"others": "move"}, {"engine": "spark"}, {"num_shards": 2, "shard_index": 2},
        {"shard_index": -1}, {"threads": 0},
    ],
)  # fmt: skip
def test_arguments_are_checked_before_anything_is_written(tree, tmp_path, arguments):
    with pytest.raises(ValueError, match=next(iter(arguments)) if len(arguments) == 1 else "shard_index"):
        prune_tree(tree, tmp_path / "target", OPTIONS, **arguments)
    assert not (tmp_path / "target").exists()


def test_options_are_checked_at_once():
    with pytest.raises(ValueError, match="quality"):
        PruneOptions(24, quality=80)
    with pytest.raises(ValueError, match="margin"):
        PruneOptions(24, margin=9)
    assert PruneOptions([64, 0]) == PruneOptions((0, 64))


def test_size_resamples(tree, tmp_path):
    prune_tree(tree, tmp_path / "target", PruneOptions(24, size=(16, 24), quality=80))
    info = dctdecode.info(tmp_path / "target" / "cat" / "0.jpg")
    assert (info.height, info.width) == (16, 24)


def test_a_source_that_is_not_there(tmp_path):
    with pytest.raises(FileNotFoundError, match="nowhere"):
        prune_tree(tmp_path / "nowhere", tmp_path / "target", OPTIONS)


def test_command(tree, tmp_path, capsys):
    target, record = tmp_path / "target", tmp_path / "summary.json"
    argv = ["prune", str(tree), str(target), "--channels", "24", "--json", str(record)]
    assert main(argv) == 1  # two files could not be pruned
    out, err = capsys.readouterr()
    assert "files        1 copied, 2 failed, 7 pruned" in out
    assert "images       7 pruned, 2 could not be" in out
    assert "% saved)" in out
    assert "ms before" in out
    assert len([line for line in err.splitlines() if line.startswith("dctdecode prune: ")]) == 2
    assert "damaged.jpg: " in err
    assert json.loads(record.read_text())["images"] == 7
    for file in FAILING:
        (tree / file).unlink()
    assert main(argv) == 0
    assert "8, verified" in capsys.readouterr().out
    assert main([*argv, "--margin", "1"]) == 1
    assert "other arguments (margin 0)" in capsys.readouterr().err
    assert main([*argv, "--dry-run"]) == 0
    assert "about" in capsys.readouterr().out


@pytest.mark.parametrize("wrong", [[], ["--channels", "25"], ["--channels", "24", "--size", "10"]])
def test_wrong_arguments_are_code_2(tree, tmp_path, wrong, capsys):
    with pytest.raises(SystemExit) as ended:
        main(["prune", str(tree), str(tmp_path / "target"), *wrong])
    assert ended.value.code == 2


def test_the_bar_tells_bytes_saved_and_time_left(tree, tmp_path, capsys, monkeypatch):
    import tqdm
    from dctdecode.commands import prune

    shown = []

    class Bar(tqdm.tqdm):
        def __init__(self, **options):
            super().__init__(**{**options, "disable": False, "mininterval": 0})

        def set_postfix_str(self, s="", refresh=True):
            super().set_postfix_str(s, refresh)
            shown.append(str(self))

    monkeypatch.setattr(tqdm, "tqdm", Bar)
    with prune._Bar() as bar:
        summary = prune_tree(tree, tmp_path / "target", OPTIONS, threads=2, progress=bar)
        assert bar._bar.n == bar._bar.total == sum(p.stat().st_size for p in tree.rglob("*") if p.is_file())
    assert summary.failed == 2
    assert "saved" in shown[-1]
    assert "2 failed" in shown[-1]
    assert "<" in shown[-1]  # elapsed<left
