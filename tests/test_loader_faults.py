"""DCTLoader when images, the dataset or the user interrupt it."""

from __future__ import annotations

import gc
import os
import signal
import threading
import time
import weakref

import pytest
import torch
from dctdecode import DCTLoader
from dctdecode.errors import CorruptJpegError
from loading import Numbers, targets_of, wait_until

BROKEN = (5, 6, 17)


def loader(**options) -> DCTLoader:
    return DCTLoader(Numbers(20, broken=BROKEN, **options.pop("numbers", {})), 4, **options)


def test_raise_names_the_file_and_goes_on_with_the_next_batch():
    iterator = iter(loader())
    assert next(iterator)[1].tolist() == [0, 1, 2, 3]
    with pytest.raises(CorruptJpegError, match=r"^photos/5.jpg \(index 1 of the batch\): broken$"):
        next(iterator)
    assert next(iterator)[1].tolist() == [8, 9, 10, 11]
    assert next(iterator)[1].tolist() == [12, 13, 14, 15]
    with pytest.raises(CorruptJpegError, match=r"photos/17\.jpg"):
        next(iterator)
    assert list(iterator) == []


def test_a_state_after_an_error_is_behind_it():
    first = loader()
    iterator = iter(first)
    next(iterator)
    with pytest.raises(CorruptJpegError):
        next(iterator)
    second = loader()
    second.load_state_dict(first.state_dict())
    assert next(iter(second))[1].tolist() == [8, 9, 10, 11]


def test_the_loader_is_usable_after_an_error():
    numbers = Numbers(20, broken=BROKEN)
    again = DCTLoader(numbers, 4)
    with pytest.raises(CorruptJpegError):
        list(again)
    numbers.broken.clear()
    assert len(list(again)) == 5


@pytest.mark.parametrize("collate", ["fixed", "pad", "list"])
def test_skipped_images_make_the_batch_smaller(collate):
    sizes = {} if collate == "fixed" else {"sizes": [3] * 20}
    skipping = loader(on_error="skip", collate=collate, numbers=sizes)
    batches = list(skipping)
    assert targets_of(batches) == [[0, 1, 2, 3], [4, 7], [8, 9, 10, 11], [12, 13, 14, 15], [16, 18, 19]]
    for batch in batches:
        assert [float(image[0, 0, 0]) for image in batch[0]] == batch[-1].tolist()
    assert [(failure.index, failure.path) for failure in skipping.failures] == [
        (index, f"photos/{index}.jpg") for index in BROKEN
    ]


def test_a_batch_of_which_nothing_is_left_is_empty():
    numbers = Numbers(8, broken=range(4))
    assert [tuple(images.shape) for images, _ in DCTLoader(numbers, 4, on_error="skip")] == [
        (0, 2, 3, 5),
        (4, 2, 3, 5),
    ]
    numbers.sizes = [3] * 8
    padded = list(DCTLoader(numbers, 4, on_error="skip", collate="pad"))
    assert [(len(images), len(mask), len(targets)) for images, mask, targets in padded] == [(0, 0, 0), (4, 4, 4)]


def test_zero_rows():
    zeroing = loader(on_error="zero")
    batches = list(zeroing)
    assert [len(images) for images, _ in batches] == [4] * 5
    for images, targets in batches:
        for image, target in zip(images, targets, strict=True):
            assert bool((image == 0).all()) == (int(target) in BROKEN)
    assert [failure.index for failure in zeroing.failures] == list(BROKEN)


@pytest.mark.parametrize("collate", ["fixed", "list"])
def test_a_callable_decides_and_sees_the_place_in_the_dataset(collate):
    seen = []

    def decide(failure):
        seen.append((failure.index, failure.path))
        return "zero" if failure.index == 6 else "skip"

    sizes = {} if collate == "fixed" else {"sizes": [3] * 20}
    batches = targets_of(loader(on_error=decide, collate=collate, numbers=sizes))
    assert batches[1] == [4, 6, 7]
    assert batches[4] == [16, 18, 19]
    assert sorted(seen) == [(index, f"photos/{index}.jpg") for index in BROKEN]


def test_a_callable_that_raises():
    def decide(failure):
        raise KeyError(failure.path)

    iterator = iter(loader(on_error=decide))
    next(iterator)
    with pytest.raises(KeyError, match=r"photos/5\.jpg"):
        next(iterator)
    assert next(iterator)[1].tolist() == [8, 9, 10, 11]


def test_failures_are_those_of_batches_that_were_received_in_this_epoch():
    skipping = loader(on_error="skip", prefetch=5)
    iterator = iter(skipping)
    wait_until(lambda: len(skipping.dataset.calls) == 5)
    counts = []
    for _ in iterator:
        counts.append(len(skipping.failures))
    assert counts == [0, 2, 2, 2, 3]
    first = skipping.failures
    assert len(first) == 3  # still there after the epoch
    next(iter(skipping))
    assert skipping.failures == []
    assert len(first) == 3


@pytest.mark.parametrize(
    ("max_errors", "batches"), [(3, 5), (2, 4), (1, 1), (0, 1), (0.15, 5), (0.14, 4), (0.0, 1)]
)
def test_too_many_failures(max_errors, batches):
    skipping = loader(on_error="skip", max_errors=max_errors)
    received = []
    if batches == 5:
        received.extend(skipping)
    else:
        with pytest.raises(RuntimeError, match=r"images could not be read, max_errors allows \d") as error:
            received.extend(skipping)
        assert (
            str(error.value)
            .splitlines()[-1]
            .lstrip()
            .startswith("photos/17.jpg" if batches == 4 else "photos/6.jpg")
        )
    assert len(targets_of(received)) == batches
    skipping.dataset.broken.clear()
    assert len(list(skipping)) == 5


def test_the_message_about_too_many_failures_shows_the_last_five():
    skipping = DCTLoader(Numbers(20, broken=range(10)), 10, on_error="skip", max_errors=2)
    with pytest.raises(RuntimeError) as error:
        list(skipping)
    first, *rest = str(error.value).splitlines()
    assert first == "10 images could not be read, max_errors allows 2; the last:"
    assert [line.split()[0] for line in rest] == [f"photos/{index}.jpg" for index in range(5, 10)]


def test_errors_in_images_of_any_size_have_their_place_in_the_batch():
    iterator = iter(loader(collate="pad", numbers={"sizes": [3] * 20}))
    next(iterator)
    with pytest.raises(CorruptJpegError, match=r"photos/5.jpg \(index 1 of the batch\)"):
        next(iterator)


def test_errors_of_the_dataset_itself():
    iterator = iter(DCTLoader(Numbers(20), 2, sampler=[1, 99, 3]))
    with pytest.raises(IndexError, match="no image 99") as error:
        next(iterator)
    assert "read_batch" in [entry.name for entry in error.traceback]  # where it happened
    assert next(iterator)[1].tolist() == [3]


def test_an_error_keeps_no_memory():
    numbers = Numbers(400, broken=range(400))
    iterator = iter(DCTLoader(numbers, 4))
    failed = 0
    gc.disable()
    try:
        for _ in range(100):
            try:
                next(iterator)
            except CorruptJpegError:  # pytest.raises would keep the traceback
                failed += 1
    finally:
        gc.enable()
    assert failed == 100
    assert len(set(numbers.addresses)) <= 4


def test_the_thread_ending_by_itself_is_an_error_and_no_hang(monkeypatch):
    def broken(self):
        raise MemoryError("no room")

    monkeypatch.setattr("dctdecode.data.producer.Producer._enter_device", broken)
    iterator = iter(DCTLoader(Numbers(20), 4))
    with pytest.raises(MemoryError, match="no room"):
        next(iterator)
    with pytest.raises(RuntimeError, match="the thread behind this iterator has ended"):
        next(iterator)


def interrupt_after(seconds: float) -> None:
    threading.Timer(seconds, os.kill, (os.getpid(), signal.SIGINT)).start()


def test_ctrl_c_in_the_middle_of_a_batch():
    numbers = Numbers(20, seconds=1.0)
    slow = DCTLoader(numbers, 4)
    iterator = iter(slow)
    interrupt_after(0.2)
    began = time.monotonic()
    with pytest.raises(KeyboardInterrupt):
        next(iterator)
    assert time.monotonic() - began < 0.8  # before the batch was done
    assert slow.state_dict()["next_batch"] == 0
    numbers.seconds = 0.0
    assert targets_of(iterator) == targets_of(DCTLoader(Numbers(20), 4))  # no batch was lost


def test_dropping_an_iterator_while_a_batch_is_decoded_waits_for_it():
    numbers = Numbers(20, seconds=0.3)
    iterator = iter(DCTLoader(numbers, 4))
    wait_until(lambda: threading.active_count() > 1)
    del iterator
    assert not any(thread.name == "dctdecode-loader" for thread in threading.enumerate())
    assert len(numbers.calls) <= 1


def test_loader_and_dataset_go_when_the_last_reference_goes():
    numbers = Numbers(40)
    short = DCTLoader(numbers, 4)
    iterator = iter(short)
    images, _ = next(iterator)
    gone = [weakref.ref(item) for item in (numbers, short, iterator)]
    gc.disable()
    try:
        del numbers, short, iterator
        assert [ref() for ref in gone] == [None, None, None]
    finally:
        gc.enable()
    assert torch.equal(images[:, 0, 0, 0], torch.arange(4.0))
