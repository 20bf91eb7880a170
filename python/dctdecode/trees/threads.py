"""The files of a run, on threads of this process."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Generator, Iterable
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait

from dctdecode.trees.work import Job, Outcome, Task, Threads, work

__all__ = ["Advance", "run_threads"]

_WAITING = 4  # threads that wait, for each that prunes

# Told how many bytes of the source are done, from any thread.
Advance = Callable[[int], None]


def run_threads(jobs: Iterable[Job], task: Task, threads: int, advance: Advance) -> Generator[Outcome, None, None]:
    """Does the jobs, in no certain order.

    ``threads`` of them prune images. More take files and archives and wait: for images that are theirs, and for
    the disk, which takes longer to make sure of a small file than pruning it takes.
    """
    waiting = _WAITING * threads
    with ThreadPoolExecutor(threads) as images, ThreadPoolExecutor(waiting) as files:
        inside = Threads(task.options, images, threads, advance)

        def done(job: Job) -> Outcome:
            outcome = work(job, task, inside)
            if outcome.verified or job.source.kind != "shard":  # an archive's images have told themselves
                advance(job.source.bytes_before)
            return outcome

        todo = iter(jobs)
        running: set[Future[Outcome]] = set()
        try:
            while True:
                running |= {files.submit(done, job) for job in itertools.islice(todo, 2 * waiting - len(running))}
                if not running:
                    return
                finished, running = wait(running, return_when=FIRST_COMPLETED)
                for future in finished:
                    yield future.result()
        finally:
            inside.stop.set()
            files.shutdown(wait=False, cancel_futures=True)
