"""Paint with `neural-style` 0.5.7 (ProGamerGov/neural-style-pt), through its command line.

It wants a whole VGG-19 under Caffe's order of colours in a file named after it. The file made
here holds the same convolutions as the engine's; `-disable_check` lets the layers below be
absent, which its network, ended at the deepest layer named, does not contain.
"""

import contextlib
import importlib
import io
import re
import sys
import tempfile
from pathlib import Path

import torch

from bench.children.clock import Clock, answer, receive
from engine.networks.registry import NetworkSource


class _Watched(io.StringIO):
    """Notes the time when the program prints that an iteration has ended."""

    def __init__(self, clock: Clock) -> None:
        super().__init__()
        self._clock = clock

    def write(self, text: str) -> int:
        if found := re.match(r"Iteration (\d+) /", text):
            self._clock.mark(int(found[1]))
        return len(text)


def main() -> None:
    """Run its command with the task's arguments."""
    task = receive()
    clock = Clock()
    with tempfile.TemporaryDirectory() as folder:
        model = Path(folder) / "vgg19.pth"
        torch.save(caffe_weights(task["weights"]), model)
        sys.argv = [
            "neural-style",
            *("-content_image", task["content"], "-style_image", task["style"]),
            *("-image_size", str(task["size_px"]), "-num_iterations", str(task["iterations"])),
            *("-content_layers", task["content_layers"], "-style_layers", task["style_layers"]),
            *("-model_file", str(model), "-disable_check", "-gpu", "c", "-backend", "mkl"),
            *("-optimizer", task["optimizer"], "-learning_rate", str(task["learning_rate"])),
            *("-init", task["init"], "-seed", "0", "-print_iter", "1"),
            *("-save_iter", str(task.get("save_every", 0)), "-output_image", task["out"]),
        ]
        with contextlib.redirect_stdout(_Watched(clock)):
            importlib.import_module("neural_style.neural_style").main()
    answer(marks=clock.marks)


def caffe_weights(file: str | None) -> dict[str, torch.Tensor]:
    """The convolutions that the engine paints with; the first takes blue before red."""
    tensors = dict(NetworkSource(Path(file) if file else None).weights().tensors)
    tensors["features.0.weight"] = tensors["features.0.weight"].flip(1).contiguous()
    return tensors


if __name__ == "__main__":
    main()
