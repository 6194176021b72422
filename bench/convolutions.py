"""Winograd and direct convolutions, forward and backward: `python -m bench.convolutions`.

Set ONEDNN_MAX_CPU_ISA=AVX2 and ATEN_CPU_CAPABILITY=avx2 to measure without AVX-512.
"""

import argparse
import time
from collections.abc import Callable, Sequence

import torch
from torch import Tensor
from torch.nn import functional

from bench.report import table
from engine.networks import winograd
from engine.networks.winograd import Kernel

SHAPES = (
    (64, 64, 384, 512),
    (64, 128, 192, 256),
    (128, 128, 192, 256),
    (256, 256, 96, 128),
    (512, 512, 48, 64),
    (512, 512, 24, 32),
    (48, 64, 192, 256),
    (96, 128, 96, 128),
)
"""Input and output channels, rows and columns, as in VGG-19 and lite at 512 × 384."""
_TRIES = 5


def seconds(work: Callable[[], Tensor]) -> float:
    """Minimum processor time of several runs, after a warm-up."""
    work()
    found = []
    for _ in range(_TRIES):
        begun = time.process_time()
        work()
        found.append(time.process_time() - begun)
    return min(found)


def beside_direct(inputs: int, outputs: int, height: int, width: int) -> tuple[str, ...]:
    """Forward milliseconds of both, their ratio, and the backward ratio."""
    kernel = Kernel(torch.randn(outputs, inputs, 3, 3), torch.zeros(outputs))
    ratios, times = [], []
    for one in (kernel, kernel.transposed):
        x = torch.randn(1, one.weight.shape[1], height, width)
        laid, weight = (
            tensor.contiguous(memory_format=torch.channels_last) for tensor in (x, one.weight)
        )

        def direct(laid: Tensor = laid, weight: Tensor = weight, one: Kernel = one) -> Tensor:
            return functional.conv2d(laid, weight, one.bias, padding=1)

        def by_winograd(x: Tensor = x, one: Kernel = one) -> Tensor:
            return one(x)

        times += [seconds(direct), seconds(by_winograd)]
        ratios.append(times[-1] / times[-2])
    shape = f"{inputs} to {outputs}, {width} × {height}"
    return shape, f"{times[0] * 1e3:.1f}", f"{times[1] * 1e3:.1f}", *(f"{r:.2f}" for r in ratios)


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure and print the table."""
    parser = argparse.ArgumentParser(prog="python -m bench.convolutions", description=__doc__)
    parser.add_argument("--threads", type=int, default=1)
    torch.set_num_threads(parser.parse_args(arguments).threads)
    if not winograd.is_right():
        raise SystemExit("This torch has no NNPACK for this processor.")
    rows = [beside_direct(*shape) for shape in SHAPES]
    print(f"torch {torch.__version__}, {torch.backends.cpu.get_cpu_capability()}\n")
    print(table(("", "direct, ms", "Winograd, ms", "ratio", "ratio, way back"), rows))


if __name__ == "__main__":
    main()
