#!/bin/sh
# piq 0.8.0: `srsim` gives a picture another score in a batch than alone, up to 0.19 of 1, which can turn an order
# round: a color wheel with noise is judged worse than a moon with the same noise, and better where both are in one
# batch. The saliency of all pictures is scaled by the smallest and the largest value of the whole batch, where SR-SIM
# scales each picture's own; so the means of a data set depend on how it is divided and shuffled, and so does what
# `SRSIMLoss` trains. The other ten judges below give the same in both ways.
# Expected: with reduction "none", each picture's own score. What helps: one pair at a time.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --no-compile --disable-pip-version-check piq==0.8.0 torch==2.15.0 \
    torchvision==0.29.2 scikit-image==0.26.0 numpy==2.4.6
said=$("$folder/venv/bin/python" - <<'PYTHON'
import piq
import torch
from skimage import data
from skimage.transform import resize

torch.set_num_threads(1)
torch.manual_seed(0)
NAMES = ("colorwheel", "moon", "rocket", "astronaut")


def picture(name):
    pixels = torch.from_numpy(resize(getattr(data, name)(), (256, 256), anti_aliasing=True)).float()
    return pixels.permute(2, 0, 1) if pixels.ndim == 3 else pixels.expand(3, -1, -1)


clean = torch.stack([picture(name) for name in NAMES])
noisy = (clean + 0.1 * torch.randn(clean.shape)).clamp(0, 1)
for name in ("srsim", "vsi", "fsim", "gmsd", "haarpsi", "mdsi", "dss", "vif_p", "ssim", "multi_scale_ssim", "psnr"):
    judge = getattr(piq, name)
    alone = [judge(noisy[i : i + 1], clean[i : i + 1], reduction="none").item() for i in range(len(NAMES))]
    told = []
    for size in (2, 4):
        batch = judge(noisy[:size], clean[:size], reduction="none").tolist()
        off = max(abs(one - other) for one, other in zip(alone, batch))
        told.append(f"{size} in a batch the same" if off < 0.001 * max(alone) else f"{size} in a batch not")
        if name == "srsim":
            told[-1] = f"{size} in a batch " + " ".join(f"{score:.2f}" for score in batch)
    if name == "srsim":
        told.insert(0, "alone " + " ".join(f"{score:.2f}" for score in alone))
    print(f"{name}:", ", ".join(told))
PYTHON
)
seen="srsim: alone 0.60 0.79 0.82 0.90, 2 in a batch 0.79 0.78, 4 in a batch 0.79 0.78 0.82 0.89
vsi: 2 in a batch the same, 4 in a batch the same
fsim: 2 in a batch the same, 4 in a batch the same
gmsd: 2 in a batch the same, 4 in a batch the same
haarpsi: 2 in a batch the same, 4 in a batch the same
mdsi: 2 in a batch the same, 4 in a batch the same
dss: 2 in a batch the same, 4 in a batch the same
vif_p: 2 in a batch the same, 4 in a batch the same
ssim: 2 in a batch the same, 4 in a batch the same
multi_scale_ssim: 2 in a batch the same, 4 in a batch the same
psnr: 2 in a batch the same, 4 in a batch the same"
echo "$said"
[ "$said" = "$seen" ] || { echo "this has changed" >&2; exit 1; }
