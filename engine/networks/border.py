"""Repeating a picture's border outwards."""

import torch
from torch import Tensor


def repeat_border(
    x: Tensor, *, left: int = 0, right: int = 0, top: int = 0, bottom: int = 0
) -> Tensor:
    """[..., H, W] continued by its border rows and columns.

    The same as torch's `pad(mode="replicate")`, whose way back adds in any order on CUDA, so that
    the same run would not always end with the same picture.
    """
    rows = [x[..., :1, :]] * top + [x] + [x[..., -1:, :]] * bottom
    x = torch.cat(rows, -2) if len(rows) > 1 else x
    columns = [x[..., :1]] * left + [x] + [x[..., -1:]] * right
    return torch.cat(columns, -1) if len(columns) > 1 else x
