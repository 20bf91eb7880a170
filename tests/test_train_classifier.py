"""examples/train_classifier.py: it learns, goes on where it stopped, and does the same in several processes."""

from __future__ import annotations

import csv
import json
import sys
import time
import types
from contextlib import suppress

import pytest
import torch
from training import CLASSES, EXAMPLES, arguments, patterns, processes, run, same

sys.path.insert(0, str(EXAMPLES))

import train_classifier
from classification import networks, records, schedule
from classification.data import training_loader
from classification.options import parse
from classification.processes import Place, joined

SCRIPT = EXAMPLES / "train_classifier.py"
RECIPES = sorted((EXAMPLES / "recipes").glob("*.json"))
EAGER = ["--batch-size", "8", "--lr", "0.03"]


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    return patterns(tmp_path_factory.mktemp("patterns"))


@pytest.fixture(autouse=True)
def one_thread():
    """What is equal bit for bit may depend on the number of threads."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def timeless(rows):
    return [{k: v for k, v in row.items() if k not in ("images_per_s", "waiting_share")} for row in rows]


# --- Learning ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "kind", [["--channels", "24"], ["--input", "rgb"], ["--input", "rgb", "--decoder", "simplejpeg"]]
)
@pytest.mark.parametrize("model", ["tiny", "resnet18"])
def test_one_epoch_is_enough_to_beat_chance(data, tmp_path, model, kind):
    if model != "tiny":
        pytest.importorskip("torchvision", reason="torchvision is not installed")
        kind = [*kind, "--model", model, "--width", "0.25"]
    row = train_classifier.main(arguments(data, tmp_path, "--epochs", "1", *EAGER, *kind))
    assert row["top1"] > 1.6 / len(CLASSES)


def test_everything_at_once(data, tmp_path, monkeypatch):
    """All that can be combined; the gate pays for what it keeps."""
    scalars = []
    writer = types.SimpleNamespace(add_scalar=lambda *found: scalars.append(found), flush=lambda: None)
    module = types.ModuleType("torch.utils.tensorboard")
    module.SummaryWriter = lambda folder, purge_step: writer
    monkeypatch.setitem(sys.modules, "torch.utils.tensorboard", module)
    more = (
        "--channels 192 --gate 3 --gate-lr 10 --gate-pooling both --mixup 0.2 --label-smoothing 0.1 --ema 0.9"
        " --amp bf16 --channels-last --schedule step --step-epochs 2 --warmup-epochs 1 --tensorboard --epochs 3"
    )
    row = train_classifier.main(arguments(data, tmp_path, *more.split()))
    with (tmp_path / "log.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert [float(found["epoch"]) for found in rows] == [0, 1, 2]
    assert float(rows[2]["gate"]) == pytest.approx(row["gate"], rel=1e-5)
    assert float(rows[2]["gate"]) < float(rows[0]["gate"]) < 0.9
    assert ("ema_top1", row["ema_top1"], 2) in scalars
    best = records.load(tmp_path / "best.pt")["rows"]
    assert best[-1]["ema_top1"] == max(found["ema_top1"] for found in best)


def test_tensorboard_shows_what_the_log_says(data, tmp_path):
    """Also where a run went on, and where its folder holds the events of another."""
    pytest.importorskip("tensorboard", reason="tensorboard is not installed")
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    train_classifier.main(arguments(data, tmp_path, "--tensorboard", "--epochs", "3", "--seed", "1"))
    time.sleep(1.1)  # the names of the files tell their order by the second
    train_classifier.main(arguments(data, tmp_path, "--tensorboard", "--epochs", "3", "--max-steps", "24"))
    time.sleep(1.1)
    train_classifier.main(arguments(data, tmp_path, "--tensorboard", "--epochs", "3", "--resume"))
    events = EventAccumulator(str(tmp_path)).Reload()
    with (tmp_path / "log.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert set(events.Tags()["scalars"]) == set(rows[0])
    for name in ("train_loss", "top1"):
        assert [event.step for event in events.Scalars(name)] == [0, 1, 2]
        assert [event.value for event in events.Scalars(name)] == pytest.approx(
            [float(row[name]) for row in rows], rel=1e-5
        )


# --- Going on ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("stop", [5, 12, 20])  # within an epoch of 12 steps, at its end, in the second
@pytest.mark.parametrize("kind", ["dct", "rgb"])
def test_a_run_that_stopped_ends_with_the_same_bits(data, tmp_path, stop, kind):
    more = ["--epochs", "2", "--mixup", "0.2", "--ema", "0.9", "--label-smoothing", "0.1", "--input", kind]
    if kind == "dct":
        more += ["--channels", "64", "--gate", "1", "--gate-still-epochs", "1"]
    train_classifier.main(arguments(data, tmp_path / "whole", *more))
    train_classifier.main(arguments(data, tmp_path / "parts", *more, "--max-steps", str(stop)))
    stopped = records.load(tmp_path / "parts" / "last.pt")
    assert stopped["step"] == stop
    train_classifier.main(arguments(data, tmp_path / "parts", *more, "--resume"))
    whole, parts = (records.load(tmp_path / name / "last.pt") for name in ("whole", "parts"))
    assert parts["step"] == 24
    for name in ("model", "ema", "optimizer", "loader", "sums"):
        assert same(whole[name], parts[name]), name
        assert name in ("loader", "sums") or not same(stopped[name], parts[name]), name
    assert timeless(whole["rows"]) == timeless(parts["rows"])


def test_checkpoints_between_epochs_are_whole(data, tmp_path):
    """What --save-steps leaves is what --max-steps leaves at that step."""
    train_classifier.main(arguments(data, tmp_path / "a", "--max-steps", "4"))
    seen = []
    original = records.save

    def save(path, state):
        original(path, state)
        seen.append(records.load(path))

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(records, "save", save)
        train_classifier.main(arguments(data, tmp_path / "b", "--save-steps", "4", "--max-steps", "6"))
    assert [state["step"] for state in seen] == [4, 6]
    assert same(seen[0]["model"], records.load(tmp_path / "a" / "last.pt")["model"])


def test_a_run_goes_on_only_with_the_same_classes(data, tmp_path):
    train_classifier.main(arguments(data, tmp_path / "out", "--max-steps", "1"))
    other = tmp_path / "other"
    for part in ("train", "val"):
        (other / part).mkdir(parents=True)
        for name in CLASSES[1:]:
            (other / part / name).symlink_to(data / part / name)
    with pytest.raises(ValueError, match=r"the checkpoint is for the classes columns, rows"):
        train_classifier.main(arguments(other, tmp_path / "out", "--resume"))


# --- Evaluation ----------------------------------------------------------------------------------------------


def test_evaluation_alone_says_what_training_said(data, tmp_path, capsys):
    more = ["--epochs", "1", "--channels", "48", "--ema", "0.5", "--gate", "0.1"]
    row = train_classifier.main(arguments(data, tmp_path, *more))
    capsys.readouterr()
    found = train_classifier.main([str(data), "--evaluate", str(tmp_path / "best.pt"), "--batch-size", "7"])
    assert found["top1"] == row["ema_top1"]
    assert found["val_loss"] == pytest.approx(row["ema_val_loss"], rel=1e-5)
    assert f"top1 {found['top1']:.4f}" in capsys.readouterr().out


# --- Several processes ---------------------------------------------------------------------------------------


def test_two_processes_do_what_one_does(data, tmp_path):
    """The same global batches and, without batch statistics, the same weights to rounding."""
    more = ["--epochs", "2", "--freeze-norm", "--channels", "24", "--label-smoothing", "0.1", "--ema", "0.9"]
    run([sys.executable, str(SCRIPT), *arguments(data, tmp_path / "one", *more)])
    processes(2, SCRIPT, arguments(data, tmp_path / "two", *more))
    run([sys.executable, str(SCRIPT), *arguments(data, tmp_path / "none", *more, "--lr", "0")])
    one, two, none = (records.load(tmp_path / name / "last.pt") for name in ("one", "two", "none"))
    assert one["step"] == two["step"] == 24
    for name, value in one["model"].items():
        torch.testing.assert_close(two["model"][name], value, rtol=1e-4, atol=1e-5)
    moved = [(one["model"][name] - none["model"][name]).abs().max() for name in ("0.weight", "3.weight")]
    assert min(moved) > 1e-2  # a thousand times what may differ
    assert len(two["rows"]) == 2
    for first, second in zip(one["rows"], two["rows"], strict=True):
        for name in ("train_loss", "train_top1", "val_loss", "top1", "top5"):  # 41 images to validate
            assert second[name] == pytest.approx(first[name], rel=1e-3), name


@pytest.mark.parametrize("fails", [False, True])
def test_processes_part_together_unless_one_fails(monkeypatch, fails):
    """Without a last word from all, gloo may abort a process that ends; after an error nobody would answer."""
    called = []
    monkeypatch.setenv("WORLD_SIZE", "2")
    for name in ("init_process_group", "get_rank", "barrier", "destroy_process_group"):
        monkeypatch.setattr(torch.distributed, name, lambda *_, name=name: called.append(name))
    with suppress(ZeroDivisionError), joined("cpu") as place:
        assert place.world_size == 2
        called.append(f"{1 // (not fails)}")
    last = ["destroy_process_group"]
    assert called == ["init_process_group", "get_rank", *(last if fails else ["1", "barrier", *last])]


def test_batches_that_cannot_be_dealt_out_are_refused(data, tmp_path):
    options = parse(arguments(data, tmp_path))
    with pytest.raises(ValueError, match="16 cannot be dealt to 3 processes"):
        training_loader(options, Place(0, 3, torch.device("cpu")))


# --- Parts ---------------------------------------------------------------------------------------------------


def test_learning_rates():
    options = parse(["x", "--lr", "0.4", "--epochs", "10", "--warmup-epochs", "2"])
    rates = [schedule.learning_rate(options, step, 5) for step in range(50)]
    assert rates[:10] == pytest.approx([0.4 * (step + 1) / 11 for step in range(10)])
    assert rates[10] == pytest.approx(0.4)
    assert rates[30] == pytest.approx(0.2)  # half of the cosine
    assert rates[49] < 0.001
    options = parse(["x", "--lr", "1", "--schedule", "step", "--step-epochs", "2", "3", "--step-factor", "0.5"])
    assert [schedule.learning_rate(options, step, 2) for step in range(8)] == [1, 1, 1, 1, 0.5, 0.5, 0.25, 0.25]


def test_the_gate_has_a_learning_rate_and_a_weight_decay_of_its_own():
    options = parse(["x", "--model", "tiny", "--gate", "1", "--gate-lr", "10", "--weight-decay", "0.1"])
    network = networks.make_network(options, 2)
    groups = schedule.make_optimizer(options, network).param_groups
    assert [group["factor"] for group in groups] == [1, 10]
    assert [group["weight_decay"] for group in groups] == [0.1, 0]
    sizes = [sum(parameter.numel() for parameter in group["params"]) for group in groups]
    assert sizes[1] == sum(parameter.numel() for parameter in network.gate.parameters())
    assert sum(sizes) == sum(parameter.numel() for parameter in network.parameters())


def test_the_gate_stays_as_it_is_in_its_last_epochs(data, tmp_path):
    more = ["--channels", "64", "--gate", "1", "--gate-lr", "10", "--epochs", "3", "--gate-still-epochs", "2"]
    states = []
    for steps in ("12", "24", "36"):
        train_classifier.main(arguments(data, tmp_path, *more, "--max-steps", steps, "--resume"))
        states.append(records.load(tmp_path / "last.pt")["model"])
    gates = [{name: value for name, value in state.items() if name.startswith("gate.")} for state in states]
    assert same(gates[0], gates[1])
    assert same(gates[1], gates[2])
    fresh = networks.make_network(parse(["x", "--model", "tiny", "--channels", "64", "--gate", "1"]), len(CLASSES))
    assert not same(gates[0]["gate.logits.bias"], fresh.state_dict()["gate.logits.bias"])
    assert not same(states[1], states[2])


def test_moving_average():
    network = torch.nn.BatchNorm1d(1)
    average = networks.MovingAverage(network, 0.9)
    for step, value in ((1, 4.0), (1000, 8.0)):
        with torch.no_grad():
            network.weight.fill_(value)
            network.num_batches_tracked.fill_(step)
        average.update(network, step)
    early = 2 / 11  # of 10 steps to begin with
    assert average.network.weight.item() == pytest.approx(0.9 * (early + (1 - early) * 4) + 0.1 * 8)
    assert average.network.num_batches_tracked.item() == 1000


@pytest.mark.parametrize("path", RECIPES, ids=lambda path: path.stem)
def test_recipes_are_read_and_say_where_they_come_from(path):
    written = json.loads(path.read_text("utf-8"))
    options = parse(["data", "--recipe", str(path), "--epochs", "3"])
    for name, value in {**written["options"], "epochs": 3}.items():
        found = getattr(options, name.replace("-", "_"))
        assert (len(found) if name == "channels" else found) == value, name
    named = {name.strip() for names in written["sources"] for name in names.split(",")}
    assert {"model", "lr", "weight-decay", "epochs", "batch-size"} <= named <= set(written["options"])


@pytest.mark.parametrize("path", RECIPES, ids=lambda path: path.stem)
def test_recipes_run(data, tmp_path, path):
    pytest.importorskip("torchvision", reason="torchvision is not installed")
    small = {"size": 64, "width": 0.25, "batch-size": 8, "threads": 1, "max-steps": 2, "device": "cpu"}
    given = [f"--{name}={value}" for name, value in small.items()]
    train_classifier.main([str(data), "--recipe", str(path), *given, "--output", str(tmp_path)])
    state = records.load(tmp_path / "last.pt")
    assert state["step"] == 2
    assert 0.5 < float(state["sums"][1] / state["sums"][0]) < 4  # the loss of a network that knows nothing: 1.4


def test_what_is_refused(tmp_path, capsys):
    wrong = tmp_path / "wrong.json"
    wrong.write_text('{"options": {"learning-rate": 1}}')
    for given, message in (
        (["--input", "rgb", "--gate", "1"], "chooses among coefficients"),
        (["--size", "100"], "no multiple of 8"),
        (["--recipe", str(wrong)], "unrecognized arguments: --learning-rate"),
    ):
        with pytest.raises(SystemExit):
            parse(["x", *given])
        assert message in capsys.readouterr().err
