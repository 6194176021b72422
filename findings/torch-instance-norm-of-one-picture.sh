#!/bin/sh
# torch 2.15.0 on a CPU: a network in channels_last with `InstanceNorm2d`, as for style transfer, that learns from one
# picture at a time gets gradients for all layers before it that have next to nothing in common with the right ones, in
# float32, too. Results and losses are right, so that it just seems to learn badly; from two pictures on all is right.
# `instance_norm` is a `batch_norm` of a view. The backward of a view gives a gradient of one picture a step between
# pictures of 3 (the channels) in place of 3 x 64 x 64, and the backward of `batch_norm` reads it in a wrong order then.
# ReLU and padding behind it hide this, as they put the gradient in another order.
# Expected: the layout changes the speed alone. What helps: NCHW, or `GroupNorm` with a group for each channel.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --no-compile --disable-pip-version-check torch==2.15.0 numpy==2.4.6
said=$("$folder/venv/bin/python" - <<'PYTHON'
import torch
from torch import nn
from torch.nn import functional as F

torch.set_num_threads(1)
LAYOUTS = {"NCHW": torch.contiguous_format, "channels_last": torch.channels_last}
NORMS = {"InstanceNorm2d": lambda: nn.InstanceNorm2d(8), "GroupNorm": lambda: nn.GroupNorm(8, 8)}
AFTER = {
    "nothing": nn.Identity,
    "GELU": nn.GELU,
    "Sigmoid": nn.Sigmoid,
    "Upsample": lambda: nn.Upsample(scale_factor=2),
    "ReLU": nn.ReLU,
    "ReflectionPad2d": lambda: nn.ReflectionPad2d(1),
}


def network(norm, after, layout):
    torch.manual_seed(0)
    layers = nn.Conv2d(3, 8, 3, padding=1), norm(), after(), nn.Conv2d(8, 3, 3, padding=1)
    return nn.Sequential(*layers).to(memory_format=layout)


def gradient(norm, after, layout, pictures):
    made = network(norm, after, layout)
    result = made(torch.linspace(-1, 1, pictures * 12288).sin().view(-1, 3, 64, 64).contiguous(memory_format=layout))
    wanted = torch.linspace(0, 9, result.numel()).cos().view(result.shape).contiguous(memory_format=layout)
    loss = F.mse_loss(result, wanted)
    return loss.item(), torch.autograd.grad(loss, made[0].weight)[0]


for name, norm in NORMS.items():
    for which, after in AFTER.items():
        told = []
        for pictures in (1, 2):
            one, other = (gradient(norm, after, layout, pictures) for layout in LAYOUTS.values())
            same = "the same loss" if abs(one[0] - other[0]) < 1e-5 * one[0] else "another loss"
            off = ((one[1] - other[1]).norm() / one[1].norm()).item()
            told.append(f"{pictures}: {same}, gradient {'right' if off < 0.01 else 'wrong' if off > 0.5 else off}")
        print(f"{name}, {which}, pictures", "; ".join(told))


def learned(layout, pictures):
    """The loss of a network that has learned to swap red and blue."""
    made = network(lambda: nn.InstanceNorm2d(8), nn.GELU, layout)
    given = torch.rand(pictures, 3, 32, 32).contiguous(memory_format=layout)
    adam = torch.optim.Adam(made.parameters(), 0.01)
    for _ in range(300):
        adam.zero_grad()
        loss = F.mse_loss(made(given), given.flip(1))
        loss.backward()
        adam.step()
    return loss.item()


for pictures in (1, 2):
    one, other = (learned(layout, pictures) for layout in LAYOUTS.values())
    print(f"learned from {pictures}:", "the same" if other < 1.2 * one else "over twice the loss" if other > 2 * one else other / one)
PYTHON
)
seen="InstanceNorm2d, nothing, pictures 1: the same loss, gradient wrong; 2: the same loss, gradient right
InstanceNorm2d, GELU, pictures 1: the same loss, gradient wrong; 2: the same loss, gradient right
InstanceNorm2d, Sigmoid, pictures 1: the same loss, gradient wrong; 2: the same loss, gradient right
InstanceNorm2d, Upsample, pictures 1: the same loss, gradient wrong; 2: the same loss, gradient right
InstanceNorm2d, ReLU, pictures 1: the same loss, gradient right; 2: the same loss, gradient right
InstanceNorm2d, ReflectionPad2d, pictures 1: the same loss, gradient right; 2: the same loss, gradient right
GroupNorm, nothing, pictures 1: the same loss, gradient right; 2: the same loss, gradient right
GroupNorm, GELU, pictures 1: the same loss, gradient right; 2: the same loss, gradient right
GroupNorm, Sigmoid, pictures 1: the same loss, gradient right; 2: the same loss, gradient right
GroupNorm, Upsample, pictures 1: the same loss, gradient right; 2: the same loss, gradient right
GroupNorm, ReLU, pictures 1: the same loss, gradient right; 2: the same loss, gradient right
GroupNorm, ReflectionPad2d, pictures 1: the same loss, gradient right; 2: the same loss, gradient right
learned from 1: over twice the loss
learned from 2: the same"
echo "$said"
[ "$said" = "$seen" ] || { echo "this has changed" >&2; exit 1; }
