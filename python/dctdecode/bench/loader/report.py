"""What the benchmark of loaders has to say, as text for people and as a record for JSON."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from dctdecode.bench.contenders import package_version
from dctdecode.bench.loader.job import Job
from dctdecode.bench.loader.measure import LUMA_TOLERANCE, Result

__all__ = ["LoaderReport", "as_record", "as_text"]


@dataclass(frozen=True)
class LoaderReport:
    """A finished benchmark.

    Attributes:
        machine: from `dctdecode.bench.machine.machine`.
        load: processes that wanted to run when it began and when it ended, averages of a minute.
        sources: what was asked for.
        files: how many there were to draw from, and how many were drawn.
        left_out: path -> why it cannot be read.
        absent: loader -> why it took no part.
    """

    machine: dict[str, str | int]
    load: tuple[float, float]
    sources: Sequence[str]
    files: tuple[int, int]
    job: Job
    rounds: int
    consumer_ms: float
    results: Sequence[Result]
    left_out: dict[str, str]
    absent: dict[str, str]

    @property
    def best_rgb(self) -> Result | None:
        """The fastest RGB loader, to which ratios refer."""
        rgb = [result for result in self.results if result.contender.kind == "rgb"]
        return max(rgb, key=lambda result: result.images_per_s, default=None)

    def ratio(self, result: Result) -> float | None:
        best = self.best_rgb
        return None if best is None else result.images_per_s / best.images_per_s


def as_text(report: LoaderReport) -> str:
    return "\n\n".join([_header(report), _table(report), _answers(report)]) + "\n"


def as_record(report: LoaderReport) -> dict[str, Any]:
    """Everything, in values that JSON can hold; epochs are those of each round."""
    job = asdict(report.job)
    return {
        "machine": report.machine,
        "load": list(report.load),
        "versions": {r.contender.name: package_version(r.contender.module) for r in report.results},
        "absent": report.absent,
        "sources": list(report.sources),
        "files_found": report.files[0],
        "files": sorted(set(job.pop("paths"))),
        "left_out": report.left_out,
        "rounds": report.rounds,
        "consumer_ms": report.consumer_ms,
        **{name: job[name] for name in ("size", "batch_size", "threads", "workers", "seed")},
        "channels": list(report.job.channels.flat),
        "loaders": [_record(report, result) for result in report.results],
    }


def _record(report: LoaderReport, result: Result) -> dict[str, Any]:
    return {
        "loader": result.contender.name,
        "kind": result.contender.kind,
        "returns": result.contender.returns,
        "batch_shape": list(result.first.shape),
        "batch_bytes": result.first.batch_bytes,
        "first_batch_s": result.first.first_batch_s,
        "memory_bytes": result.first.memory_bytes,
        "luma_difference": result.difference,
        "agrees": result.agrees,
        "epochs": [asdict(epoch) for epoch in result.epochs],
        "images_per_s": result.images_per_s,
        "cpu_ms_per_image": result.cpu_ms_per_image,
        "waited_share": result.waited,
        "ratio_to_best_rgb": report.ratio(result),
    }


def _header(report: LoaderReport) -> str:
    about, job = report.machine, report.job
    found, drawn = report.files
    ours = f"dctdecode {about['dctdecode']} (libjpeg-turbo {about['libjpeg-turbo']})"
    theirs = sorted({f"{r.contender.module} {package_version(r.contender.module)}" for r in report.results
                     if r.contender.kind != "ours"})  # fmt: skip
    rows = [
        ("files", f"{drawn} of {found}, from {' '.join(report.sources)}"),
        ("epoch", f"{len(job.paths)} images, batches of {job.batch_size}, random crop and flip"),
        ("to", f"{len(job.channels)} channels at {job.size} px; RGB at {job.side} px"),
        ("machine", f"{about['cpu']}, {about['cores']} cores, {about['system']}"),
        ("load", f"{report.load[0]:.1f} before, {report.load[1]:.1f} after (other programs count too)"),
        ("versions", ", ".join([ours, *theirs, f"torch {about['torch']}", f"Python {about['python']}"])),
        ("method", f"{job.threads} threads or {job.workers} workers; answers checked in a first epoch; median of "
                   f"{report.rounds} rounds, loaders in turn"),
    ]  # fmt: skip
    if report.consumer_ms:
        rows.append(("consumer", f"sleeps {report.consumer_ms:g} ms a batch"))
    rows += [("left aside", f"{name}: {reason}") for name, reason in report.absent.items()]
    rows += [("left out", f"{path}: {reason}") for path, reason in list(report.left_out.items())[:10]]
    return "\n".join(f"{label:<12}{value}" for label, value in rows)


_COLUMNS = (
    ("", 30),
    ("images/s", 10),
    ("ratio", 8),
    ("CPU ms/image", 14),
    ("memory MB", 11),
    ("MB a batch", 12),
    ("first batch s", 15),
    ("waited", 8),
)


def _table(report: LoaderReport) -> str:
    lines = [_line(*(title for title, _ in _COLUMNS))]
    for result in report.results:
        ratio, cpu, memory = report.ratio(result), result.cpu_ms_per_image, result.first.memory_bytes
        lines.append(
            _line(
                result.contender.name,
                f"{result.images_per_s:,.1f}",
                "-" if ratio is None else f"{ratio:.2f}x",
                "-" if cpu is None else f"{cpu:.2f}",
                "-" if memory is None else f"{memory / 1e6:,.0f}",
                f"{result.first.batch_bytes / 1e6:.1f}",
                f"{result.first.first_batch_s:.2f}",
                f"{100 * result.waited:.0f} %",
            )
        )
    best = report.best_rgb
    against = "to nothing, no RGB loader took part" if best is None else f"to {best.contender.name}"
    return "\n".join([
        *lines, "",
        f"ratio: {against}. CPU: user and system time of the loader and its workers. Memory:",
        "resident, of both, the most seen; a shared page counts once. First batch: workers start in it, Python",
        "and torch were there.",
        "Waited: share of an epoch without a batch; without --consumer-ms the consumer does nothing else.",
        "DataLoader + Pillow does what torchvision's ImageFolder, resized_crop, ToTensor and Normalize do.",
    ])  # fmt: skip


def _line(name: str, *cells: str) -> str:
    widths = [width for _, width in _COLUMNS]
    return f"{name:<{widths[0]}}" + "".join(f"{c:>{w}}" for c, w in zip(cells, widths[1:], strict=True))


def _answers(report: LoaderReport) -> str:
    lines = ["Answers: means of luma over blocks of 8 x 8 px, against dctdecode.read of each image; gray levels"]
    for result in report.results:
        if result.difference is None:
            verdict = "not compared, it draws its own crops"
        else:
            verdict = f"{result.difference:.2f} on the image that differs most"
            verdict += "" if result.agrees else f": DIFFERS (more than {LUMA_TOLERANCE:g})"
        lines.append(f"  {result.contender.name:<30}{verdict}; {result.contender.returns} {result.first.shape}")
    return "\n".join(lines)
