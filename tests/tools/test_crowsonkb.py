"""The comparison with crowsonkb's program: matrix roots, network and blind sheets."""

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from PIL import Image, ImageDraw

from engine.networks.encoder import features_of
from engine.networks.vgg19 import CONVOLUTIONS, Vgg19
from tests.kit.thin_vgg19 import thin_weights
from tools.crowsonkb.__main__ import main
from tools.crowsonkb.blind import ChoicesError, order, sheet, unblinded
from tools.crowsonkb.compare import STYLES, Place, as_markdown, compare, seconds_of
from tools.crowsonkb.program import Program, ProgramError, torchvision_layers
from tools.crowsonkb.roots import root
from tools.evaluation.likeness import MEASURES

OURS = [Place(0.1, 0.5), Place(0.2, 0.3), Place(0.3, 0.2)]


@pytest.mark.parametrize(
    ("theirs", "style", "structure", "is_better"),
    [
        (Place(0.15, 0.45), 0.40, 0.125, True),
        (Place(0.15, 0.35), 0.40, 0.175, False),
        (Place(0.25, 0.25), 0.25, 0.25, False),
    ],
)
def test_comparison_interpolates_between_our_strengths(
    theirs: Place, style: float, structure: float, is_better: bool
) -> None:
    found = compare(OURS, theirs)
    assert found.style_at_its_structure == pytest.approx(style)
    assert found.structure_at_its_style == pytest.approx(structure)
    assert (found.nearer, found.keeps_more, found.beyond) == (is_better, is_better, False)


def test_comparison_beyond_our_strengths_extrapolates_and_is_marked() -> None:
    found = compare(OURS, Place(0.05, 0.9))
    assert found.beyond
    assert found.style_at_its_structure == pytest.approx(0.6)
    text = as_markdown({"gate": dict.fromkeys(STYLES, found)}, {"gate": "90 / 10"})
    assert "| gate* | 0.050 | 0.900 / **0.600** |" in text
    assert "nearer to the painting in 1 of 1" in text


def test_root_by_eigenvalues_matches_newton_schulz_iterations() -> None:
    generator = torch.Generator().manual_seed(0)
    half = torch.randn(24, 30, generator=generator)
    matrix = (half @ half.T / 30).requires_grad_()
    found = root(matrix, 12)
    torch.testing.assert_close(found @ found, matrix, rtol=1e-3, atol=1e-4)
    few, plain = root(matrix, 3), newton_schulz(matrix.detach(), 3)
    torch.testing.assert_close(few, plain, rtol=1e-3, atol=1e-4)


def test_root_gradient_is_right_for_the_trace_and_any_weighted_sum() -> None:
    generator = torch.Generator().manual_seed(1)
    half = torch.randn(8, 40, generator=generator, dtype=torch.float64)
    matrix = half @ half.T / 40
    weights = torch.randn(8, 8, generator=generator, dtype=torch.float64)
    weights = weights + weights.T
    for weighting in (torch.eye(8, dtype=torch.float64), weights):
        leaf = matrix.clone().requires_grad_()
        (grad,) = torch.autograd.grad((root(leaf, 25) * weighting).sum(), leaf)
        values, vectors = torch.linalg.eigh(matrix)
        roots = values.sqrt()
        inner = vectors.T @ weighting @ vectors / (roots[:, None] + roots[None])
        torch.testing.assert_close(grad, vectors @ inner @ vectors.T, rtol=1e-4, atol=1e-6)


def newton_schulz(matrix: torch.Tensor, count: int) -> torch.Tensor:
    """The iteration of Newton and Schulz."""
    size = matrix.square().sum().sqrt()
    eye = torch.eye(len(matrix))
    found, other = matrix / size, eye
    for _ in range(count):
        turn = (3 * eye - other @ found) / 2
        found, other = found @ turn, turn @ other
    return found * size.sqrt()


def test_torchvision_layers_give_our_networks_features() -> None:
    weights = thin_weights()
    ours = Vgg19(weights, dtype=torch.float32)
    layers = torchvision_layers(weights)
    vars(layers[0])["padding_mode"] = "replicate"  # like our network
    picture = torch.rand(1, 3, 48, 64)
    mean, std = (
        torch.tensor(one).view(1, 3, 1, 1)
        for one in (weights.normalization.mean, weights.normalization.std)
    )
    deepest = layers[:30]
    found = deepest((picture - mean) / std)
    wanted = features_of(ours, picture, ["relu5_1"])["relu5_1"]
    torch.testing.assert_close(found, wanted, rtol=1e-4, atol=1e-5)
    assert sum(isinstance(one, torch.nn.Conv2d) for one in layers) == len(CONVOLUTIONS)


def test_missing_program_or_unknown_pair_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(ProgramError, match="There is no style_transfer in"):
        Program(tmp_path, thin_weights())
    arguments = ["paint", str(tmp_path / "out"), "--program", str(tmp_path), "--strengths", "0"]
    assert main([*arguments, "--size", "64", "--pairs", "nobody"]) == 2
    assert "nobody" in capsys.readouterr().err


def test_blind_order_is_balanced_and_fixed_by_the_seed() -> None:
    names = ("atelier", "crowsonkb")
    orders = [order(f"pair {number}", 7, names) for number in range(40)]
    assert orders == [order(f"pair {number}", 7, names) for number in range(40)]
    assert 10 < sum(one[0] == "atelier" for one in orders) < 30
    assert all(set(one) == set(names) for one in orders)


def test_choices_are_unblinded_with_their_reasons(tmp_path: Path) -> None:
    names = ("atelier", "crowsonkb")
    file = tmp_path / "choices.txt"
    letter = "AB"[order("gate", 7, names).index("atelier")]
    file.write_text(f"gate {letter} the towers stand\n", encoding="utf-8")
    table, counts = unblinded(file, 7, names, ["gate", "man"])
    assert "| gate | atelier | the towers stand |" in table
    assert counts == {"atelier": 1, "crowsonkb": 0}
    for line, message in (
        ("gate C", "neither A nor B"),
        ("gate: A", "no pair gate:; there are gate"),
    ):
        file.write_text(f"{line}\n", encoding="utf-8")
        with pytest.raises(ChoicesError, match=message):
            unblinded(file, 7, names, ["gate", "man"])


def test_blind_sheet_has_the_originals_on_top_and_no_program_names(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    captions: list[str] = []
    write = ImageDraw.ImageDraw.text

    def record_caption(draw: Any, place: Any, text: str, **kwargs: Any) -> None:
        captions.append(text)
        write(draw, place, text, **kwargs)

    monkeypatch.setattr(ImageDraw.ImageDraw, "text", record_caption)
    photograph, painting, first, second = (
        Image.new("RGB", (40, 30), color) for color in ("red", "lime", "blue", "black")
    )
    image = sheet(photograph, painting, {"A": first, "B": second}, 60)
    assert image.size == (2 * (80 + 4), 2 * (60 + 18))
    colors = [
        image.getpixel((left, top)) for top in (14 + 30, 78 + 14 + 30) for left in (40, 84 + 40)
    ]
    assert colors == [(255, 0, 0), (0, 255, 0), (0, 0, 255), (0, 0, 0)]
    assert captions == ["photograph", "painting", "A", "B"]


def test_last_written_seconds_count(tmp_path: Path) -> None:
    log = tmp_path / "seconds.jsonl"
    rows = [{"pair": "gate", "picture": "crowsonkb", "seconds": one} for one in (5.0, 6.0)]
    log.write_text("\n".join(map(json.dumps, rows)) + "\n", encoding="utf-8")
    assert seconds_of(log) == {("gate", "crowsonkb"): 6.0}


def test_table_reuses_earlier_measures(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    places = {"atelier-0.3": (0.1, 0.5), "atelier-0.5": (0.3, 0.3), "crowsonkb": (0.2, 0.45)}
    known, rows = {}, []
    for name, (structure, style) in places.items():
        file = tmp_path / f"man-{name}.png"
        Image.new("RGB", (4, 4)).save(file)
        none = dict.fromkeys(MEASURES, 0.0)
        known[file.name] = [none | {"structure": structure} | dict.fromkeys(STYLES, style)]
        rows.append(json.dumps({"pair": "man", "picture": name, "seconds": 9.0}))
    (tmp_path / "measures.json").write_text(json.dumps(known), encoding="utf-8")
    (tmp_path / "seconds.jsonl").write_text("\n".join(rows) + "\n", encoding="utf-8")
    arguments = ["table", str(tmp_path), "--strengths", "0.3", "0.5", "--pairs", "man,clock"]
    assert main(arguments) == 0
    output = capsys.readouterr().out
    assert "| man | 0.200 | 0.450 / **0.400** |" in output
    assert "clock" not in output
    assert "it keeps more structure in 1" in output
