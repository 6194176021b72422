"""How a child receives its task and answers."""

import json
import sys
from typing import Any

import torch


def receive() -> dict[str, Any]:
    """Receive this child's task, and set its number of threads."""
    task: dict[str, Any] = json.load(sys.stdin)
    torch.set_num_threads(task["threads"])
    return task


def answer(values: dict[str, Any]) -> None:
    """Send the result."""
    print("\n" + json.dumps(values), flush=True)
