"""Replication padding with a deterministic backward pass."""

import torch
from torch import Tensor


def repeat_border(
    x: Tensor, *, left: int = 0, right: int = 0, top: int = 0, bottom: int = 0
) -> Tensor:
    """Pad [..., H, W] by repeating its border rows and columns.

    The same as torch's `pad(mode="replicate")`. The backward pass of that one adds in no fixed
    order on CUDA, so the same run would not always end with the same picture.
    """
    rows = [x[..., :1, :]] * top + [x] + [x[..., -1:, :]] * bottom
    x = torch.cat(rows, -2) if len(rows) > 1 else x
    columns = [x[..., :1]] * left + [x] + [x[..., -1:]] * right
    return torch.cat(columns, -1) if len(columns) > 1 else x
