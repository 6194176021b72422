#!/bin/sh
# torch 2.15.0 on a CPU: `grid_sample` of float16 and bf16 counts the places in a picture in 16 bits, too. From 182 x 182
# pixels on (32,768 in a plane) it takes pixels from elsewhere, half of them at 256 x 256: from another channel, from the
# picture before in the batch, or, of a single picture, from other memory, NaN among it. Its gradient goes there as
# well. In channels_last all channels count: 33 of 32 x 32 are too many. All modes and paddings do it, and so do
# torchvision's `rotate`, `affine` and `perspective` of such pictures.
# Expected: the picture of float32, rounded; the grid's own numbers are coarse in 16 bits, which shifts a pixel by a
# fraction of one. What helps: float32 around it, as under autocast.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --no-compile --disable-pip-version-check torch==2.15.0 numpy==2.4.6
said=$("$folder/venv/bin/python" - <<'PYTHON'
import torch
import torch.nn.functional as F

torch.set_num_threads(1)
LAYOUTS = {"NCHW": torch.contiguous_format, "channels_last": torch.channels_last}
for channels, side, layout in (
    (1, 181, "NCHW"),
    (1, 182, "NCHW"),
    (1, 256, "NCHW"),
    (3, 256, "NCHW"),
    (3, 256, "channels_last"),
    (32, 32, "channels_last"),
    (33, 32, "channels_last"),
):
    shape = (3, channels, side, side)
    pictures = torch.arange(1.0, 4.0).view(3, 1, 1, 1).expand(shape)  # one is all 1, one all 2, one all 3
    where = F.affine_grid(torch.eye(2, 3).expand(3, 2, 3), shape, align_corners=False)  # where each pixel is
    where[0] = -0.9  # what strays from the first one would leave the batch
    told = []
    for kind in (torch.float32, torch.float16, torch.bfloat16):
        given = pictures.to(kind).contiguous(memory_format=LAYOUTS[layout]).requires_grad_()
        made = F.grid_sample(given, where.to(kind), padding_mode="border", align_corners=False)
        foreign = ((made[2] - 3).abs() > 0.1).float().mean().item()
        (gradient,) = torch.autograd.grad(made[2].float().sum(), given)
        strayed = gradient[:2].count_nonzero().item() > 0
        told.append(f"{str(kind)[6:]} {foreign:.1%}{' and gradient' if strayed else ''}")
    print(f"{channels} x {side} x {side}, {layout}, from another picture:", ", ".join(told))
PYTHON
)
seen="1 x 181 x 181, NCHW, from another picture: float32 0.0%, float16 0.0%, bfloat16 0.0%
1 x 182 x 182, NCHW, from another picture: float32 0.0%, float16 1.1% and gradient, bfloat16 1.1% and gradient
1 x 256 x 256, NCHW, from another picture: float32 0.0%, float16 50.0% and gradient, bfloat16 50.0% and gradient
3 x 256 x 256, NCHW, from another picture: float32 0.0%, float16 16.7% and gradient, bfloat16 16.7% and gradient
3 x 256 x 256, channels_last, from another picture: float32 0.0%, float16 50.0% and gradient, bfloat16 50.0% and gradient
32 x 32 x 32, channels_last, from another picture: float32 0.0%, float16 0.0%, bfloat16 0.0%
33 x 32 x 32, channels_last, from another picture: float32 0.0%, float16 3.0%, bfloat16 3.0%"
echo "$said"
[ "$said" = "$seen" ] || { echo "this has changed" >&2; exit 1; }
