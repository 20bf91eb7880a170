"""The benchmark: which files, who takes part, what is checked, how it is added up. No test looks at a time."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import dctdecode
import numpy as np
import PIL
import pytest
import torch
from dctdecode.bench import check as checking
from dctdecode.bench import corpus as files
from dctdecode.bench import timing
from dctdecode.bench.check import check
from dctdecode.bench.contenders import CONTENDERS, Contender, Decoder, load_all
from dctdecode.bench.machine import machine
from dctdecode.bench.report import Report, as_record, as_text
from dctdecode.cli import main
from PIL import Image

OURS = {c.name: c for c in CONTENDERS if c.kind == "ours"}
PILLOW = next(c for c in CONTENDERS if c.name == "Pillow")
KINDS = {
    "a420.jpg": ("RGB", {"subsampling": "4:2:0"}),
    "b444.jpg": ("RGB", {"subsampling": "4:4:4"}),
    "c422.jpg": ("RGB", {"subsampling": "4:2:2"}),
    "d_gray.JPG": ("L", {}),
    "e_progressive.jpeg": ("RGB", {"progressive": True}),
}
GROUP_OF = dict(zip(KINDS, ("4:2:0", "4:4:4", "4:2:2", "gray", "progressive"), strict=True))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """One smooth picture of each kind, 37 x 21 px, in a nested folder, and a file that is no JPEG by its name."""
    y, x = np.mgrid[0:21, 0:37]
    pixels = np.stack([6 * x, 10 * y, 3 * (x + y)], axis=-1).clip(0, 255).astype(np.uint8)
    nested = tmp_path / "photos" / "nested"
    nested.mkdir(parents=True)
    for name, (mode, options) in KINDS.items():
        Image.fromarray(pixels).convert(mode).save(nested / name, "JPEG", quality=90, **options)
    (nested / "notes.txt").write_text("no picture")
    return tmp_path / "photos"


@pytest.fixture
def photos(folder: Path) -> list[files.Photo]:
    return list(files.load(files.find_files([str(folder)]), 100, 0).photos)


def contender(name: str, kind: str = "rgb") -> Contender:
    return Contender(name, kind, "something", "numpy", lambda: Decoder(len))  # type: ignore[arg-type]


def pillow() -> Decoder:
    return PILLOW.load()


def test_finds_files_below_folders_once(folder):
    nested = folder / "nested"
    found = files.find_files([str(folder), str(nested / "a420.jpg"), str(nested / "notes.txt")])
    assert [path.name for path in found] == [*KINDS, "notes.txt"]  # a file that is named is taken as it is
    with pytest.raises(FileNotFoundError, match="missing"):
        files.find_files(["missing"])


def test_knows_the_groups(photos):
    assert {Path(photo.path).name: photo.group for photo in photos} == GROUP_OF
    assert all((photo.height, photo.width) == (21, 37) for photo in photos)
    assert list(files.groups_of(photos)) == [g for g in files.GROUPS if g != "other"]


def test_other_samplings_are_other(folder):
    data = bytearray((folder / "nested" / "c422.jpg").read_bytes())
    frame = data.index(b"\xff\xc0")
    data[frame + 11] = 0x12  # luma of 4:2:2 (h 2, v 1) becomes that of 4:4:0
    (folder / "nested" / "c422.jpg").write_bytes(data)
    corpus = files.load([folder / "nested" / "c422.jpg"], 1, 0)
    assert [photo.group for photo in corpus.photos] == ["other"]


def test_draws_by_seed_and_names_what_is_unreadable(folder):
    (folder / "bad.jpg").write_bytes(b"GIF89a")
    found = files.find_files([str(folder)])
    assert [p.path for p in files.load(found, 3, 1).photos] == [p.path for p in files.load(found, 3, 1).photos]
    draws = {tuple(p.path for p in files.load(found, 3, seed).photos) for seed in range(10)}
    assert len(draws) > 1
    corpus = files.load(found, 100, 0)
    assert len(corpus.photos) == corpus.found - 1 == 5
    assert list(corpus.unreadable) == [str(folder / "bad.jpg")]
    assert "not a JPEG" in corpus.unreadable[str(folder / "bad.jpg")]


def test_every_installed_decoder_answers_rightly(photos):
    decoders, absent = load_all(CONTENDERS)
    assert {c.name for c in decoders} | absent.keys() == {c.name for c in CONTENDERS}
    assert {*OURS, "Pillow"} <= {c.name for c in decoders}
    checked = check(decoders, photos)
    assert not checked.left_out
    assert not checked.dropped
    assert len(checked.photos) == len(photos)
    for who, answers in checked.answers.items():
        assert answers.files == len(photos)
        if who.kind != "coefficients":
            assert answers.agree, who.name
            assert answers.mean_difference < checking.PIXEL_TOLERANCE


def test_jpeg2dct_is_seen_to_encode_again(photos):
    pytest.importorskip("jpeg2dct")
    decoders, _ = load_all(CONTENDERS)
    answers = {c.name: a for c, a in check(decoders, photos).answers.items()}["jpeg2dct"]
    assert answers.differing == {"4:4:4": 1, "4:2:2": 1}


@pytest.mark.parametrize(
    ("change", "seen"),
    [
        (lambda pixels: pixels, False),
        (lambda pixels: pixels + np.uint8(2), True),
        (lambda pixels: pixels[:, ::-1], True),
        (lambda pixels: pixels[..., ::-1], True),
        (lambda pixels: pixels.transpose(1, 0, 2), True),
    ],
    ids=["same", "brighter", "mirrored", "BGR", "transposed"],
)
def test_wrong_pixels_are_seen(photos, change, seen):
    decode = pillow()
    wrong = Decoder(decode.decode, lambda image: change(np.asarray(image)))
    checked = check({PILLOW: decode, contender("wrong"): wrong}, photos[:1])
    assert [answers.agree for answers in checked.answers.values()] == [True, not seen]


def test_wrong_channels_are_seen(photos):
    def off_by_one(data: bytes) -> torch.Tensor:
        tensor = dctdecode.read(data, 24)
        tensor[23, 0, 0] += 1
        return tensor

    wrong = contender("wrong", "ours")
    checked = check({OURS["dctdecode 24"]: OURS["dctdecode 24"].load(), wrong: Decoder(off_by_one)}, photos)
    right, other = checked.answers.values()
    assert right.agree
    assert other.differing.total() == len(photos)


def test_wrong_planes_are_seen(photos):
    def off_by_one(data: bytes) -> dctdecode.Planes:
        planes = dctdecode.read_planes(data)
        planes.quantized(len(planes) - 1)[0, 0, 7, 7] += 1
        return planes

    checked = check({contender("wrong", "ours"): Decoder(off_by_one)}, photos)
    assert next(iter(checked.answers.values())).differing.total() == len(photos)


def test_a_wrong_preview_is_seen(photos, monkeypatch):
    monkeypatch.setattr(dctdecode, "preview", lambda tensor, _: torch.zeros(3, 24, 40, dtype=torch.uint8))
    ours = OURS["dctdecode 192"]
    checked = check({PILLOW: pillow(), ours: ours.load()}, photos)
    assert checked.answers[ours].differing.total() == len(photos)


def test_files_that_one_cannot_read_are_left_out_for_all(photos):
    decode = pillow().decode

    def picky(data: bytes) -> Image.Image:
        if data == photos[1].data:
            raise ValueError("not  to my\ntaste")
        return decode(data)

    checked = check({PILLOW: pillow(), contender("picky"): Decoder(picky, np.asarray)}, photos)
    assert checked.left_out == {photos[1].path: "picky: not to my taste"}
    assert [p.path for p in checked.photos] == [p.path for p in photos if p is not photos[1]]
    assert len(checked.decoders) == 2


def test_a_decoder_that_reads_hardly_anything_is_dropped(photos):
    def broken(_: bytes) -> None:
        raise RuntimeError("no backend")

    checked = check({PILLOW: pillow(), contender("broken"): Decoder(broken)}, photos)
    assert checked.dropped == {"broken": "fails on 5 of 5 files: no backend"}
    assert list(checked.decoders) == list(checked.answers) == [PILLOW]
    assert len(checked.photos) == len(photos)


def test_a_damaged_file_is_left_out(folder):
    path = folder / "nested" / "a420.jpg"
    path.write_bytes(path.read_bytes()[:-60])
    photos = files.load(files.find_files([str(folder)]), 100, 0).photos
    checked = check({c: c.load() for c in (PILLOW, OURS["dctdecode 24"])}, photos)
    assert list(checked.left_out) == [str(path)]
    assert all(answers.files == 4 for answers in checked.answers.values())


@pytest.mark.parametrize("error", [ImportError, RuntimeError, OSError])
def test_a_decoder_that_cannot_be_imported_is_named_with_the_reason(error):
    def load() -> Decoder:
        raise error("needs libnvrtc.so.13\nand more")

    who = Contender("odd", "rgb", "something", "odd", load)
    assert load_all((who,)) == ({}, {"odd": "cannot be imported (needs libnvrtc.so.13)"})


def test_a_missing_decoder_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "simplejpeg", None)
    _, absent = load_all(CONTENDERS)
    assert absent["simplejpeg"] == "not installed"


@pytest.mark.parametrize("threads", [1, 3])
def test_decoders_take_turns_and_see_every_file(photos, threads):
    log: list[tuple[str, bytes]] = []
    decoders = {contender(name): Decoder(lambda data, name=name: log.append((name, data))) for name in ("A", "B")}
    steps: list[timing.Round] = []
    measured = timing.measure(decoders, photos, 2, [threads], lambda items: steps.extend(items) or items)
    order = [(step.number, step.group, step.contender.name) for step in steps]
    groups = list(files.groups_of(photos))
    assert order == [(n, group, name) for n in range(2) for group in groups for name in "AB"]
    counts = {(name, photo.path): log.count((name, photo.data)) for name in "AB" for photo in photos}
    assert len(set(counts.values())) == 1
    assert {m.group for m in measured} == {timing.ALL, *groups}
    assert all(len(m.seconds) == 2 for m in measured)


def test_all_is_the_sum_of_the_groups_round_by_round(photos):
    measured = timing.measure({PILLOW: pillow()}, photos, 3, [1])
    every, *groups = measured
    assert every.group == timing.ALL
    assert every.seconds == pytest.approx([sum(s) for s in zip(*(m.seconds for m in groups), strict=True)])
    assert every.images == sum(m.images for m in groups) == 5
    assert every.size_bytes == sum(len(photo.data) for photo in photos)
    assert every.pixels == 5 * 37 * 21


def test_an_error_while_timing_is_not_swallowed(photos):
    def broken(_: bytes) -> None:
        raise RuntimeError("broke")

    for threads in (1, 2):
        with pytest.raises(RuntimeError, match="broke"):
            timing.measure({contender("broken"): Decoder(broken)}, photos, 1, [threads])


def measurement(who: Contender, seconds: tuple[float, ...], group: str = timing.ALL) -> timing.Measurement:
    return timing.Measurement(who, group, 1, 10, 4_000_000, 20_000_000, seconds)


def test_figures_come_from_the_median():
    m = measurement(PILLOW, (9.0, 2.0, 1.0))
    assert (m.images_per_s, m.megabytes_per_s, m.megapixels_per_s) == (5.0, 2.0, 10.0)


@pytest.fixture
def report(photos) -> Report:
    """A report with made-up times: ours 1 s, Pillow 4 s, another RGB decoder 2 s."""
    ours, fast = OURS["dctdecode 24"], contender("fast")
    decoders = {ours: ours.load(), PILLOW: pillow(), fast: pillow()}
    checked = check(decoders, photos)
    groups = (timing.ALL, *files.groups_of(photos))
    seconds = {ours: (1.0,), PILLOW: (4.0,), fast: (2.0,)}
    measured = [measurement(c, seconds[c], group) for group in groups for c in decoders]
    corpus = files.Corpus(photos, 9, {"bad.jpg": "not a JPEG"})
    return Report(machine(), ["photos"], corpus, checked, measured, {"torchvision": "not installed"}, 1, 0)


def test_ratios_are_to_the_best_rgb_decoder(report):
    assert [report.ratio(m) for m in report.of(timing.ALL, 1)] == [2.0, 0.5, 1.0]
    record = as_record(report)
    assert [m["ratio_to_best_rgb"] for m in record["measurements"][:3]] == [2.0, 0.5, 1.0]


def test_text_names_what_it_rests_on(report):
    text = as_text(report)
    header, *_ = text.split("\n\n")
    assert "5 of 9" in header
    assert str(machine()["cpu"]) in header
    assert f"Pillow {PIL.__version__}" in header
    assert f"libjpeg-turbo {dctdecode.__libjpeg_turbo_version__}" in header
    assert "torchvision: not installed" in header
    assert "2.00x" in text
    assert "fast at 1 thread" in text
    for group in files.groups_of(report.checked.photos):
        assert f"{group} (" in text
    assert "bad.jpg: not a JPEG" in text


def test_text_tells_of_wrong_answers(report):
    answers = report.checked.answers[PILLOW]
    answers.differing["4:4:4"] = 2
    assert "DIFFERS from" in as_text(report)
    assert "2 of 5 files (2 4:4:4)" in as_text(report)


def test_record_survives_json(report):
    record = json.loads(json.dumps(as_record(report)))
    assert record["left_out"] == {"bad.jpg": "not a JPEG"}
    assert record["answers"]["dctdecode 24"]["agree"] is True
    assert len(record["measurements"]) == 3 * 6
    assert record["machine"]["torch"] == torch.__version__


def test_command_from_end_to_end(folder, tmp_path, capfd):
    (folder / "broken.jpg").write_bytes(b"\xff\xd8\xff\xd9")
    record, picture = tmp_path / "bench.json", tmp_path / "bench.png"
    options = ["--rounds", "1", "--threads", "1", "2", "--json", str(record), "--plot", str(picture)]
    assert main(["bench", str(folder), *options]) == 0
    out = capfd.readouterr().out
    assert "5 of 6" in out
    assert "broken.jpg" in out
    measured = json.loads(record.read_text())["measurements"]
    assert {m["threads"] for m in measured} == {1, 2}
    assert {m["group"] for m in measured} == {"all", *GROUP_OF.values()}
    with Image.open(picture) as image:
        assert image.width > 1000


def test_command_uses_a_sample_photograph(capfd):
    assert main(["bench", "--rounds", "1", "--threads", "1"]) == 0
    out, err = capfd.readouterr()
    assert "All files (1)" in out
    assert "no folder given" in err
    assert "By sampling" not in out


def test_command_without_a_sample_photograph(monkeypatch, capfd):
    monkeypatch.setattr(files, "_SAMPLES", ())
    assert main(["bench"]) == 1
    assert "name a folder of JPEGs" in capfd.readouterr().err


def test_command_without_tqdm(folder, monkeypatch, capfd):
    monkeypatch.setitem(sys.modules, "tqdm", None)
    assert main(["bench", str(folder), "--rounds", "1", "--threads", "1", "--max-images", "2"]) == 0
    assert "2 of 5" in capfd.readouterr().out


def test_command_fails_on_a_wrong_answer(folder, monkeypatch, capfd):
    monkeypatch.setattr(dctdecode, "preview", lambda tensor, _: torch.zeros(3, 24, 40, dtype=torch.uint8))
    assert main(["bench", str(folder), "--rounds", "1", "--threads", "1"]) == 1
    out, err = capfd.readouterr()
    assert "DIFFERS" in out
    assert "wrong answers from dctdecode 24" in err


@pytest.mark.parametrize("content", [{}, {"bad.jpg": b"GIF89a"}, {"cut.jpg": None}])
def test_command_says_why_there_is_nothing_to_measure(folder, tmp_path, capfd, content):
    empty = tmp_path / "empty"
    empty.mkdir()
    for name, data in content.items():
        (empty / name).write_bytes(data or (folder / "nested" / "a420.jpg").read_bytes()[:-60])
    assert main(["bench", str(empty)]) == 1
    err = capfd.readouterr().err
    assert "dctdecode bench: no" in err
    assert next(iter(content), str(empty)) in err


@pytest.mark.parametrize("options", [["--rounds", "0"], ["--threads", "-1"], ["--max-images", "x"]])
def test_command_refuses_bad_numbers(options, capfd):
    with pytest.raises(SystemExit) as ended:
        main(["bench", *options])
    assert ended.value.code == 2
    assert options[0] in capfd.readouterr().err


def test_command_tells_of_a_missing_matplotlib_before_measuring(folder, monkeypatch, capfd):
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    assert main(["bench", str(folder), "--plot", "x.png"]) == 1
    out, err = capfd.readouterr()
    assert out == ""
    assert 'pip install "dctdecode[plot]"' in err


def test_progress_leaves_no_semaphore_behind():
    """tqdm's lock between processes is one that stays when the command is killed, and Python then warns."""
    pytest.importorskip("tqdm")
    script = (
        "from multiprocessing import resource_tracker as tracker, set_start_method\n"
        "set_start_method('forkserver')  # from Python 3.14 on the default, under which semaphores have names\n"
        "from dctdecode.commands.progress import progress\n"
        "assert list(progress('measuring', 'epoch')([1, 2])) == [1, 2]\n"
        "assert tracker._resource_tracker._fd is None\n"
    )
    subprocess.run([sys.executable, "-c", script], check=True)
