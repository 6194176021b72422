"""What a clip takes of memory does not grow with its length."""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]
WITHIN_MIB = 16
"""Twenty frames more would take 18 MiB as numbers, if they were kept."""
SCRIPT = """
import resource, sys, tempfile
from pathlib import Path
import torch
from common.clips.clip import read_clip, write_clip
from common.options import PaintOptions
from engine.moving.painted_frames import PaintedFrames
from engine.moving.painting import ClipPainting
from engine.painting import Picture, Style
from engine.pipeline.pictures import Pictures
from tests.engine.moving.frames import panned
from tests.kit.thin import noise_picture, thin_studio

torch.set_num_threads(1)
count = int(sys.argv[1])
with tempfile.TemporaryDirectory() as name:
    folder = Path(name)
    write_clip(folder / "in.clip", panned(count, step=1, height=240, width=320), [80] * count)
    clip = read_clip(folder / "in.clip")
    pictures = Pictures(
        Picture.from_image(clip.frame(0)), (Style(noise_picture(48, 48)),), None, None, "vgg19"
    )
    options = PaintOptions(size_px=320, iterations=1, scales=1)
    work = ClipPainting(clip, pictures, options, thin_studio(), PaintedFrames(folder))
    for _ in work.paint():
        pass
    for frame in work.finished():
        pass
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024)
"""


def peak_mib(frames: int) -> int:
    made = subprocess.run(
        [sys.executable, "-c", SCRIPT, str(frames)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
        timeout=300,
    )
    return int(made.stdout)


@pytest.mark.skipif(sys.platform == "win32", reason="Windows counts otherwise")
def test_a_long_clip_takes_no_more_memory_than_a_short_one() -> None:
    assert peak_mib(26) < peak_mib(6) + WITHIN_MIB
