"""Matrix products by oneDNN, where they are faster."""

import pytest
import torch

from engine.painting import products
from engine.painting.products import is_quicker, is_right, onednn_linear

_TOLERANCE = 1e-6


@pytest.mark.skipif(not is_right(), reason="oneDNN is not used on this processor")
@pytest.mark.parametrize("size", [(33, 50, 40), (64, 64, 3000), (3000, 128, 128), (1, 32, 7)])
def test_onednn_products_are_right_in_any_memory_layout(size: tuple[int, int, int]) -> None:
    generator = torch.Generator().manual_seed(1)
    x = torch.randn(size[0], size[2], generator=generator)
    weight = torch.randn(size[1], size[2], generator=generator)
    bias = torch.randn(size[1], generator=generator)
    expected = x.double() @ weight.double().mT
    for strided in (x, x.mT.contiguous().mT):
        assert _relative_error(onednn_linear(strided, weight), expected) < _TOLERANCE
        added = onednn_linear(strided, weight.mT.contiguous().mT, bias)
        assert _relative_error(added, expected + bias) < _TOLERANCE


def test_onednn_is_used_only_for_wide_float32_products_on_a_cpu(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert is_quicker(64, torch.ones(2, 2)) is is_right()
    monkeypatch.setattr(products, "is_right", lambda: True)  # like on processors where it is used
    assert is_quicker(64, torch.ones(2, 2))
    assert not is_quicker(64, torch.ones(2, 2, requires_grad=True))
    assert not is_quicker(8, torch.ones(2, 2))
    assert not is_quicker(64, torch.ones(2, 2, dtype=torch.float64))
    assert not is_quicker(64, torch.ones(2, 2, dtype=torch.bfloat16))
    assert not is_quicker(64, torch.ones(2, 2, device="meta"))


def _relative_error(found: torch.Tensor, expected: torch.Tensor) -> float:
    return float((found.double() - expected).norm() / expected.norm())
