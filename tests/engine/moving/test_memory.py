"""Memory of a clip painting does not grow with its length."""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]
MAX_GROWTH_MIB = 16
"""Keeping the 20 additional frames as float32 would take 18 MiB."""
SCRIPT = """
import resource, tempfile
from pathlib import Path
import torch
from common.clips.clip import read_clip, write_clip
from common.options import PaintOptions
from engine.moving.events import FramePainted
from engine.moving.painted_frames import PaintedFrames
from engine.moving.painting import ClipPainting
from engine.painting import Picture, Style
from engine.pipeline.pictures import Pictures
from tests.engine.moving.frames import noise_texture, to_image
from tests.kit.thin_vgg19 import noise_picture, thin_studio

def peak_mib():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024

torch.set_num_threads(1)
count, layers = 26, {"relu1_1": 1.0}
with tempfile.TemporaryDirectory() as name:
    folder = Path(name)
    scene = 0.6 * noise_texture(240, 320)
    images = [to_image(scene + 3 * number / 255) for number in range(count)]
    write_clip(folder / "in.clip", images, [80] * count)
    clip = read_clip(folder / "in.clip")
    pictures = Pictures(
        Picture.from_image(clip.frame(0)), (Style(noise_picture(48, 48)),), None, None, "vgg19"
    )
    options = PaintOptions(
        size_px=320, iterations=1, scales=1, colors_first=0, faces="off",
        content_layers=layers, style_layers=layers,
    )
    work = ClipPainting(clip, pictures, options, thin_studio(1), PaintedFrames(folder))
    for event in work.paint():
        if isinstance(event, FramePainted) and event.frame == 6:
            print(peak_mib())
    for frame in work.finished():
        pass
print(peak_mib())
"""


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no getrusage")
def test_a_long_clip_takes_no_more_memory_than_a_short_one() -> None:
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
        timeout=300,
    )
    short, long = map(int, done.stdout.split())
    assert long < short + MAX_GROWTH_MIB
