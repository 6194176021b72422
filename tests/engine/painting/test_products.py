"""Products of matrices by oneDNN, where these are quicker."""

import pytest
import torch

from engine.painting.products import is_quicker, is_right, multiplied

_RIGHT = 1e-6


@pytest.mark.skipif(not is_right(), reason="torch's own are used here")
@pytest.mark.parametrize("size", [(33, 50, 40), (64, 64, 3000), (3000, 128, 128), (1, 32, 7)])
def test_they_are_those_of_the_matrices_however_these_lie(size: tuple[int, int, int]) -> None:
    drawn = torch.Generator().manual_seed(1)
    rows = torch.randn(size[0], size[2], generator=drawn)
    others = torch.randn(size[1], size[2], generator=drawn)
    constant = torch.randn(size[1], generator=drawn)
    wanted = rows.double() @ others.double().mT
    for laid in (rows, rows.mT.contiguous().mT):
        assert _apart(multiplied(laid, others), wanted) < _RIGHT
        added = multiplied(laid, others.mT.contiguous().mT, constant)
        assert _apart(added, wanted + constant) < _RIGHT


def test_only_wide_ones_in_float32_on_a_processor_are_left_to_it() -> None:
    assert not is_quicker(8, torch.ones(2, 2))
    assert not is_quicker(64, torch.ones(2, 2, dtype=torch.float64))
    assert not is_quicker(64, torch.ones(2, 2, dtype=torch.bfloat16))
    assert not is_quicker(64, torch.ones(2, 2, device="meta"))


def _apart(found: torch.Tensor, wanted: torch.Tensor) -> float:
    return float((found.double() - wanted).norm() / wanted.norm())
