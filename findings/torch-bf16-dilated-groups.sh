#!/bin/sh
# torch 2.15.0 on a CPU with AVX-512: the weights of a convolution that is grouped (depthwise, too), dilated and padded
# "same" get a gradient of whatever was in memory, NaN among it, where pictures of 30 pixels and more lie as
# channels_last in bf16, as under autocast. The gradient of the pictures is right, and so is everything in float32, in
# float16, in NCHW, without groups or without dilation; training goes on with it and says nothing.
# Expected: the gradient of float32, rounded. What helps: pictures in NCHW for these layers, or autocast off.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --no-compile --disable-pip-version-check torch==2.15.0 numpy==2.4.6
said=$("$folder/venv/bin/python" - <<'PYTHON'
import sys

import torch
import torch.nn.functional as F

if not torch.backends.cpu.get_cpu_capability().startswith("AVX512"):
    sys.exit("this needs a processor with AVX-512")
torch.set_num_threads(1)
torch.manual_seed(0)
CHANNELS, SIDE = 16, 32
LAYOUTS = {"NCHW": torch.contiguous_format, "channels_last": torch.channels_last}
picture = torch.randn(2, CHANNELS, SIDE, SIDE).bfloat16().float()
pull = torch.randn(2, CHANNELS, SIDE, SIDE)


def gradients(kind, layout, groups, dilation):
    weights = torch.linspace(-1, 1, CHANNELS * CHANNELS // groups * 9).reshape(CHANNELS, -1, 3, 3).requires_grad_()
    given = picture.to(memory_format=LAYOUTS[layout]).requires_grad_()
    with torch.autocast("cpu", dtype=kind, enabled=kind != torch.float32):
        made = F.conv2d(given, weights, padding=dilation, dilation=dilation, groups=groups)
    return torch.autograd.grad(made.float(), (given, weights), pull)


def is_wrong(found, wanted):
    return not (found - wanted).abs().max() < 0.02 * wanted.abs().max()  # NaN is wrong


for groups in (1, 4, CHANNELS):
    for dilation in (1, 2, 3):
        wanted = gradients(torch.float32, "NCHW", groups, dilation)
        told = []
        for kind in (torch.float32, torch.float16, torch.bfloat16):
            for layout in LAYOUTS:
                # What is in memory may happen to be close.
                tries = [gradients(kind, layout, groups, dilation) for _ in range(3)]
                for place, name in enumerate(("picture", "weights")):
                    if any(is_wrong(one[place], wanted[place]) for one in tries):
                        told.append(f"{kind} {layout} {name}".replace("torch.", ""))
        print(f"groups {groups}, dilation {dilation}: wrong:", ", ".join(told) or "none")
PYTHON
)
seen="groups 1, dilation 1: wrong: none
groups 1, dilation 2: wrong: none
groups 1, dilation 3: wrong: none
groups 4, dilation 1: wrong: none
groups 4, dilation 2: wrong: bfloat16 channels_last weights
groups 4, dilation 3: wrong: bfloat16 channels_last weights
groups 16, dilation 1: wrong: none
groups 16, dilation 2: wrong: bfloat16 channels_last weights
groups 16, dilation 3: wrong: bfloat16 channels_last weights"
echo "$said"
[ "$said" = "$seen" ] || { echo "this has changed" >&2; exit 1; }
