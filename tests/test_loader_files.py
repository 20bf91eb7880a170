"""DCTLoader over a folder of real files: what becomes of those that are damaged in the middle of an epoch."""

from __future__ import annotations

import os
import shutil
import signal
import threading
import time
from pathlib import Path

import dctdecode
import pytest
import torch
from dctdecode import DCTImageFolder, DCTLoader
from dctdecode.errors import CorruptJpegError, LimitExceededError
from dctdecode.transforms import Compose, CounterRandom, RandomHorizontalFlip, RandomResizedCrop
from folders import image_tree
from loading import targets_of, wait_until
from torch.utils.data import DataLoader

BROKEN = 9  # in the third batch of four, decoded after the damage was done


@pytest.fixture(scope="module")
def tree(tmp_path_factory, generate) -> Path:
    """12 cats and 12 dogs, 37 x 21 px."""
    return image_tree(tmp_path_factory.mktemp("images"), generate, 12)


@pytest.fixture
def root(tmp_path, tree) -> Path:
    return Path(shutil.copytree(tree, tmp_path / "tree"))


def folder(root: Path, **options) -> DCTImageFolder:
    crop = Compose([RandomResizedCrop(16), RandomHorizontalFlip()])
    return DCTImageFolder(root, crop, channels=24, **options)


def corrupt(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[-30:-2] = b"\xff\xc8" * 14  # a marker that has no business there
    path.write_bytes(data)


def become_a_folder(path: Path) -> None:
    """Which nobody can read as a file, root neither."""
    path.unlink()
    path.mkdir()


def become_a_fifo(path: Path) -> None:
    path.unlink()
    os.mkfifo(path)


DAMAGES = {
    "corrupt": (corrupt, CorruptJpegError),
    "truncated": (lambda path: os.truncate(path, path.stat().st_size - 40), CorruptJpegError),
    "zero bytes": (lambda path: os.truncate(path, 0), CorruptJpegError),
    "vanished": (Path.unlink, FileNotFoundError),
    "unreadable": (become_a_folder, IsADirectoryError),
    "fifo": (become_a_fifo, OSError),
    "no permission": (lambda path: path.chmod(0), PermissionError),
    "huge": (lambda path: os.truncate(path, 2**29), LimitExceededError),  # a sparse file
}


if os.geteuid() == 0:  # who may read every file
    del DAMAGES["no permission"]


@pytest.fixture(params=DAMAGES.values(), ids=DAMAGES)
def damage(request):
    return request.param


def sound_batches(root: Path) -> list[tuple[torch.Tensor, torch.Tensor]]:
    return list(DCTLoader(folder(root), 4, seed=3))


@pytest.mark.parametrize("policy", ["raise", "skip", "zero", "callable"])
def test_damage_in_the_middle_of_an_epoch(root, damage, policy):
    expected = sound_batches(root)
    dataset = folder(root)
    path = Path(dataset.samples[BROKEN][0])
    harm, kind = damage
    on_error = (lambda failure: "skip") if policy == "callable" else policy
    loader = DCTLoader(dataset, 4, seed=3, prefetch=0, on_error=on_error)
    iterator = iter(loader)
    received = [next(iterator)]
    harm(path)
    received.append(next(iterator))
    if policy == "raise":
        with pytest.raises(kind, match=path.name) as error:
            next(iterator)
        assert str(path) in str(error.value)
        expected.pop(2)
    elif policy == "zero":
        expected[2][0][1] = 0
    else:
        rest = [0, 2, 3]
        expected[2] = (expected[2][0][rest], expected[2][1][rest])
    received += iterator
    assert targets_of(received) == targets_of(expected)
    for (found, _), (right, _) in zip(received, expected, strict=True):
        assert torch.equal(found, right)
    if policy != "raise":
        (failure,) = loader.failures
        assert (failure.index, failure.path) == (BROKEN, str(path))
        assert isinstance(failure.error, kind)
    if path.is_dir():
        path.rmdir()
    path.unlink(missing_ok=True)
    shutil.copy(dataset.samples[0][0], path)
    assert len(list(loader)) == 6  # usable afterwards


@pytest.mark.parametrize("policy", ["skip", "zero"])
def test_more_damage_than_max_errors(root, damage, policy):
    harm, _ = damage
    dataset = folder(root)
    for index in (5, 9, 13):
        harm(Path(dataset.samples[index][0]))
    assert sum(1 for _ in DCTLoader(dataset, 4, on_error=policy, max_errors=3)) == 6
    received = []
    with pytest.raises(RuntimeError, match="3 images could not be read, max_errors allows 2"):
        received.extend(DCTLoader(dataset, 4, on_error=policy, max_errors=2))
    assert len(received) == 3


def test_files_that_shrink_while_they_are_read(root):
    """They are cut and made whole again all the time: each image is right, or named as a failure."""
    dataset = folder(root)
    whole = {path: Path(path).read_bytes() for path, _ in dataset.samples[::3]}
    right = {
        index: image for (images, _), first in zip(sound_batches(root), range(0, 24, 4), strict=True)
        for index, image in enumerate(images, first)
    }  # fmt: skip
    stop = threading.Event()

    def change() -> None:
        while not stop.is_set():
            for path, data in whole.items():
                os.truncate(path, len(data) // 2)
                time.sleep(0.0002)
                Path(path).write_bytes(data)

    changer = threading.Thread(target=change)
    changer.start()
    failed = images_seen = 0
    try:
        loader = DCTLoader(dataset, 4, seed=3, on_error="zero")
        end = time.monotonic() + 20
        while (failed < 5 or images_seen < 480) and time.monotonic() < end:
            loader.set_epoch(0)
            found = torch.cat([images for images, _ in loader])
            lost = {failure.index for failure in loader.failures}
            assert lost <= set(range(0, 24, 3))
            for index, image in enumerate(found):
                assert torch.equal(image, torch.zeros_like(image) if index in lost else right[index]), index
            failed += len(lost)
            images_seen += len(found)
    finally:
        stop.set()
        changer.join()
    assert failed >= 5, "no file was caught while it was short"


def test_order_and_crops_are_those_of_seed_epoch_and_index(root):
    """Whatever the batch size, the ranks, the order of reading and the threads."""
    dataset = folder(root)

    def images(**options) -> dict[int, torch.Tensor]:
        batch_size = options.pop("batch_size", 4)
        loader = DCTLoader(dataset, batch_size, seed=5, shuffle=True, **options)
        loader.set_epoch(2)
        order = loader._order.indices(2).tolist()
        return dict(zip(order, torch.cat([images for images, _ in loader]), strict=True))

    expected = images()
    assert sorted(expected) == list(range(24))
    for index, image in expected.items():
        alone, _, _ = dataset.read_batch([index], randoms=[CounterRandom(5, 2, index)])
        assert torch.equal(image, alone[0])
    variants = [images(batch_size=7, threads=8), images(threads=1, prefetch=5)]
    variants.append({**images(rank=0, world_size=2), **images(rank=1, world_size=2)})
    for variant in variants:
        assert variant.keys() == expected.keys()
        assert all(torch.equal(variant[index], image) for index, image in expected.items())


def test_ctrl_c_while_files_are_decoded(tmp_path):
    """The main thread does not wait for the decoder; what was not received is not lost."""
    photo = dctdecode.encode(torch.randint(0, 255, (3, 1024, 1024), dtype=torch.uint8), 192, quality=95)
    (tmp_path / "noise").mkdir()
    for number in range(64):  # about a second, so that a busy machine has the time to interrupt
        (tmp_path / "noise" / f"{number}.jpg").write_bytes(photo)
    begun, answered = threading.Event(), threading.Event()

    def load(path: str) -> str:
        begun.set()
        return path

    def interrupt() -> None:
        begun.wait()
        os.kill(os.getpid(), signal.SIGINT)

    dataset = DCTImageFolder(tmp_path, size=1024, channels=24, loader=load)
    loader = DCTLoader(
        dataset, 64, threads=1, prefetch=0, batch_transform=lambda *batch: (answered.set(), batch)[1]
    )
    iterator = iter(loader)
    threading.Thread(target=interrupt).start()
    with pytest.raises(KeyboardInterrupt):
        next(iterator)
    assert not answered.is_set(), "the batch was done before"
    assert loader.state_dict()["next_batch"] == 0
    assert len(next(iterator)[0]) == 64


def killed(worker, iterator) -> list:
    """What still comes without the worker."""
    os.kill(worker.pid, signal.SIGKILL)  # torch's handler of SIGCHLD may raise from here on
    worker.join()  # else a batch that it was handing over may raise EOFError first
    return list(iterator)


@pytest.mark.parametrize("method", ["fork", "spawn", "forkserver"])
def test_a_worker_process_that_is_killed_ends_the_dataloader(root, method):
    """A plain DataLoader says so and does not hang; DCTLoader has no workers that could be killed."""
    dataset = folder(root)
    list(DCTLoader(dataset, 4))  # used in the parent
    before = threading.active_count()
    loader = DataLoader(dataset, 2, num_workers=1, prefetch_factor=1, multiprocessing_context=method)
    iterator = iter(loader)
    next(iterator)
    (worker,) = iterator._workers
    with pytest.raises(RuntimeError, match=r"DataLoader worker .* (killed|exited unexpectedly)"):
        killed(worker, iterator)
    del iterator
    wait_until(lambda: threading.active_count() <= before, 10)
    assert len(list(DCTLoader(dataset, 4))) == 6
