"""Paint with crowsonkb/style-transfer-pytorch, from a folder, in float32 by its own code."""

from pathlib import Path

from PIL import Image

from bench.children.protocol import answer, receive
from engine.networks.registry import NetworkSource
from tools.crowsonkb.program import Program


def main() -> None:
    """The marks of a few iterations at the task's size."""
    task = receive()
    weights = NetworkSource(Path(task["weights"]) if task["weights"] else None).weights()
    program = Program(Path(task["program"]), weights, precision="fp32", own_roots=True)
    content, style = (Image.open(task[name]).convert("RGB") for name in ("content", "style"))
    answer({"marks": program.marks(content, style, task["size_px"], task["iterations"])})


if __name__ == "__main__":
    main()
