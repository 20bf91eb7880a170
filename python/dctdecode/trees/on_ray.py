"""The files of a run, on the machines of a Ray cluster."""

from __future__ import annotations

import json
from collections.abc import Generator, Iterable, Mapping, Sequence
from typing import Any

from dctdecode.trees.listing import Source
from dctdecode.trees.manifest import Row
from dctdecode.trees.threads import Advance
from dctdecode.trees.work import Job, Outcome, Task, Threads, work

__all__ = ["run_ray"]

_BATCH = 32  # files that a task of Ray does one after the other


def run_ray(
    jobs: Iterable[Job], task: Task, tasks: int | None, advance: Advance
) -> Generator[Outcome, None, None]:
    """Does the jobs, in no certain order, on machines that see source and target under the same paths.

    ``ray.init`` connects as RAY_ADDRESS says, or starts Ray on this machine. The worker that prunes a file reads
    it; with ``ray.data.read_binary_files`` one file that cannot be read would end the whole run.

    Args:
        jobs: what to do.
        task: how.
        tasks: how many batches of files may be at work at once, one CPU each; None: as many as there are CPUs.
        advance: told the bytes that are done.

    Raises:
        ImportError: there is no Ray.
    """
    try:
        import ray
        import ray.data
    except ImportError:
        raise ImportError('--engine ray needs Ray: pip install "dctdecode[ray]"') from None
    # JSON, since names need not be UTF-8, which Ray's tables demand.
    rows = [{"job": json.dumps(job)} for job in jobs]
    if not rows:
        return
    ray.init(ignore_reinit_error=True, log_to_driver=False)
    ray.data.DataContext.get_current().enable_progress_bars = False
    done = ray.data.from_items(rows, override_num_blocks=-(-len(rows) // _BATCH)).map_batches(
        _work_batch,
        fn_kwargs={"task": task},
        batch_size=_BATCH,
        num_cpus=1,
        compute=ray.data.TaskPoolStrategy(size=tasks),
    )
    for row in done.iter_rows():
        fields, verified = json.loads(row["outcome"])
        outcome = Outcome(Row(*fields), verified)
        advance(outcome.row.bytes_before)
        yield outcome


def _work_batch(batch: Mapping[str, Sequence[str]], task: Task) -> dict[str, Any]:
    """Runs in Ray's workers."""
    threads = Threads(task.options)
    outcomes = []
    for text in batch["job"]:
        source, before = json.loads(str(text))
        job = Job(Source(*source), None if before is None else Row(*before))
        outcomes.append(json.dumps(work(job, task, threads)))
    return {"outcome": outcomes}
