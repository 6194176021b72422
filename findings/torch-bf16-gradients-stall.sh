#!/bin/sh
# torch 2.15.0 on a CPU: where many pixels of bf16 come from one, some gradients are added up in bf16, in which
# 256 + 1 is 256, so that they stop there, and those of float16 at 2048. `grid_sample`, which warps, gives each
# pixel of a picture that is enlarged 64 times a gradient of 256; `interpolate`, which makes the same picture, gives
# 4096, its sum. Padding with the border's pixels and indexing stop, too; a convolution and `expand` do not.
# Expected: the sum, rounded once, from all of them. What helps: float32 around these, as under autocast.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check torch==2.15.0 numpy==2.4.6
said=$("$folder/venv/bin/python" - <<'PYTHON'
import torch
import torch.nn.functional as F

TIMES = 64


def warped(picture):
    size = (1, 1, *(TIMES * side for side in picture.shape[2:]))
    grid = F.affine_grid(torch.eye(2, 3)[None], size, align_corners=False).to(picture.dtype)
    return F.grid_sample(picture, grid, padding_mode="border", align_corners=False)


ways = {
    "interpolate": lambda picture: F.interpolate(picture, scale_factor=TIMES, mode="bilinear"),
    "grid_sample": warped,
    "expand": lambda picture: picture[None].expand(4096, 1, 1, 4, 4),
    "index": lambda picture: picture[torch.zeros(4096, dtype=torch.long)],
    "conv2d": lambda picture: F.conv2d(picture, torch.ones(4096, 1, 1, 1, dtype=picture.dtype)),
    "pad": lambda picture: F.pad(picture, (63, 0, 63, 0), mode="replicate"),
}
for name, way in ways.items():
    found = []
    for kind in (torch.float32, torch.bfloat16, torch.float16):
        picture = torch.zeros(1, 1, 4, 4, dtype=kind, requires_grad=True)
        way(picture).sum(dtype=torch.float32).backward()
        found.append(f"{picture.grad[0, 0, 0, 0].item():.0f}")
    print(f"{name}: float32 {found[0]}, bfloat16 {found[1]}, float16 {found[2]}")
PYTHON
)
seen="interpolate: float32 4096, bfloat16 4096, float16 4096
grid_sample: float32 4096, bfloat16 256, float16 2048
expand: float32 4096, bfloat16 4096, float16 4096
index: float32 4096, bfloat16 256, float16 2048
conv2d: float32 4096, bfloat16 4096, float16 4096
pad: float32 4096, bfloat16 256, float16 2048"
echo "$said"
[ "$said" = "$seen" ] || { echo "this has changed" >&2; exit 1; }
