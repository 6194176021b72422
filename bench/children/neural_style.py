"""Paint with `neural-style` 0.5.7 (ProGamerGov/neural-style-pt), through its command line.

It requires VGG-19 in a file of its own, with Caffe's channel order. The file made here has the
engine's convolutions. `-disable_check` allows layers to be missing that its network, which ends at
the deepest layer named, does not contain.
"""

import contextlib
import importlib
import io
import re
import sys
import tempfile
import time
from pathlib import Path

import torch

from bench.children.protocol import answer, receive
from engine.networks.registry import NetworkSource


class _Watched(io.StringIO):
    """Records the time when the program prints the end of an iteration."""

    def __init__(self) -> None:
        super().__init__()
        self.marks: list[tuple[int, float, float]] = []

    def write(self, text: str) -> int:
        if found := re.match(r"Iteration (\d+) /", text):
            self.marks.append((int(found[1]), time.perf_counter(), time.process_time()))
        return len(text)


def main() -> None:
    """Run its command with the task's arguments."""
    task = receive()
    watched = _Watched()
    with tempfile.TemporaryDirectory() as folder:
        model = Path(folder) / "vgg19.pth"
        torch.save(_caffe_weights(task["weights"]), model)
        sys.argv = [
            "neural-style",
            *("-content_image", task["content"], "-style_image", task["style"]),
            *("-image_size", str(task["size_px"]), "-num_iterations", str(task["iterations"])),
            *("-content_layers", task["content_layers"], "-style_layers", task["style_layers"]),
            *("-model_file", str(model), "-disable_check", "-gpu", "c", "-backend", "mkl"),
            *("-optimizer", "lbfgs", "-learning_rate", "1", "-init", "image", "-seed", "0"),
            *("-print_iter", "1", "-save_iter", "0"),
            *("-output_image", str(Path(folder) / "painted.png")),
        ]
        with contextlib.redirect_stdout(watched):
            importlib.import_module("neural_style.neural_style").main()
    answer({"marks": watched.marks})


def _caffe_weights(file: str | None) -> dict[str, torch.Tensor]:
    """The engine's convolutions; the first with its input channels in the order BGR."""
    tensors = dict(NetworkSource(Path(file) if file else None).weights().tensors)
    tensors["features.0.weight"] = tensors["features.0.weight"].flip(1).contiguous()
    return tensors


if __name__ == "__main__":
    main()
