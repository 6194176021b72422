"""The lite network's training, on a few small pictures and a teacher with drawn weights."""

import json
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from engine.lite.encoder import LiteEncoder
from engine.lite.network import BY_NAME, LAYERS, READINGS, WEIGHTS, shapes
from engine.networks.vgg19 import Vgg19
from engine.networks.weights import load_weights
from tools.lite import train
from tools.lite.lessons import Lesson, Teacher, make_crops, together
from tools.lite.student import Student

NOTED = {"files", "training", "seconds"}


@pytest.fixture(scope="module")
def lessons(photographs: list[Path], drawn_vgg19: Path) -> list[Lesson]:
    crops = make_crops(photographs, 10, 48, seed=0)
    return Teacher(Vgg19(load_weights(drawn_vgg19)), photographs, 48).lessons(crops)


def test_crops_are_the_same_each_time_and_every_second_one_is_altered(
    photographs: list[Path],
) -> None:
    crops = make_crops(photographs, 6, 48, seed=3)
    assert crops.shape == (6, 3, 48, 48)
    assert bool(((crops >= 0) & (crops <= 1)).all())
    assert torch.equal(crops, make_crops(photographs, 6, 48, seed=3))
    assert not torch.equal(crops, make_crops(photographs, 6, 48, seed=4))


def test_targets_are_the_teachers_features_turned_and_scaled(lessons: list[Lesson]) -> None:
    _, told = together(lessons)
    for reading in READINGS:
        stride = BY_NAME[reading.source].stride_px
        targets = told[reading.layer]
        assert targets.shape == (10, reading.width, 48 // stride, 48 // stride)
        # All components together have a mean square of 1; the largest ones hold most of it.
        energy = float(targets.square().sum(1).mean())
        assert 0.5 < energy < 1.5
        shares = targets.square().mean((0, 2, 3))
        assert float(shares[0]) > float(shares[-1])


def test_folding_the_normalization_away_changes_no_feature(lessons: list[Lesson]) -> None:
    torch.manual_seed(0)
    student = Student().train()
    for _ in range(3):
        student(together(lessons[:4])[0])
    student.eval()
    weights = student.folded()
    assert {name: tuple(tensor.shape) for name, tensor in weights.items()} == shapes()
    crops, _ = together(lessons[4:6])
    found = LiteEncoder(weights=weights).features(crops, LAYERS)
    with torch.no_grad():
        told = student(crops)
    for name in LAYERS:
        torch.testing.assert_close(found[name], told[name], rtol=1e-4, atol=1e-4)


def test_a_student_of_weights_says_what_they_say_and_gives_them_back(lessons: list[Lesson]) -> None:
    torch.manual_seed(0)
    learnt = Student().train()
    learnt(together(lessons[:4])[0])
    weights = learnt.eval().folded()
    again = Student.of(weights).eval()
    crops, _ = together(lessons[4:6])
    with torch.no_grad():
        told, wanted = again(crops), learnt(crops)
    for name in LAYERS:
        torch.testing.assert_close(told[name], wanted[name], rtol=1e-4, atol=1e-4)
    for name, tensor in again.folded().items():
        torch.testing.assert_close(tensor, weights[name], rtol=1e-4, atol=1e-5)


def test_training_teaches_and_writes_weights_with_their_log(
    photographs: list[Path], drawn_vgg19: Path, tmp_path: Path
) -> None:
    torch.set_num_threads(1)
    output = tmp_path / "made.safetensors"
    counts = {"crops": 80, "steps": 50, "paintings": 1, "painting-crops": 70, "painting-steps": 50}
    flags = [word for name, count in counts.items() for word in (f"--{name}", str(count))]
    small = ["--crop-px", "48", "-o", str(output)]
    assert train.main([str(photographs[0].parent), str(drawn_vgg19), *small, *flags]) == 0
    weights = load_file(output)
    assert {name: tuple(tensor.shape) for name, tensor in weights.items()} == shapes()
    log = json.loads(output.with_suffix(".json").read_text())
    assert set(log) == {"photographs", "left_on_photographs", "rounds", *NOTED}
    assert log["files"] == ["0.png", "1.png", "2.png"]
    assert len(log["rounds"]) == 2
    for each in log["rounds"]:
        for layer in LAYERS:
            assert each["left"][layer] < each["left_before"][layer]

    further = tmp_path / "further.safetensors"
    few = ["--crops", "70", "--rounds", "1", "--paintings", "1", "--painting-crops", "70"]
    small = ["--crop-px", "48", "-o", str(further), "--begin", str(output)]
    folders = [str(photographs[0].parent), str(drawn_vgg19)]
    counted = ["--painting-steps", "100", "--mean-weight", "1"]
    assert train.main([*folders, *small, *few, *counted]) == 0
    assert {name: tuple(tensor.shape) for name, tensor in load_file(further).items()} == shapes()
    later = json.loads(further.with_suffix(".json").read_text())
    assert set(later) == {"left_on_photographs", "rounds", "begun_with", *NOTED}
    assert later["begun_with"] == log
    assert later["training"]["mean_weight"] == 1
    (found,) = later["rounds"]
    assert sum(found["left"].values()) < sum(found["left_before"].values())


def test_weights_to_go_on_from_have_to_be_there_and_of_the_same_photographs(
    photographs: list[Path], drawn_vgg19: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folders = [str(photographs[0].parent), str(drawn_vgg19)]
    with pytest.raises(SystemExit):
        train.main([*folders, "--begin", str(tmp_path / "none.safetensors")])
    assert "none.safetensors is not there" in capsys.readouterr().err
    with pytest.raises(SystemExit):
        train.main([*folders, "--begin", str(WEIGHTS)])
    assert "was made with other photographs" in capsys.readouterr().err
