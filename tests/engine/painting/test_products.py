"""Products of matrices by oneDNN, where these are quicker."""

import pytest
import torch

from engine.painting import products
from engine.painting.products import is_quicker, is_right, onednn_linear

_RIGHT = 1e-6


@pytest.mark.skipif(not is_right(), reason="torch's own are used here")
@pytest.mark.parametrize("size", [(33, 50, 40), (64, 64, 3000), (3000, 128, 128), (1, 32, 7)])
def test_onednn_products_are_right_in_any_memory_layout(size: tuple[int, int, int]) -> None:
    drawn = torch.Generator().manual_seed(1)
    x = torch.randn(size[0], size[2], generator=drawn)
    weight = torch.randn(size[1], size[2], generator=drawn)
    bias = torch.randn(size[1], generator=drawn)
    wanted = x.double() @ weight.double().mT
    for laid in (x, x.mT.contiguous().mT):
        assert _apart(onednn_linear(laid, weight), wanted) < _RIGHT
        added = onednn_linear(laid, weight.mT.contiguous().mT, bias)
        assert _apart(added, wanted + bias) < _RIGHT


def test_onednn_is_used_only_for_wide_float32_products_on_a_cpu(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert is_quicker(64, torch.ones(2, 2)) is is_right()
    monkeypatch.setattr(products, "is_right", lambda: True)  # as on the processors it is right on
    assert is_quicker(64, torch.ones(2, 2))
    assert not is_quicker(64, torch.ones(2, 2, requires_grad=True))
    assert not is_quicker(8, torch.ones(2, 2))
    assert not is_quicker(64, torch.ones(2, 2, dtype=torch.float64))
    assert not is_quicker(64, torch.ones(2, 2, dtype=torch.bfloat16))
    assert not is_quicker(64, torch.ones(2, 2, device="meta"))


def _apart(found: torch.Tensor, wanted: torch.Tensor) -> float:
    return float((found.double() - wanted).norm() / wanted.norm())
