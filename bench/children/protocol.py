"""How a child hears its task, and answers."""

import json
import sys
from typing import Any

import torch


def receive() -> dict[str, Any]:
    """The task of this child; threads are set as it says."""
    task: dict[str, Any] = json.load(sys.stdin)
    torch.set_num_threads(task["threads"])
    return task


def answer(values: dict[str, Any]) -> None:
    """Give the result back."""
    print("\n" + json.dumps(values), flush=True)
