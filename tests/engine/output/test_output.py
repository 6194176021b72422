import io
import json
import math
import os
import time
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
import tifffile
import torch
from matplotlib.figure import Figure
from PIL import Image, ImageCms

from common.clips.encoding import h264
from engine.output.atomic import write_bytes
from engine.output.errors import OutputError
from engine.output.losses import loss_lines, loss_plot
from engine.output.pictures import PICTURE_SUFFIXES, encode_picture, write_picture
from engine.output.timelapse import time_lapse
from engine.painting import Losses
from engine.painting.picture import Picture
from tests.kit.full_disk import raise_disk_full

TIFFS = (".tif", ".tiff")
"""Written with 16 bits, which Pillow cannot read as RGB."""


def gradient_picture(height: int = 20, width: int = 30, *, alpha: bool = False) -> Picture:
    rows = torch.linspace(0, 1, height).view(1, height, 1).expand(1, height, width)
    columns = torch.linspace(0, 1, width).view(1, 1, width).expand(1, height, width)
    pixels = torch.cat((rows, columns, 1 - rows)).contiguous()
    return Picture(pixels, (rows[0] * columns[0]).contiguous() if alpha else None)


@pytest.mark.parametrize("suffix", [one for one in PICTURE_SUFFIXES if one not in TIFFS])
@pytest.mark.parametrize("alpha", [False, True])
def test_each_format_keeps_the_picture_and_embeds_an_srgb_profile(
    tmp_path: Path, suffix: str, alpha: bool
) -> None:
    picture = gradient_picture(alpha=alpha)
    path = tmp_path / f"picture{suffix}"
    write_picture(picture, path)
    with Image.open(path) as image:
        profile = ImageCms.ImageCmsProfile(io.BytesIO(image.info["icc_profile"]))
        assert "sRGB" in ImageCms.getProfileDescription(profile)
        assert not image.getexif()
        has_alpha = "A" in image.getbands()
        shown = np.asarray(image.convert("RGBA"), dtype=float) / 255
    assert has_alpha == (alpha and suffix not in {".jpg", ".jpeg"})
    expected = picture.pixels.permute(1, 2, 0).numpy()
    opacity = np.ones((20, 30)) if picture.alpha is None else picture.alpha.numpy()
    if has_alpha:
        assert np.abs(shown[..., 3] - opacity).max() < 0.003
    else:  # on white
        expected = 1 - (1 - expected) * opacity[..., None]
        opacity = np.ones_like(opacity)
    assert np.abs(shown[..., :3] - expected)[opacity > 0.5].mean() < 0.02
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("suffix", TIFFS)
@pytest.mark.parametrize("alpha", [False, True])
def test_tiff_has_sixteen_bits(tmp_path: Path, suffix: str, alpha: bool) -> None:
    picture = gradient_picture(alpha=alpha)
    path = tmp_path / f"picture{suffix}"
    write_picture(picture, path)
    with tifffile.TiffFile(path) as file:
        page = file.pages.first
        levels = page.asarray()
        names = {tag.name for tag in page.tags}
    assert levels.dtype == np.uint16
    assert levels.shape == (20, 30, 4 if alpha else 3)
    assert np.abs(levels[..., :3] / 65535 - picture.pixels.permute(1, 2, 0).numpy()).max() < 1e-5
    if picture.alpha is not None:
        assert np.abs(levels[..., 3] / 65535 - picture.alpha.numpy()).max() < 1e-5
    assert "InterColorProfile" in names
    assert names.isdisjoint({"Software", "DateTime", "ImageDescription"})
    assert list(tmp_path.iterdir()) == [path]


def test_jpeg_has_full_color_resolution(tmp_path: Path) -> None:
    write_picture(gradient_picture(), tmp_path / "a.jpg")
    with Image.open(tmp_path / "a.jpg") as image:
        sampling = {(part[1], part[2]) for part in vars(image)["layer"]}
    assert sampling == {(1, 1)}


def test_transparent_pixels_are_white_in_a_jpeg() -> None:
    clear = Picture(torch.zeros(3, 8, 8), torch.zeros(8, 8))
    with Image.open(io.BytesIO(encode_picture(clear, ".jpg"))) as image:
        assert image.getpixel((4, 4)) == (255, 255, 255)


@pytest.mark.parametrize("suffix", PICTURE_SUFFIXES)
def test_the_same_picture_gives_the_same_bytes(suffix: str) -> None:
    first = encode_picture(gradient_picture(alpha=True), suffix)
    assert encode_picture(gradient_picture(alpha=True), suffix.upper()) == first


@pytest.mark.parametrize(("name", "word"), [("a.bmp", r"\.png"), ("a", "is not a format")])
def test_unknown_suffix_is_refused(tmp_path: Path, name: str, word: str) -> None:
    with pytest.raises(OutputError, match=word):
        write_picture(gradient_picture(), tmp_path / name)


def test_writing_to_a_missing_folder_or_over_a_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(OutputError, match="create it first"):
        write_picture(gradient_picture(), tmp_path / "none" / "a.png")
    (tmp_path / "folder.png").mkdir()
    with pytest.raises(OutputError, match="is a folder"):
        write_picture(gradient_picture(), tmp_path / "folder.png")


@pytest.mark.skipif(os.name == "nt", reason="symlinks need a privilege on Windows")
def test_writing_through_a_symlink_keeps_the_symlink(tmp_path: Path) -> None:
    (tmp_path / "large-disk").mkdir()
    (tmp_path / "out.png").symlink_to(tmp_path / "large-disk" / "picture.png")
    for picture in (b"one", b"another"):
        write_bytes(tmp_path / "out.png", picture)
        assert (tmp_path / "large-disk" / "picture.png").read_bytes() == picture
    assert (tmp_path / "out.png").is_symlink()
    assert [file.name for file in (tmp_path / "large-disk").iterdir()] == ["picture.png"]


def test_failed_write_keeps_the_old_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "a.png"
    path.write_bytes(b"before")
    monkeypatch.setattr(Path, "write_bytes", raise_disk_full)
    with pytest.raises(OutputError, match="No space left"):
        write_picture(gradient_picture(), path)
    monkeypatch.undo()
    assert path.read_bytes() == b"before"
    assert list(tmp_path.iterdir()) == [path]


def solid_frames(count: int) -> list[Image.Image]:
    return [
        Image.new("RGB", (31 + number, 21), (20 * number, 100, 255 - 20 * number))
        for number in range(count)
    ]


def test_a_gif_shows_all_frames(tmp_path: Path) -> None:
    path = tmp_path / "film.gif"
    with time_lapse(path, (31, 21)) as timelapse:
        for frame in solid_frames(7):
            timelapse.add(frame)
    with Image.open(path) as image:
        assert image.size == (31, 21)
        assert getattr(image, "n_frames", 1) == 7
        assert image.info["loop"] == 0
        for number in range(7):
            image.seek(number)
            pixel = image.convert("RGB").getpixel((15, 10))
            assert isinstance(pixel, tuple)
            assert abs(pixel[0] - 20 * number) < 6
        assert image.info["duration"] == 2000
    assert list(tmp_path.iterdir()) == [path]


def test_gif_frames_do_not_refine_their_palettes_to_the_last_pixel(tmp_path: Path) -> None:
    """That took seconds a frame, longer than painting the picture."""
    pixels = np.random.default_rng(0).integers(0, 256, (360, 480, 3), dtype=np.uint8)
    noise = Image.fromarray(pixels)
    began = time.process_time()
    noise.quantize(256, method=Image.Quantize.MEDIANCUT)
    unrefined = time.process_time()
    with time_lapse(tmp_path / "film.gif", noise.size) as timelapse:
        timelapse.add(noise)
    assert time.process_time() - unrefined < 8 * (unrefined - began)


@pytest.mark.parametrize("encoder", ["libx264", "mpeg4"])
def test_an_mp4_plays_with_even_sides(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, encoder: str
) -> None:
    if encoder not in av.codecs_available:
        pytest.skip(f"FFmpeg has no {encoder} here")
    if encoder == "mpeg4":
        monkeypatch.setattr(h264, "_H264", "no such encoder")
    path = tmp_path / "film.mp4"
    with time_lapse(path, (31, 21)) as timelapse:
        for frame in solid_frames(7):
            timelapse.add(frame)
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        assert stream.codec_context.pix_fmt == "yuv420p"
        assert (stream.width, stream.height) == (32, 22)
        pictures = [frame.to_ndarray(format="rgb24") for frame in container.decode(stream)]
    assert len(pictures) == 6 + 24
    assert abs(int(pictures[-1][10, 15, 0]) - 120) < 12
    assert abs(int(pictures[0][10, 15, 2]) - 255) < 12


def test_large_films_are_scaled_down(tmp_path: Path) -> None:
    with time_lapse(tmp_path / "film.gif", (2000, 1000)) as timelapse:
        timelapse.add(Image.new("RGB", (100, 50)))
    with Image.open(tmp_path / "film.gif") as image:
        assert image.size == (480, 240)


@pytest.mark.parametrize("suffix", [".gif", ".mp4"])
def test_aborted_or_empty_film_leaves_no_file(tmp_path: Path, suffix: str) -> None:
    def write_and_raise() -> None:
        with time_lapse(tmp_path / f"film{suffix}", (30, 20)) as timelapse:
            for frame in solid_frames(3):
                timelapse.add(frame)
            raise RuntimeError("stop")

    with pytest.raises(RuntimeError, match="stop"):
        write_and_raise()
    with time_lapse(tmp_path / f"empty{suffix}", (30, 20)):
        pass
    assert list(tmp_path.iterdir()) == []


LOSSES = [
    Losses(0, 1, 9.0, {"content": 1.0, "style": 8.0}),
    Losses(0, 2, 5.0, {"content": 1.5, "style": 3.5}),
    Losses(1, 1, math.inf, {"content": 0.0, "style": math.nan}),
    Losses(1, 2, 2.0, {"content": 1.0, "style": 1.0}),
]
LONG_SIDES_PX = [128, 256]


def test_losses_are_written_as_json_lines() -> None:
    lines = [json.loads(line) for line in loss_lines(LOSSES, LONG_SIDES_PX).splitlines()]
    assert [line["iteration"] for line in lines] == [1, 2, 3, 4]
    assert [line["size_px"] for line in lines] == [128, 128, 256, 256]
    assert lines[2]["loss"] is None
    assert lines[3]["terms"] == {"content": 1.0, "style": 1.0}


@pytest.fixture
def figures_drawn(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """All figures that were saved."""
    figures: list[Any] = []
    save = Figure.savefig

    def record_figure(figure: Figure, *args: Any, **kwargs: Any) -> None:
        figures.append(figure)
        save(figure, *args, **kwargs)

    monkeypatch.setattr(Figure, "savefig", record_figure)
    return figures


@pytest.mark.parametrize("count", [0, 1, 4])
def test_losses_are_plotted(count: int, figures_drawn: list[Any]) -> None:
    with Image.open(io.BytesIO(loss_plot(LOSSES[:count], LONG_SIDES_PX))) as image:
        assert (image.format, image.size) == ("PNG", (880, 495))
    (axes,) = figures_drawn[0].axes
    nan = math.nan  # a gap, as infinity and 0 have no logarithm
    curves = {"all": [9, 5, nan, 2], "content": [1, 1.5, nan, 1], "style": [8, 3.5, nan, 1]}
    expected = {name: ([1, 2, 3, 4][:count], losses[:count]) for name, losses in curves.items()}
    lines = {line.get_label(): (line.get_xdata(), line.get_ydata()) for line in axes.get_lines()}
    np.testing.assert_equal(lines, expected if count else {})
    sizes = {0: [], 1: ["128 px"], 4: ["128 px", "256 px"]}
    assert [text.get_text() for text in axes.texts] == sizes[count]


def test_loss_curves_differ_in_line_style(figures_drawn: list[Any]) -> None:
    loss_plot(LOSSES, LONG_SIDES_PX)
    lines = figures_drawn[0].axes[0].get_lines()
    assert len({line.get_linestyle() for line in lines}) == len(lines) == 3
