"""DCTLoader beside other processes: forked, spawned, ranks of a group, and at the end of one."""

from __future__ import annotations

import json
import multiprocessing
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest
from dctdecode import DCTLoader
from loading import Files, Numbers, targets_of

ENVIRONMENT = {
    **os.environ,
    "PYTHONPATH": os.pathsep.join([str(Path(__file__).parent), os.environ.get("PYTHONPATH", "")]),
}

RANKS = """
import json, os, pathlib, sys
import torch, torch.distributed
from dctdecode import DCTLoader
from loading import Numbers, targets_of

folder = pathlib.Path(sys.argv[1])
from_environment = DCTLoader(Numbers(41), 4, shuffle=True)
torch.distributed.init_process_group("gloo")
rank, size = torch.distributed.get_rank(), torch.distributed.get_world_size()
os.environ["RANK"] = "7"  # the group counts, not the environment
loader = DCTLoader(Numbers(41), 4, shuffle=True)
assert (loader.rank, loader.world_size) == (rank, size) == (from_environment.rank, from_environment.world_size)
batches = 0
for _ in loader:
    torch.distributed.all_reduce(torch.ones(1))  # hangs where another rank has fewer batches
    batches += 1
first = targets_of(from_environment)
iterator = iter(loader)
next(iterator)
states = [None] * size
torch.distributed.all_gather_object(states, loader.state_dict())
assert states[0] == states[1]
resumed = DCTLoader(Numbers(41), 4, shuffle=True)
resumed.load_state_dict(states[0])
assert targets_of(resumed) == targets_of(iterator)
(folder / f"{rank}.json").write_text(json.dumps([batches, loader.padding, first]))
torch.distributed.destroy_process_group()
"""


def test_two_processes_of_torchrun_share_an_epoch(tmp_path):
    script = tmp_path / "ranks.py"
    script.write_text(RANKS)
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node=2", str(script)]
    done = subprocess.run([*command, str(tmp_path)], env=ENVIRONMENT, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    (batches, padding, zero), (others, more_padding, one) = (
        json.loads((tmp_path / f"{rank}.json").read_text()) for rank in (0, 1)
    )
    assert batches == others == 6
    assert (padding, more_padding) == (0, 1)
    zero, one = ([index for batch in shard for index in batch] for shard in (zero, one))
    assert len(zero) == len(one) == 21
    assert one[-1] == zero[0]
    assert sorted(zero + one[:-1]) == list(range(41))


def read_two_epochs(results) -> None:
    loader = DCTLoader(Files(40), 8, shuffle=True, seed=1, threads=2)
    results.put([[float(images.double().sum()) for images, _ in loader] for _ in range(2)])


def fork_after_use(results, loader, iterator) -> None:
    try:
        next(iterator)
        results.put("no error")
    except RuntimeError as error:
        results.put(str(error))
    del iterator
    results.put(targets_of(loader))
    read_two_epochs(results)


@pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")
def test_a_forked_child_begins_iterators_of_its_own():
    context = multiprocessing.get_context("fork")
    results = context.Queue()
    loader = DCTLoader(Numbers(40), 4, shuffle=True)
    iterator = iter(loader)
    first = next(iterator)
    read_two_epochs(results)
    here = results.get(timeout=60)
    child = context.Process(target=fork_after_use, args=(results, loader, iterator))
    child.start()
    assert "begin a new iterator" in results.get(timeout=60)
    assert results.get(timeout=60) == [first[1].tolist(), *targets_of(iterator)]
    assert results.get(timeout=60) == here
    child.join(60)
    assert child.exitcode == 0


@pytest.mark.parametrize("method", ["spawn", "forkserver"])
def test_children_of_other_kinds(method):
    context = multiprocessing.get_context(method)
    results = context.Queue()
    read_two_epochs(results)
    here = results.get(timeout=60)
    child = context.Process(target=read_two_epochs, args=(results,))
    child.start()
    assert results.get(timeout=60) == here
    child.join(60)
    assert child.exitcode == 0


LEAVING = """
import sys
from dctdecode import DCTLoader
from loading import Files, Numbers

slow = iter(DCTLoader(Numbers(40, seconds=0.2), 4))
files = iter(DCTLoader(Files(100_000), 64, prefetch=20))
kept = [next(slow), next(files)]
print("leaving", flush=True)
{how}
"""


@pytest.mark.parametrize(("how", "code"), [("sys.exit(3)", 3), ("1 / 0", 1)])
def test_a_program_may_end_while_it_iterates(how, code):
    command = [sys.executable, "-c", LEAVING.format(how=how)]
    process = subprocess.Popen(command, env=ENVIRONMENT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert process.stdout.readline() == "leaving\n"
    began = time.monotonic()
    _, errors = process.communicate(timeout=30)
    assert process.returncode == code, errors
    assert time.monotonic() - began < 10
    assert ("ZeroDivisionError" in errors) == (code == 1)
    assert "dctdecode-loader" not in errors
