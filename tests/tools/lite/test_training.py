"""Training of the lite network, on small pictures and a teacher with random weights."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from PIL import Image
from rich.console import Console
from safetensors.torch import load_file

from engine.lite.encoder import LiteEncoder
from engine.lite.network import BY_NAME, LAYERS, READINGS
from engine.networks.encoder import features_of
from engine.networks.vgg19 import Vgg19
from engine.networks.weights import load_weights
from engine.painting.losses import in_basis
from tests.kit.lite import weight_shapes
from tools.lite import learning, train
from tools.lite.fitting import deepened, fit_readings
from tools.lite.learning import Schedule, learn, left
from tools.lite.student import Student
from tools.lite.training_data import Teacher, TrainingExample, make_crops, together, without_copies

OTHER_LOG_FIELDS = {"files", "training", "seconds"}


@pytest.fixture(scope="module", autouse=True)
def _few_basis_crops() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("tools.lite.training_data._BASIS_CROPS", 20)
        yield


@pytest.fixture(scope="module")
def examples(photographs: list[Path], random_vgg19_file: Path) -> list[TrainingExample]:
    crops = make_crops(photographs, 10, 48, seed=0)
    return Teacher(Vgg19(load_weights(random_vgg19_file)), photographs, 48).examples(crops)


def test_crops_depend_on_the_seed_and_every_second_one_is_altered(
    photographs: list[Path], tmp_path: Path
) -> None:
    crops = make_crops(photographs, 6, 48, seed=3)
    assert crops.shape == (6, 3, 48, 48)
    assert bool(((crops >= 0) & (crops <= 1)).all())
    assert torch.equal(crops, make_crops(photographs, 6, 48, seed=3))
    assert not torch.equal(crops, make_crops(photographs, 6, 48, seed=4))
    colors = {"0.png": (204, 51, 102), "1.png": (51, 153, 204)}
    for name, color in colors.items():
        Image.new("RGB", (60, 50), color).save(tmp_path / name)
    plain = torch.tensor(list(colors.values())).div(255)[..., None, None].half()
    crops = make_crops([tmp_path / name for name in colors], 40, 48, seed=0)
    is_plain = (crops[:, None] == plain).all((2, 3, 4)).any(1)
    assert bool(is_plain[1::2].all())
    assert int(is_plain[::2].sum()) < 10  # of 20; some changes do not affect a single color


def test_copies_of_evaluation_pictures_are_left_out_of_training(
    photographs: list[Path], tmp_path: Path
) -> None:
    with Image.open(photographs[1]) as image:
        image.resize((101, 77)).convert("RGB").save(tmp_path / "evaluation.jpg", quality=60)
    remaining = without_copies(photographs, [tmp_path / "evaluation.jpg"])
    assert remaining == [photographs[0], photographs[2]]
    assert without_copies(photographs, []) == photographs


def test_targets_are_scaled_with_the_largest_component_first(
    examples: list[TrainingExample],
) -> None:
    _, features = together(examples)
    for reading in READINGS:
        stride = BY_NAME[reading.source].stride_px
        targets = features[reading.layer]
        assert targets.shape == (10, reading.width, 48 // stride, 48 // stride)
        # All components together have a mean square of 1; the largest ones hold most of it.
        energy = float(targets.square().sum(1).mean())
        assert 0.5 < energy < 1.5
        shares = targets.square().mean((0, 2, 3))
        assert float(shares[0]) > float(shares[-1])


def test_folding_the_normalization_away_changes_no_feature(examples: list[TrainingExample]) -> None:
    torch.manual_seed(0)
    student = Student().train()
    for _ in range(3):
        student(together(examples[:4])[0])
    student.eval()
    weights = student.folded()
    assert {name: tuple(tensor.shape) for name, tensor in weights.items()} == weight_shapes()
    crops, _ = together(examples[4:6])
    found = features_of(LiteEncoder(weights=weights), crops, LAYERS)
    with torch.no_grad():
        expected = student(crops)
    encoder = LiteEncoder(weights=weights)
    for name in LAYERS:
        read = in_basis(found[name], encoder.basis(name))
        torch.testing.assert_close(read, expected[name], rtol=1e-4, atol=1e-4)


def test_student_made_of_weights_reproduces_features_and_weights(
    examples: list[TrainingExample],
) -> None:
    torch.manual_seed(0)
    trained = Student().train()
    trained(together(examples[:4])[0])
    weights = trained.eval().folded()
    copy = Student.of(weights).eval()
    crops, _ = together(examples[4:6])
    with torch.no_grad():
        found, expected = copy(crops), trained(crops)
    for name in LAYERS:
        torch.testing.assert_close(found[name], expected[name], rtol=1e-4, atol=1e-4)
    for name, tensor in copy.folded().items():
        torch.testing.assert_close(tensor, weights[name], rtol=1e-4, atol=1e-5)


def test_training_lowers_the_loss_and_writes_weights_with_a_log(
    photographs: list[Path], random_vgg19_file: Path, tmp_path: Path
) -> None:
    torch.set_num_threads(1)
    work, output = tmp_path / "work", tmp_path / "made.safetensors"
    counts = {"crops": 30, "steps": 25, "paintings": 1, "painting-crops": 20, "painting-steps": 25}
    flags = [word for name, count in counts.items() for word in (f"--{name}", str(count))]
    flags += ["--seed", "7"]  # with which the painting is small
    flags += ["--tested", "10", "--crop-px", "48", "--step", "0.008", "--painting-step", "0.004"]
    arguments = [str(photographs[0].parent), str(work), "--teacher", str(random_vgg19_file), *flags]
    assert train.main([*arguments, "-o", str(output)]) == 0
    weights = load_file(output)
    assert {name: tuple(tensor.shape) for name, tensor in weights.items()} == weight_shapes()
    log = json.loads(output.with_suffix(".json").read_text())
    assert set(log) == {"photographs", "left_on_photographs", "rounds", *OTHER_LOG_FIELDS}
    assert log["files"] == ["0.png", "1.png", "2.png"]
    (found,) = log["rounds"]
    assert found["left"].keys() == set(LAYERS)
    assert sum(found["left"].values()) < sum(found["left_before"].values())

    # A second run reuses all files, including the training state.
    again = tmp_path / "again.safetensors"
    paintings = (work / "paintings-1" / "0000.png").stat().st_mtime_ns
    assert train.main([*arguments, "-o", str(again)]) == 0
    assert (work / "paintings-1" / "0000.png").stat().st_mtime_ns == paintings
    for name, tensor in load_file(again).items():
        assert torch.equal(tensor, weights[name])


def test_interrupted_learning_resumes_to_the_same_weights(
    examples: list[TrainingExample], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def student() -> Student:
        torch.manual_seed(0)
        return Student()

    schedule = Schedule(steps=6, step=1e-3, mean_weight=1.0)
    whole, interrupted = student(), student()
    learn(whole, examples, schedule, tmp_path / "whole.state", Console())

    monkeypatch.setattr(learning, "KEPT_EVERY", 2)
    forward = Student.forward
    calls = 0

    def interrupt_at_sixth_call(self: Student, crops: torch.Tensor) -> dict[str, torch.Tensor]:
        nonlocal calls
        calls += 1
        if calls == 6:
            raise KeyboardInterrupt
        return forward(self, crops)

    monkeypatch.setattr(Student, "forward", interrupt_at_sixth_call)
    with pytest.raises(KeyboardInterrupt):
        learn(interrupted, examples, schedule, tmp_path / "broken.state", Console())
    monkeypatch.setattr(Student, "forward", forward)
    resumed = student()
    learn(resumed, examples, schedule, tmp_path / "broken.state", Console())
    for name, tensor in resumed.folded().items():
        assert torch.equal(tensor, whole.folded()[name])


@pytest.mark.parametrize("maxima", [False, True])
def test_deepened_weights_keep_the_first_layers_and_fit_the_others(
    photographs: list[Path],
    random_vgg19_file: Path,
    examples: list[TrainingExample],
    *,
    maxima: bool,
) -> None:
    torch.manual_seed(0)
    whole = Student().eval().folded()
    earlier = {name: one for name, one in whole.items() if name[4] in "123"}
    teacher = load_weights(random_vgg19_file)
    crops = list(make_crops(photographs, 12, 64, seed=1))
    made = deepened(earlier, teacher, crops, maxima=maxima)
    assert {name: tuple(tensor.shape) for name, tensor in made.items()} == weight_shapes()
    assert torch.equal(made["conv1.weight"], earlier["conv1.weight"])
    if not maxima:
        for name in ("conv2a", "conv2b", "conv3a", "conv3b"):
            wanted = earlier[f"{name}.weight"]
            assert (made[f"{name}.weight"] - wanted).norm() < 0.2 * wanted.norm()

    student = Student.of(made).eval()
    before = left(student, examples)
    fit_readings(student, examples)
    after = left(student, examples)
    for layer in ("form4_1", "form4_2", "form5_1"):
        assert before[layer] == pytest.approx(1.0)
        assert after[layer] < 0.7
    assert after["form1_2"] == before["form1_2"]


def test_held_first_convolution_is_not_trained(
    examples: list[TrainingExample], tmp_path: Path
) -> None:
    torch.manual_seed(0)
    student = Student().eval()
    before = student.folded()
    student.hold_first()
    learn(student, examples, Schedule(steps=2, step=1e-3), tmp_path / "kept.state", Console())
    after = student.folded()
    same = {name for name in after if torch.equal(after[name], before[name])}
    assert same == {"conv1.weight", "conv1.bias", "form1_2.weight", "form1_2.bias"}


def test_missing_weights_to_begin_from_are_refused(
    photographs: list[Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = [str(photographs[0].parent), str(tmp_path / "work")]
    with pytest.raises(SystemExit):
        train.main([*arguments, "--begin", str(tmp_path / "none.safetensors")])
    assert "none.safetensors is not there" in capsys.readouterr().err
