"""What a benchmark has to say, as text for people and as a record for JSON."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from dctdecode.bench.check import Answers, Checked
from dctdecode.bench.contenders import Contender, package_version
from dctdecode.bench.corpus import Corpus, groups_of
from dctdecode.bench.timing import ALL, Measurement

__all__ = ["Report", "as_record", "as_text"]

_LISTED = 10  # files named in the text; the JSON record names all


@dataclass(frozen=True)
class Report:
    """A finished benchmark.

    Attributes:
        machine: from `dctdecode.bench.machine.machine`.
        sources: the files and folders that were asked for.
        corpus, checked, measurements: results of the three steps.
        absent: decoder -> why it took no part.
        rounds, seed: as asked for.
    """

    machine: dict[str, str | int]
    sources: Sequence[str]
    corpus: Corpus
    checked: Checked
    measurements: Sequence[Measurement]
    absent: dict[str, str]
    rounds: int
    seed: int

    @property
    def left_out(self) -> dict[str, str]:
        """path -> reason, of every file that was chosen and not measured."""
        return self.corpus.unreadable | self.checked.left_out

    @property
    def thread_counts(self) -> list[int]:
        return sorted({m.threads for m in self.measurements})

    @property
    def groups(self) -> list[str]:
        return list(groups_of(self.checked.photos))

    def of(self, group: str, threads: int) -> list[Measurement]:
        """The measurements of one comparison, in the order of the decoders."""
        return [m for m in self.measurements if (m.group, m.threads) == (group, threads)]

    def best_rgb(self, group: str, threads: int) -> Measurement | None:
        """The fastest RGB decoder of a comparison, to which ratios refer."""
        rgb = [m for m in self.of(group, threads) if m.contender.kind == "rgb"]
        return max(rgb, key=lambda m: m.images_per_s, default=None)

    def ratio(self, measurement: Measurement) -> float | None:
        """How many times as fast as the best RGB decoder on the same files and threads."""
        best = self.best_rgb(measurement.group, measurement.threads)
        return None if best is None else measurement.images_per_s / best.images_per_s


def as_text(report: Report) -> str:
    """Header, one table over all files, one for each number of threads by group, answers, files left out."""
    sections = [_header(report), _overall(report)]
    if len(report.groups) > 1:
        sections += [_by_group(report, threads) for threads in report.thread_counts]
    sections.append(_answers(report))
    if report.left_out:
        sections.append(_left_out(report.left_out))
    return "\n\n".join(sections) + "\n"


def as_record(report: Report) -> dict[str, Any]:
    """Everything, in values that JSON can hold; seconds are those of each round."""
    return {
        "machine": report.machine,
        "versions": {c.name: package_version(c.module) for c in report.checked.decoders if c.kind != "ours"},
        "absent": report.absent | report.checked.dropped,
        "sources": list(report.sources),
        "rounds": report.rounds,
        "seed": report.seed,
        "files_found": report.corpus.found,
        "files": [photo.path for photo in report.checked.photos],
        "left_out": report.left_out,
        "answers": {
            contender.name: {
                "compared_with": answers.against,
                "files": answers.files,
                "agree": answers.agree,
                "differing": dict(answers.differing),
                "mean_difference": answers.mean_difference,
            }
            for contender, answers in report.checked.answers.items()
        },
        "measurements": [
            {
                "decoder": m.contender.name,
                "kind": m.contender.kind,
                "returns": m.contender.returns,
                "group": m.group,
                "threads": m.threads,
                "images": m.images,
                "size_bytes": m.size_bytes,
                "pixels": m.pixels,
                "seconds": m.seconds,
                "images_per_s": m.images_per_s,
                "megabytes_per_s": m.megabytes_per_s,
                "megapixels_per_s": m.megapixels_per_s,
                "ratio_to_best_rgb": report.ratio(m),
            }
            for m in report.measurements
        ],
    }


def _header(report: Report) -> str:
    photos, about = report.checked.photos, report.machine
    megabytes = sum(len(photo.data) for photo in photos) / 1e6
    megapixels = sum(photo.height * photo.width for photo in photos) / 1e6
    theirs = [f"{c.name} {package_version(c.module)}" for c in report.checked.decoders if c.kind != "ours"]
    ours = f"dctdecode {about['dctdecode']} (libjpeg-turbo {about['libjpeg-turbo']})"
    files = f"{len(photos)} of {report.corpus.found}, {megabytes:.1f} MB, {megapixels:.1f} MP"
    rows = [
        ("files", f"{files}, from {' '.join(report.sources)}"),
        ("machine", f"{about['cpu']}, {_plural(int(about['cores']), 'core')}, {about['system']}"),
        ("versions", ", ".join([ours, *theirs, f"torch {about['torch']}", f"Python {about['python']}"])),
        ("method", f"files in memory, answers checked first, median of {_plural(report.rounds, 'round')}, "
                   "decoders in turn"),
    ]  # fmt: skip
    absent = report.absent | report.checked.dropped
    rows += [("left aside", f"{name}: {reason}") for name, reason in absent.items()]
    return "\n".join(f"{label:<12}{value}" for label, value in rows)


def _overall(report: Report) -> str:
    """All files: a block of columns for each number of threads."""
    counts = report.thread_counts
    head = " " * 20 + "".join(f"{_plural(threads, 'thread'):>38}  " for threads in counts)
    units = f"{'':<20}" + f"{'images/s':>12}{'MB/s':>9}{'MP/s':>9}{'ratio':>8}  " * len(counts)
    lines = [f"All files ({len(report.checked.photos)})", "", head.rstrip(), units.rstrip()]
    for row in zip(*(report.of(ALL, threads) for threads in counts), strict=True):
        cells = "".join(
            f"{m.images_per_s:12,.1f}{m.megabytes_per_s:9,.1f}{m.megapixels_per_s:9,.1f}{_ratio(report, m):>8}  "
            for m in row
        )
        lines.append(f"{row[0].contender.name:<20}{cells}".rstrip())
    return "\n".join([*lines, "", _legend(report)])


def _by_group(report: Report, threads: int) -> str:
    """Images per second and ratio: decoders down, groups across."""
    columns = {group: report.of(group, threads) for group in report.groups}
    titles = "".join(f"{f'{group} ({column[0].images})':>20}" for group, column in columns.items())
    lines = [
        f"By sampling, {_plural(threads, 'thread')}: images/s and ratio (number of files in brackets)",
        "",
        f"{'':<20}{titles}",
    ]
    for row in zip(*columns.values(), strict=True):
        cells = "".join(f"{m.images_per_s:>12,.1f}{_ratio(report, m):>8}" for m in row)
        lines.append(f"{row[0].contender.name:<20}{cells}")
    return "\n".join(lines)


def _legend(report: Report) -> str:
    best = {threads: report.best_rgb(ALL, threads) for threads in report.thread_counts}
    named = [f"{m.contender.name} at {_plural(t, 'thread')}" for t, m in best.items() if m is not None]
    if not named:
        return "No RGB decoder is installed, so there are no ratios: pip install 'dctdecode[bench]'"
    return f"ratio: to the fastest RGB decoder of the same column ({', '.join(named)})"


def _answers(report: Report) -> str:
    lines = ["What they return, checked before timing"]
    for contender, answers in report.checked.answers.items():
        lines.append(f"  {contender.name:<18}{contender.returns}: {_verdict(contender, answers)}")
    return "\n".join(lines)


def _verdict(contender: Contender, answers: Answers) -> str:
    if not answers.agree:
        where = ", ".join(f"{n} {group}" for group, n in answers.differing.items())
        text = f"DIFFERS from {answers.against} on {answers.differing.total()} of {answers.files} files ({where})"
        if contender.kind == "coefficients" and "4:2:0" not in answers.differing:
            text += ": it decodes colour that is not 4:2:0 to pixels and encodes them again"
        return text
    if answers.mean_difference == 0.0:
        return f"equals {answers.against}"
    verb = "equals" if contender.kind == "ours" else "agrees with"
    return f"{verb} {answers.against} (at most {answers.mean_difference:.2f} gray levels apart on average)"


def _left_out(left_out: dict[str, str]) -> str:
    shown = list(left_out.items())[:_LISTED]
    lines = [f"Left out for all, {_plural(len(left_out), 'file')}"]
    lines += [f"  {path}: {reason}" for path, reason in shown]
    if len(left_out) > len(shown):
        lines.append(f"  and {len(left_out) - len(shown)} more (--json names all)")
    return "\n".join(lines)


def _ratio(report: Report, measurement: Measurement) -> str:
    ratio = report.ratio(measurement)
    return "" if ratio is None else f"{ratio:.2f}x"


def _plural(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"
