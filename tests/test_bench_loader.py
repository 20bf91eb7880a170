"""The benchmark of whole loaders: equal work for all, answers that are compared, sums. No test looks at a time."""

from __future__ import annotations

import json
import multiprocessing
import time
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest
import torch
from dctdecode.bench import corpus as files
from dctdecode.bench.loader import measure as measuring
from dctdecode.bench.loader import process, usage
from dctdecode.bench.loader.contenders import LOADERS
from dctdecode.bench.loader.job import Job
from dctdecode.bench.loader.measure import LUMA_TOLERANCE, Result, make_job, measure, reference
from dctdecode.bench.loader.process import Epoch, Failed, First
from dctdecode.bench.loader.report import LoaderReport, as_record, as_text
from dctdecode.bench.loader.table import Loader, LoaderContender
from dctdecode.bench.machine import machine
from dctdecode.channels import as_channel_set
from dctdecode.cli import main
from PIL import Image

NAMED = {contender.name: contender for contender in LOADERS}
NEVER_RUN = {"FFCV", "DALI on the processor"}


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    """Five pictures of different sizes and samplings, smooth, none of them symmetric."""
    root = tmp_path_factory.mktemp("photos")
    (root / "sub").mkdir()
    for number, kind in enumerate(("4:2:0", "4:4:4", "4:2:2", "4:2:0", "4:4:4")):
        y, x = np.mgrid[0 : 120 + 16 * number, 0 : 200 - 20 * number] / 200
        waves = [np.sin(3 * x + number), y**2, np.cos(4 * x * y)]
        pixels = (np.stack(waves, axis=-1) * 110 + 120).clip(0, 255).astype(np.uint8)
        Image.fromarray(pixels).save(root / "sub" / f"{number}.jpg", quality=92, subsampling=kind)
    return root


@pytest.fixture(scope="module")
def job(folder) -> Job:
    photos = files.load(files.find_files([str(folder)]), 100, 0).photos
    return make_job(photos, channels=as_channel_set(24), size=64, batch_size=4, threads=2, workers=1, seed=1)


@pytest.fixture(scope="module")
def right(job) -> torch.Tensor:
    return reference(job)


def test_every_loader_gets_the_same_work(job, folder):
    assert len(job.paths) == len(job.sizes) == 8 * 4
    assert {Path(path).name for path in job.paths} == {f"{number}.jpg" for number in range(5)}
    for path, (height, width) in zip(job.paths, job.sizes, strict=True):
        with Image.open(path) as image:
            assert image.size == (width, height)
    draws = [job.draw(index, *size) for index, size in enumerate(job.sizes)]
    assert draws == [job.draw(index, *size) for index, size in enumerate(job.sizes)]
    assert len({draw.box for draw in draws}) > 20
    assert {draw.flip for draw in draws} == {False, True}
    # An epoch may go through the files several times.
    photos = files.load(files.find_files([str(folder)]), 100, 0).photos
    long = make_job(photos, passes=20, channels=job.channels, size=64, batch_size=4, threads=2, workers=1, seed=1)
    assert len(long.paths) == 20 * len(photos) == 100
    assert all(long.paths.count(photo.path) == 20 for photo in photos)


@pytest.mark.parametrize("name", [name for name in NAMED if name not in NEVER_RUN])
def test_what_a_loader_gives(name, job, right):
    contender = NAMED[name]
    if find_spec(contender.module) is None:
        pytest.skip(f"{contender.module} is not installed")
    loader = contender.load(job)
    for _ in range(2):  # the second epoch has the same crops
        seen = []
        for batch in loader.epoch():
            images = loader.images(batch)
            assert tuple(images.shape) in ((4, 24, 8, 8), (4, 3, 32, 32), (4, 32, 32, 3))
            seen.append(loader.luma(images))  # now: `read_batch alone` uses its memory again
        luma = torch.cat(seen)
        assert luma.shape == right.shape == (32, 8, 8)
        tolerance = 0.02 if contender.kind == "ours" else LUMA_TOLERANCE
        assert (luma - right).abs().mean(dim=(1, 2)).max() < tolerance


def test_first_epoch_and_timed_epochs(job, right):
    loader = NAMED["read_batch alone"].load(job)
    first = process._first(loader, job)
    assert first.shape == (4, 24, 8, 8)
    assert first.batch_bytes == 4 * 24 * 8 * 8 * 4 + 4 * 8
    assert (first.luma - right).abs().max() <= 0.6  # rounded to whole gray levels
    assert first.first_batch_s > 0
    assert first.memory_bytes > 50e6  # torch alone is more
    epoch = process._epoch(loader, 0.01)
    assert epoch.images == 32
    assert epoch.seconds >= 0.08 + epoch.waited_s > 0.08
    assert 0 <= epoch.cpu_s < 10


def result(contender=NAMED["DCTLoader"], luma=None, right=None, seconds=(1.0, 2.0, 4.0)) -> Result:
    luma = torch.zeros(2, 8, 8, dtype=torch.uint8) if luma is None else luma
    first = First(0.5, 10**8, (4, 24, 8, 8), 4000, luma)
    epochs = tuple(Epoch(s, s / 4, s / 2, 32) for s in seconds)
    difference = measuring._difference(contender, first, luma.float() if right is None else right)
    return Result(contender, first, epochs, difference)


@pytest.mark.parametrize(
    ("change", "agrees"),
    [
        (lambda luma: luma, True),
        (lambda luma: luma + 3, True),
        (lambda luma: luma.flip(-1), False),
        (lambda luma: luma.roll(1, 0), False),
        (lambda luma: luma.transpose(1, 2), False),
        (lambda luma: luma + 5, False),
        (lambda luma: luma[:-1], False),
    ],
    ids=["same", "another filter", "mirrored", "another order", "transposed", "brighter", "one is missing"],
)
def test_wrong_answers_are_seen(right, change, agrees):
    given = change(right).round().to(torch.uint8)
    assert result(luma=given, right=right).agrees == agrees
    assert result(NAMED["FFCV"], given, right).difference is None  # it draws its own crops


def test_sums():
    measured = result()
    assert measured.images_per_s == 16
    assert measured.waited == 0.25
    assert measured.cpu_ms_per_image == pytest.approx(1e3 * 0.5 * 2 / 32)


def busy(seconds: float, ready) -> None:
    block = bytearray(b"x" * (40 << 20))
    end = time.process_time() + seconds
    while time.process_time() < end:
        block[0] ^= 1
    ready.set()
    time.sleep(60)


def test_workers_count():
    context = multiprocessing.get_context("fork")
    memory, cpu = usage.memory_bytes(), usage.cpu_seconds()
    ready = context.Event()
    child = context.Process(target=busy, args=(0.3, ready))
    child.start()
    try:
        assert ready.wait(60)
        assert usage.memory_bytes() - memory > 39 << 20
        assert usage.cpu_seconds() - cpu > 0.28
    finally:
        child.kill()
        child.join()
    assert usage.cpu_seconds() - cpu > 0.28  # that of workers that have ended, too
    assert usage.memory_bytes() - memory < 20 << 20


def missing(job: Job) -> Loader:
    raise ModuleNotFoundError("no", name="other_part")


def broken(job: Job) -> Loader:
    raise RuntimeError("does not\nfit")


class Line:
    """In place of a pipe."""

    def __init__(self, *commands) -> None:
        self.commands, self.answers = list(commands), []

    def recv(self):
        return self.commands.pop(0)

    def send(self, answer) -> None:
        self.answers.append(answer)


@pytest.mark.parametrize(
    ("load", "reason"),
    [(missing, "not installed (other_part)"), (broken, "RuntimeError: does not fit")],
)
def test_a_loader_that_does_not_work_says_why(job, monkeypatch, load, reason):
    monkeypatch.setattr(process, "LOADERS", (LoaderContender("bad", "rgb", "", "torch", load),))
    line = Line("first", None)
    process.serve(line, "bad", job)
    assert line.answers == [Failed(reason)]


def test_the_process_answers_until_it_is_told_to_end(job, monkeypatch):
    line = Line("first", 0.0, None)
    process.serve(line, "read_batch alone", job)
    assert [type(answer) for answer in line.answers] == [First, Epoch]


def test_a_package_that_is_not_there_costs_no_process(job, monkeypatch):
    monkeypatch.setattr(measuring, "_Line", None)
    absent = [LoaderContender(name, "rgb", "", name, broken) for name in ("no_such_package", "no_such.part")]
    assert measure(absent, job, rounds=1) == (
        [],
        dict.fromkeys(("no_such_package", "no_such.part"), "not installed"),
    )


def report(results, **changes) -> LoaderReport:
    job = Job(("a.jpg", "b.jpg"), ((9, 9), (8, 8)), as_channel_set(24), 64, 2, 2, 2, 0)
    fields = {
        "machine": machine(),
        "load": (0.5, 1.5),
        "sources": ["photos"],
        "files": (9, 2),
        "job": job,
        "rounds": 3,
        "consumer_ms": 0.0,
        "results": results,
        "left_out": {"c.jpg": "cut short"},
        "absent": {"FFCV": "not installed"},
    }
    return LoaderReport(**{**fields, **changes})


def test_report():
    fast, slow = result(), result(NAMED["DataLoader + Pillow"], seconds=(4.0,))
    slower = result(NAMED["DataLoader + OpenCV"], seconds=(8.0,))
    made = report([fast, slow, slower], consumer_ms=120.0)
    text, record = as_text(made), json.loads(json.dumps(as_record(made)))
    table = text[: text.index("Answers:")]
    lines = {line[:30].strip(): line[30:].split() for line in table.splitlines()}
    assert lines["DCTLoader"][:7] == ["16.0", "2.00x", "31.25", "100", "0.0", "0.50", "25"]
    assert lines["DataLoader + OpenCV"][1] == "0.50x"
    assert "ratio: to DataLoader + Pillow" in text
    assert "sleeps 120 ms a batch" in text
    assert "FFCV: not installed" in text
    assert "c.jpg: cut short" in text
    assert f"torch {torch.__version__}" in text
    assert [row["ratio_to_best_rgb"] for row in record["loaders"]] == [2.0, 1.0, 0.5]
    assert record["files"] == ["a.jpg", "b.jpg"]
    assert (record["size"], record["batch_size"], record["files_found"]) == (64, 2, 9)
    assert len(record["loaders"][0]["epochs"]) == 3


def test_report_without_rgb_loaders_and_with_a_wrong_answer():
    wrong = result(luma=torch.full((2, 8, 8), 9, dtype=torch.uint8), right=torch.zeros(2, 8, 8))
    text = as_text(report([wrong]))
    assert "no RGB loader took part" in text
    assert "9.00 on the image that differs most: DIFFERS (more than 4)" in text


def test_command(folder, tmp_path, capfd):
    out = tmp_path / "loaders.json"
    options = ["--size", "64", "--batch-size", "4", "--rounds", "1", "--json", str(out), "--consumer-ms", "1"]
    names = ["DCTLoader", "threads + OpenCV"]
    assert main(["bench", "loader", str(folder), *options, "--only", *names, "--group", "4:2:0"]) == 0
    text = capfd.readouterr().out
    record = json.loads(out.read_text())
    assert [row["loader"] for row in record["loaders"]] == names
    assert all(row["agrees"] for row in record["loaders"])
    assert {Path(path).name for path in record["files"]} == {"0.jpg", "3.jpg"}
    assert record["machine"]["cpu"] in text


def test_a_process_that_dies_is_left_aside(job):
    line = measuring._Line(NAMED["read_batch alone"], job)
    with line:
        line._process.kill()
        line._process.join()
        assert line.ask("first") == Failed("its process ended with code -9")


def test_command_fails_on_a_wrong_answer(folder, monkeypatch, capfd):
    import dctdecode.commands.bench_loader as command

    wrong = result(luma=torch.full((2, 8, 8), 9, dtype=torch.uint8), right=torch.zeros(2, 8, 8))
    monkeypatch.setattr(command, "measure", lambda *_, **__: ([wrong], {}))
    assert main(["bench", "loader", str(folder)]) == 1
    assert "wrong answers from DCTLoader" in capfd.readouterr().err


def test_damaged_files_are_named_and_left_out(folder, tmp_path, monkeypatch, capfd):
    import dctdecode.commands.bench_loader as command

    sound = (folder / "sub" / "0.jpg").read_bytes()
    for name, data in {"a": sound, "cut": sound[:-60], "no": b"GIF89a"}.items():
        (tmp_path / f"{name}.jpg").write_bytes(data)
    monkeypatch.setattr(command, "measure", lambda *_, **__: ([], {}))
    assert main(["bench", "loader", str(tmp_path)]) == 0
    text = capfd.readouterr().out
    assert "1 of 3" in text
    assert f"{tmp_path / 'cut.jpg'}: " in text
    assert f"{tmp_path / 'no.jpg'}: " in text
    (tmp_path / "a.jpg").unlink()
    assert main(["bench", "loader", str(tmp_path)]) == 1
    assert "none of 2 files is of use" in capfd.readouterr().err


@pytest.mark.parametrize(
    "options",
    [["--size", "40"], ["--consumer-ms", "-1"], ["--only", "nobody"], ["--group", "5:0"], ["--workers", "0"]],
)
def test_command_refuses_bad_arguments(options, folder, capfd):
    with pytest.raises(SystemExit) as ended:
        main(["bench", "loader", str(folder), *options])
    assert ended.value.code == 2
    assert options[0] in capfd.readouterr().err


def test_command_needs_luma(folder, tmp_path, capfd):
    assert main(["bench", "loader", str(folder), "--channels", "1,2"]) == 1
    assert "channel 0" in capfd.readouterr().err
    assert main(["bench", "loader", str(tmp_path / "missing")]) == 1
    assert "missing" in capfd.readouterr().err


def test_a_folder_called_loader_can_be_measured_too(folder, monkeypatch, tmp_path, capfd):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "loader").mkdir()
    (tmp_path / "loader" / "a.jpg").write_bytes((folder / "sub" / "0.jpg").read_bytes())
    assert main(["bench", "./loader", "--rounds", "1", "--threads", "1"]) == 0
    assert "decoders in turn" in capfd.readouterr().out
