"""Trying pieces of work for which the device may have no memory."""

from collections.abc import Callable
from typing import TypeVar

import torch

from engine.painting import devices

_T = TypeVar("_T")


def attempt(piece: Callable[[], _T], device: torch.device) -> _T | None:
    """What a piece of work gives, or None if memory ran out.

    What a failed try held is free again afterwards, so that less can be tried.
    """
    try:
        return piece()
    except (RuntimeError, MemoryError) as error:
        if not devices.is_out_of_memory(error):
            raise
        error.__traceback__ = None  # It holds the tensors of the failed try.
    devices.release_memory(device)
    return None
