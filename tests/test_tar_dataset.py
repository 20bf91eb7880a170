"""DCTTarDataset: what it gives, to whom, in which order, and what becomes of damage."""

from __future__ import annotations

import io
import json
import pickle
from collections import Counter

import dctdecode
import pytest
import torch
from dctdecode import transforms
from dctdecode.data import ShardError
from dctdecode.data.samples import shuffled
from dctdecode.errors import CorruptJpegError
from dctdecode.geometry import Geometry
from dctdecode.transforms import CounterRandom
from shards import PHOTOS, described, sample, shard, write_shards
from torch.utils.data import DataLoader


def stream(*members) -> io.BytesIO:
    return io.BytesIO(shard([member for some in members for member in some]))


def dataset(urls, **options) -> dctdecode.DCTTarDataset:
    return dctdecode.DCTTarDataset(urls, **{"channels": 24, "size": 16, **options})


def targets(data) -> list[int]:
    return [target for _, target in data]


@pytest.mark.parametrize("group_size", [1, 3, 32])
@pytest.mark.parametrize("size", [None, 16])
def test_it_gives_what_read_gives(size, group_size):
    made = dataset(stream(*map(sample, range(7))), size=size, normalize="dctnet", group_size=group_size)
    pairs = list(made)
    assert [target for _, target in pairs] == list(range(7))
    for number, (tensor, _) in enumerate(pairs):
        expected = dctdecode.read(PHOTOS[number % 4], 24, size=size, normalize="dctnet")
        assert torch.equal(tensor, expected)
    assert targets(made) == list(range(7)), "the stream begins anew"


def test_images_of_any_sizes(generate):
    from generate import Recipe

    recipes = [Recipe(height=9 + 8 * i, width=40 - 3 * i, seed=i) for i in range(5)]
    made = stream(*([(f"{i}.jpg", generate(r).data), (f"{i}.cls", b"%d" % i)] for i, r in enumerate(recipes)))
    for (tensor, target), recipe in zip(dataset(made, size=None, threads=3), recipes, strict=True):
        assert torch.equal(tensor, dctdecode.read(generate(recipe).data, 24)), target


def test_keys_suffixes_and_what_is_beside():
    members = [
        ("./a/1.x.jpg", b"another suffix"),
        ("./a/1.JPEG", PHOTOS[0]),
        ("./a/1.cls", b" 5 "),
        ("b/1.cls", b"6"),
        ("b/1.jpg", PHOTOS[1]),
        ("b/1.txt", b"not read"),
        ("c.cls", b"7"),
        ("._d.jpg", b"of macOS"),
        ("README", b""),
        ("e.json", b'{"x": [1, "\xc3\xa4"]}'),
        ("e.jpg", PHOTOS[2]),
    ]
    pairs = list(dataset(stream(members)))
    assert [target for _, target in pairs] == [5, 6, {"x": [1, "ä"]}]
    assert torch.equal(pairs[1][0], dctdecode.read(PHOTOS[1], 24, size=16))


def test_target_chooses():
    both = [("a.jpg", PHOTOS[0]), ("a.cls", b"1"), ("a.json", b'{"b": 2}')]
    assert targets(dataset(stream(both))) == [1]
    assert targets(dataset(stream(both), target="json")) == [{"b": 2}]
    assert targets(dataset(stream(both), target_transform=str)) == ["1"]


def test_files_pipes_patterns_and_compression(tmp_path):
    write_shards(tmp_path, 3, 4)
    (tmp_path / "more.tgz").write_bytes(shard(sample(12), "w:gz"))
    urls = [f"{tmp_path}/train-{{000..001}}.tar", f"pipe:cat {tmp_path}/train-002.tar", tmp_path / "more.tgz"]
    assert targets(dataset(urls)) == list(range(13))


@pytest.mark.parametrize("split", ["shards", "samples"])
@pytest.mark.parametrize("workers", [1, 3])
@pytest.mark.parametrize("epoch", [None, 4])
def test_readers_see_all_samples_once(tmp_path, split, workers, epoch):
    paths = write_shards(tmp_path, 7, 3)
    seen = []
    for rank in range(2):
        made = dataset(paths, split=split, rank=rank, world_size=2, shuffle=5)
        if epoch is not None:
            made.set_epoch(epoch)
        for worker in range(workers):
            seen.append(_targets_of_worker(made, worker, workers))
    assert sorted(target for share in seen for target in share) == list(range(21))
    if split == "samples":
        assert max(map(len, seen)) - min(map(len, seen)) <= 3


def _targets_of_worker(made, worker: int, workers: int) -> list[int]:
    """As one of several workers would, without a process for it."""
    from torch.utils.data import _utils

    if workers > 1:
        _utils.worker._worker_info = _utils.worker.WorkerInfo(
            id=worker, num_workers=workers, seed=worker, dataset=made
        )
    try:
        return targets(made)
    finally:
        _utils.worker._worker_info = None


def test_too_few_shards(tmp_path):
    made = dataset(write_shards(tmp_path, 1, 2), rank=0, world_size=2)
    with pytest.raises(ValueError, match=r'1 shard for 2 readers \(2 ranks x 1 worker\).*split="samples"'):
        iter(made)


@pytest.mark.parametrize("persistent", [False, True])
def test_worker_processes_and_epochs(tmp_path, persistent):
    """What `set_epoch` says reaches workers that outlive the epoch."""
    made = dataset(write_shards(tmp_path, 4, 5), shuffle=8)
    loader = DataLoader(made, batch_size=None, num_workers=2, persistent_workers=persistent)
    orders = []
    for epoch in (0, 1, 0):
        made.set_epoch(epoch)
        orders.append([target for _, target in loader])
        assert sorted(orders[-1]) == list(range(20))
    assert orders[0] == orders[2] != orders[1]
    free = dataset(write_shards(tmp_path, 4, 5), shuffle=8)
    loader = DataLoader(free, batch_size=None, num_workers=2, persistent_workers=persistent)
    assert [t for _, t in loader] != [t for _, t in loader], "without set_epoch epochs differ"


def test_order_is_of_seed_and_epoch_and_goes_through_shards(tmp_path):
    paths = write_shards(tmp_path, 4, 5)

    def order(seed: int, epoch: int, shuffle: int = 8) -> list[int]:
        made = dataset(paths, seed=seed, shuffle=shuffle, group_size=seed + 1)
        made.set_epoch(epoch)
        return targets(made)

    orders = {(seed, epoch): order(seed, epoch) for seed in range(3) for epoch in range(3)}
    assert orders == {(seed, epoch): order(seed, epoch) for seed in range(3) for epoch in range(3)}
    assert len(set(map(tuple, orders.values()))) == 9
    whole_shards = order(1, 2, shuffle=1)
    assert whole_shards != list(range(20)) == sorted(whole_shards)
    assert all(whole_shards[i : i + 5] == sorted(whole_shards[i : i + 5]) for i in range(0, 20, 5))
    assert order(1, 2, shuffle=0) == list(range(20))


def test_the_buffer_mixes_evenly():
    """Every sample may come first, up to the size of the buffer, and all come once."""
    firsts = Counter()
    for index in range(2000):
        mixed = list(shuffled(range(20), 5, CounterRandom(0, 0, index)))
        assert sorted(mixed) == list(range(20))
        firsts[mixed[0]] += 1
    assert set(firsts) == set(range(5))
    assert all(320 < times < 480 for times in firsts.values())  # 400, standard deviation 18


def test_draws_depend_on_the_sample_alone(tmp_path):
    """Not on order, groups, threads or who reads it."""
    paths = write_shards(tmp_path, 4, 3)
    crop = transforms.Compose([transforms.RandomResizedCrop(16), transforms.GaussianNoise(sigma=1.0)])

    def images(epoch: int, **options) -> dict[int, torch.Tensor]:
        made = dataset(paths, size=None, transform=crop, **options)
        made.set_epoch(epoch)
        return {target: tensor for tensor, target in made}

    one = images(0)
    for options in ({"shuffle": 7, "group_size": 2, "threads": 3}, {"split": "samples", "group_size": 1}):
        other = images(0, **options)
        assert all(torch.equal(one[number], other[number]) for number in range(12))
    share = images(0, rank=1, world_size=2, shuffle=3)
    assert len(share) == 6
    assert all(torch.equal(one[number], tensor) for number, tensor in share.items())
    assert not any(torch.equal(one[number], tensor) for number, tensor in images(1).items())
    assert not any(torch.equal(one[number], tensor) for number, tensor in images(0, seed=1).items())
    draws = CounterRandom(0, 0, 1 << 32 | 2)  # of sample 2 of shard 1
    geometry_part, noise = crop.split()
    expected = dctdecode.read(
        PHOTOS[5 % 4],
        24,
        geometry=lambda h, w: geometry_part.apply(Geometry.of(h, w), draws),
        transform=lambda x: x,
    )
    assert torch.equal(one[5], noise.apply(expected, draws, dctdecode.PRESETS[24]))


def test_length(tmp_path):
    paths = write_shards(tmp_path, 2, 3)
    endless = dataset(paths, length=8, group_size=4)
    assert len(endless) == 8
    assert targets(endless) == [0, 1, 2, 3, 4, 5, 0, 1]
    assert targets(dataset(paths, length=4)) == [0, 1, 2, 3]
    with pytest.raises(TypeError):
        len(dataset(paths))
    loader = DataLoader(dataset(paths, length=8), batch_size=2, num_workers=2)
    batches = [batch.tolist() for _, batch in loader]
    assert len(batches) == len(loader) == 4
    assert sorted(map(tuple, batches)) == [(0, 1), (2, 0), (3, 4), (5, 3)]


def test_rounds_of_one_epoch_draw_anew(tmp_path):
    made = dataset(write_shards(tmp_path, 1, 1), size=None, length=2, transform=transforms.RandomResizedCrop(16))
    made.set_epoch(0)
    (first, _), (second, _) = made
    assert not torch.equal(first, second)


def test_a_length_of_nothing_ends():
    with pytest.raises(ValueError, match="no sample to be read"):
        list(dataset(stream([("README", b"")]), length=1))


BROKEN = [*sample(0), ("d/1.jpg", PHOTOS[1][:-500]), ("d/1.cls", b"1"), *sample(2)]


@pytest.mark.parametrize("size", [None, 16])
def test_a_damaged_image(tmp_path, size, caplog):
    path = tmp_path / "s.tar"
    path.write_bytes(shard(BROKEN))
    with pytest.raises(CorruptJpegError, match=rf"^{path}: d/1.jpg: ") as caught:
        list(dataset(str(path), size=size))
    assert "index" not in str(caught.value)
    assert len(pickle.dumps(caught.value)) < 500 + len(str(path)), "the image's bytes do not go along"
    assert targets(dataset(str(path), size=size, on_error="skip")) == [0, 2]
    assert f"{path}: d/1.jpg: " in caplog.text
    asked = []
    assert targets(dataset(str(path), size=size, on_error=lambda failure: asked.append(failure) or "skip")) == [
        0,
        2,
    ]
    ((place, name),) = [(failure.index, failure.path) for failure in asked]
    assert (place, name) == (1, f"{path}: d/1.jpg")
    assert type(name) is str


def test_zeros_for_a_damaged_image():
    pairs = list(dataset(stream(BROKEN), on_error="zero"))
    assert [target for _, target in pairs] == [0, 1, 2]
    assert not pairs[1][0].any()
    assert torch.equal(pairs[2][0], dctdecode.read(PHOTOS[2], 24, size=16))
    with pytest.raises(ValueError, match="one size"):
        dataset("a.tar", size=None, on_error="zero")


def test_an_image_larger_than_the_limit():
    small = {"max_bytes": len(PHOTOS[0]) - 1}
    members = [("a.jpg", PHOTOS[0]), ("a.cls", b"0"), ("b.jpg", min(PHOTOS, key=len)), ("b.cls", b"1")]
    assert len(min(PHOTOS, key=len)) < len(PHOTOS[0])
    with pytest.raises(dctdecode.errors.LimitExceededError, match=r"a\.jpg: "):
        list(dataset(stream(members), limits=small))
    assert targets(dataset(stream(members), limits=small, on_error="skip")) == [1]


@pytest.mark.parametrize(
    ("beside", "says"),
    [
        ([], r"no \.cls or \.json beside"),
        ([("d/1.cls", b"cat")], r"\.cls cannot be read"),
        ([("d/1.cls", b"\xff")], r"\.cls cannot be read"),
        ([("d/1.json", b"{")], r"\.json cannot be read"),
        ([("d/1.json", b"[" * 100_000)], r"\.json cannot be read"),
    ],
)
def test_a_sample_without_a_target(beside, says):
    members = [*sample(0), ("d/1.jpg", PHOTOS[1]), *beside, *sample(2)]
    with pytest.raises(ValueError, match=rf": d/1.jpg: .*{says}"):
        list(dataset(stream(members)))
    assert targets(dataset(stream(members), on_error="zero")) == [0, 2]


def test_damaged_and_missing_shards(tmp_path, caplog):
    paths = write_shards(tmp_path, 3, 3)
    data = (tmp_path / "train-001.tar").read_bytes()
    third_sample = data.index(b"d/0005.jpg")
    (tmp_path / "train-001.tar").write_bytes(data[: third_sample + 700])
    with pytest.raises(ShardError, match=r"train-001.tar: it breaks off"):
        list(dataset(paths))
    with pytest.raises(FileNotFoundError, match=r"gone\.tar"):
        list(dataset([*paths[:1], tmp_path / "gone.tar"]))
    made = dataset([*paths, tmp_path / "gone.tar"], on_error="skip")
    for _ in range(2):
        assert targets(made) == [0, 1, 2, 3, 6, 7, 8]
    assert "train-001.tar: it breaks off" in caplog.text
    assert "gone.tar" in caplog.text
    failing = "pipe:exit 3"
    with pytest.raises(ShardError, match=r"pipe:exit 3: .*status 3"):
        list(dataset(failing))


def test_a_member_twice_in_a_sample():
    with pytest.raises(ShardError, match=r"'a\.jpg' is there twice"):
        list(dataset(stream([("a.jpg", PHOTOS[0]), ("a.jpg", PHOTOS[1])])))


def test_file_objects_stay_in_their_process():
    loader = DataLoader(dataset(stream(sample(0))), num_workers=1, batch_size=None)
    with pytest.raises(ValueError, match="file objects cannot be read in worker processes"):
        list(loader)


def test_spawned_workers_get_rank_and_epoch(tmp_path):
    made = dataset(write_shards(tmp_path, 4, 2), rank=1, world_size=2, shuffle=9)
    made.set_epoch(2)
    copy = pickle.loads(pickle.dumps(made))
    assert targets(copy) == targets(made)
    loader = DataLoader(made, batch_size=None, num_workers=1, multiprocessing_context="spawn")
    assert [target for _, target in loader] == targets(made)


@pytest.mark.parametrize(
    ("options", "error"),
    [
        ({"shuffle": True}, TypeError),
        ({"shuffle": -1}, ValueError),
        ({"group_size": 0}, ValueError),
        ({"length": 0}, ValueError),
        ({"split": "files"}, ValueError),
        ({"target": "txt"}, ValueError),
        ({"rank": 1}, ValueError),
        ({"size": 15}, ValueError),
        ({"on_error": "ignore"}, ValueError),
        ({"transform": transforms.RandomResizedCrop(16)}, ValueError),
    ],
)
def test_arguments_are_checked_at_once(options, error):
    with pytest.raises(error):
        dataset("a.tar", **options)


def test_json_targets_and_options():
    made = dataset(stream(*map(described, range(3))), dtype=torch.float16, channels=[0, 64, 128])
    for number, (tensor, target) in enumerate(made):
        assert target == json.loads(json.dumps({"number": number}))
        assert (tensor.dtype, tensor.shape) == (torch.float16, (3, 2, 2))
