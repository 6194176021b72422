import json
import os
from pathlib import Path
from typing import Any

import av
import pytest
import torch
from PIL import Image, ImageChops, ImageStat
from safetensors.torch import save_file

from common.catalogue import load_catalogue
from engine import cli
from engine.__main__ import main as engine_main
from engine.arguments import make_parser, options_of, parse_layers
from engine.painting import Event, PaintSettingsError, Stepped
from engine.painting.devices import parse_memory
from engine.progress import ProgressBar
from tests.kit.thin_vgg19 import noise_picture, thin_weights


@pytest.fixture
def work_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The working folder of the engine, with a photograph, styles, masks and weights."""
    weights = {name: tensor.float() for name, tensor in thin_weights().tensors.items()}
    save_file(weights, tmp_path / "vgg19.safetensors", metadata={"input": "as torchvision"})
    noise_picture(60, 80).to_image().save(tmp_path / "photo.png")
    noise_picture(50, 50, seed=1).to_image().save(tmp_path / "style.jpg")
    noise_picture(50, 50, seed=2).to_image().save(tmp_path / "other.webp")
    Image.new("L", (80, 60), 255).save(tmp_path / "mask.png")
    Image.new("L", (8, 6), 255).save(tmp_path / "small-mask.png")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("ATELIER_DATA_DIR", str(tmp_path / "data"))
    monkeypatch.setenv("ATELIER_VGG19_WEIGHTS", str(tmp_path / "vgg19.safetensors"))
    return tmp_path


QUICK = ("--size", "64", "--scales", "2", "--iterations", "4", "--precision", "fp32")
PAINT = ("paint", "photo.png", "--style", "style.jpg", "-o", "out.png", *QUICK)


def paint(*more: str) -> int:
    return engine_main([*PAINT, *more])


def test_paint_writes_the_picture_and_its_records(
    work_folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    records = ("--report", "r.json", "--losses", "l.jsonl", "--plot", "p.png")
    assert paint(*records, "--timelapse", "t.gif", "--seed", "7") == 0
    assert Image.open(work_folder / "out.png").size == (64, 48)
    with Image.open(work_folder / "t.gif") as timelapse:
        assert (timelapse.size, getattr(timelapse, "n_frames", 1)) == ((64, 48), 9)
    assert Image.open(work_folder / "p.png").size[0] > 100
    report = json.loads((work_folder / "r.json").read_text())
    assert report["network"] == "vgg19"
    assert len(report["weights_hash"]) == 64
    assert (report["device"], report["precision"], report["iterations"]) == ("cpu", "fp32", 8)
    for name in ("seconds", "seconds_per_iteration", "peak_memory_bytes", "tiles"):
        assert report[name] > 0
    assert report["settings"]["seed"] == 7
    assert report["settings"]["style_statistic"] == "gram"
    assert [one["total"] > 0 for one in report["losses"]] == [True] * 8
    lines = [json.loads(line) for line in (work_folder / "l.jsonl").read_text().splitlines()]
    assert [line["iteration"] for line in lines] == list(range(1, 9))
    assert {line["size_px"] for line in lines} == {45, 64}
    output = capsys.readouterr().err
    assert "out.png: 64 × 48, vgg19, fp32 on cpu, 8 iterations" in output


def test_mp4_timelapse_has_a_frame_per_iteration_and_ends_in_the_picture(work_folder: Path) -> None:
    assert paint("--quiet", "--timelapse", "t.mp4") == 0
    with av.open(str(work_folder / "t.mp4")) as timelapse:
        frames = [
            Image.fromarray(one.to_ndarray(format="rgb24")) for one in timelapse.decode(video=0)
        ]
    assert frames[0].size == (64, 48)
    # One per iteration, and 24 for the end, which is shown for 2 s.
    assert len(frames) == 8 + 24
    with Image.open(work_folder / "out.png") as picture:
        difference = ImageChops.difference(frames[-1].convert("L"), picture.convert("L"))
    assert ImageStat.Stat(difference).mean[0] < 6


@pytest.mark.parametrize("name", ["t.mp4", "t.gif"])
def test_timelapse_of_a_narrow_picture_has_the_pictures_shape(work_folder: Path, name: str) -> None:
    """It is painted on a wider canvas and then cropped."""
    with Image.open(work_folder / "photo.png") as photo:
        photo.convert("RGB").resize((320, 40)).save(work_folder / "photo.png")
    assert paint("--quiet", "--timelapse", name, "--size", "128") == 0
    with av.open(str(work_folder / name)) as timelapse:
        frames = [
            Image.fromarray(one.to_ndarray(format="rgb24")) for one in timelapse.decode(video=0)
        ]
    assert {frame.size for frame in frames} == {(128, 16)}
    with Image.open(work_folder / "out.png") as picture:
        assert picture.size == (128, 16)
        difference = ImageChops.difference(frames[-1].convert("L"), picture.convert("L"))
    assert ImageStat.Stat(difference).mean[0] < 12


def test_style_statistics_are_reused_by_the_next_run(work_folder: Path) -> None:
    assert paint("--quiet") == 0
    first = (work_folder / "out.png").read_bytes()
    kept = sorted((work_folder / "data" / "statistics").iterdir())
    assert len(kept) == 2
    times = [file.stat().st_mtime_ns for file in kept]
    assert paint("--quiet") == 0
    assert (work_folder / "out.png").read_bytes() == first
    assert sorted((work_folder / "data" / "statistics").iterdir()) == kept
    assert all(file.stat().st_mtime_ns > time for file, time in zip(kept, times, strict=True))


def test_cropped_scan_behind_a_fingerprint_is_noted_once(
    work_folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    preset = (
        "paint",
        "photo.png",
        "--preset",
        "starry-night",
        "-o",
        "out.png",
        "--network",
        "lite",
    )
    assert engine_main([*preset, *QUICK, "--quiet", "--report", "r.json"]) == 0
    note = "The fingerprint of The Starry Night was measured on a scan that is cropped"
    assert note in capsys.readouterr().err
    assert note in json.loads((work_folder / "r.json").read_text())["notes"][0]
    assert engine_main([*preset, *QUICK, "--quiet", "--preset", "starry-night"]) == 0
    assert capsys.readouterr().err.count(note) == 1


def test_long_output_name_is_written_and_animated_style_is_noted(
    work_folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    frames = [noise_picture(50, 50, seed=seed).to_image() for seed in (1, 2)]
    frames[0].save(work_folder / "style.gif", save_all=True, append_images=frames[1:])
    name = "x" * 251 + ".png"
    assert paint("--quiet", "--style", "style.gif", "-o", name) == 0
    assert (work_folder / name).is_file()
    assert "style.gif: The file is animated" in capsys.readouterr().err


def test_missing_fingerprint_file_is_reported_by_name(
    work_folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = ("paint", "photo.png", "--style", "none.safetensors", "-o", "out.png")
    assert engine_main([*arguments]) == 2
    assert (
        capsys.readouterr().err == "none.safetensors cannot be read: No such file or directory.\n"
    )


def test_fingerprint_does_not_overwrite_its_picture(
    work_folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = (work_folder / "style.jpg").read_bytes()
    lite = ("--network", "lite")
    assert engine_main(["styles", "fingerprint", "style.jpg", "-o", "style.jpg", *lite]) == 1
    assert "use one of .safetensors" in " ".join(capsys.readouterr().err.split())
    assert (work_folder / "style.jpg").read_bytes() == before


def test_measured_fingerprint_can_be_used_as_a_style(work_folder: Path) -> None:
    fingerprint = ("styles", "fingerprint", "style.jpg", "-o", "style.safetensors")
    assert engine_main([*fingerprint, "--recipe", "nosuch"]) == 1
    for network in ("lite", "vgg19"):
        assert engine_main([*fingerprint, "--network", network]) == 0
        arguments = ("paint", "photo.png", "--style", "style.safetensors", "-o", "out.png", *QUICK)
        assert engine_main([*arguments, "--quiet", "--report", "r.json"]) == 0
        assert json.loads((work_folder / "r.json").read_text())["network"] == network


def test_preset_settings_apply_unless_overridden_by_flags_or_styles() -> None:
    def strength_and_scale(*more: str) -> tuple[float, float]:
        options = options_of(make_parser().parse_args(["photo.png", "-o", "out.png", *more]))
        return options.strength, options.style_scale

    preset = load_catalogue().get("great-wave")
    assert preset is not None
    assert preset.suiting
    assert strength_and_scale("--preset", "great-wave") == (
        preset.settings.strength,
        preset.settings.style_scale,
    )
    assert strength_and_scale(
        "--preset", "great-wave", "--strength", "0.2", "--style-scale", "2"
    ) == (0.2, 2)
    assert strength_and_scale("--preset", "great-wave", "--style", "a.png") == (0.5, 1)


def test_every_flag_is_understood(work_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    results: dict[str, Any] = {}

    def record_result(name: str) -> None:
        original = getattr(cli, name)

        def record_call(*args: Any, **more: Any) -> Any:
            results[name] = original(*args, **more)
            return results[name]

        monkeypatch.setattr(cli, name, record_call)

    record_result("open_studio")
    record_result("read_pictures")
    flags = (
        *("--style", "other.webp", "--own-style", "--style-weights", "0.5,0.3,0.2"),
        *("--style-region", "0,0,0.5,1", "--mask", "mask.png"),
        *("--style-mask", "mask.png", "--style-mask", "mask.png", "--style-mask", "mask.png"),
        *("--quality", "draft", "--strength", "0.6", "--style-scale", "0.8"),
        *("--keep-colors", "match", "--keep-colors-strength", "0.5", "--seed", "3"),
        *("--init", "noise", "--init-noise", "0.1", "--recipe", "wasserstein"),
        *("--network", "vgg19", "--content-layers", "relu3_1", "--style-layers"),
        *("relu1_1=2,relu2_1", "--content-weight", "0.1", "--style-weight", "2"),
        *("--tv-weight", "0.2", "--style-statistic", "gram", "--style-fit", "crop"),
        *("--pooling", "average", "--optimizer", "lbfgs", "--min-improvement", "0.001"),
        *("--device", "cpu", "--tile", "64", "--max-memory", "4GiB", "--quiet"),
    )
    assert paint(*flags, "--report", "r.json") == 0
    pictures = results["read_pictures"]
    assert [style.name for style in pictures.styles] == ["style.jpg", "other.webp", "the photo"]
    assert [style.weight for style in pictures.styles] == [0.5, 0.3, 0.2]
    assert [style.region for style in pictures.styles] == [(0, 0, 0.5, 1), None, None]
    assert all(mask is not None for mask in (pictures.mask, *(s.mask for s in pictures.styles)))
    assert results["open_studio"].device.type == "cpu"
    assert 0 < results["open_studio"].max_memory_bytes <= 2**32
    report = json.loads((work_folder / "r.json").read_text())
    assert (report["network"], report["device"], report["precision"]) == ("vgg19", "cpu", "fp32")
    shares = {"relu1_1": 2 / 3, "relu2_1": 1 / 3}  # normalized to a sum of 1
    expected: dict[str, Any] = (
        {"size_px": 64, "iterations": 8, "quality": "draft", "strength": 0.6, "style_scale": 0.8}
        | {"keep_colors": "match", "keep_colors_strength": 0.5, "seed": 3, "recipe": "wasserstein"}
        | {"start": "noise", "start_noise": 0.1, "content_layers": {"relu3_1": 1}}
        | {"style_layers": pytest.approx(shares), "style_weight": 2, "tv_weight": 0.2}
        | {"content_weight": pytest.approx(0.1 * (0.4 / 0.6) ** 2)}  # scaled by the strength
        | {"style_statistic": "gram", "style_fit": "crop", "pooling": "average", "tile_px": 64}
        | {"optimizer": "lbfgs", "min_improvement": 0.001}
    )
    assert {name: report["settings"][name] for name in expected} == expected


@pytest.mark.parametrize(
    ("flags", "sentence"),
    [
        (("--style-layers", "relu9_9"), "no layer relu9_9"),
        (("--style-weight", "-1"), "style-weight: greater than or equal to 0, not -1"),
        (("--style-scale", "0"), "style-scale: greater than or equal to 0.1"),
        (("--size", "20"), "size: greater than or equal to 64"),
        (("--recipe", "nope"), "choose one of: atelier"),
        (("--mask", "small-mask.png"), "mask is 8 × 6 pixels; it must be as large as"),
        (("--mask", "absent.png"), "absent.png cannot be read"),
        (("--init", "gray"), "content, grey, noise, style, or a file; there is no file gray."),
        (("--style", "vgg19.safetensors"), "vgg19.safetensors"),
        (("--style-weights", "1,2"), "needs 1 numbers"),
        (("--style-weights", "x"), "must be a number"),
        (("--preset", "no-such-painting"), "no-such-painting"),
        (("--preset", "stary-night"), "the nearest are: starry-night"),
        (("--style-layers", "relu1_1=1,relu1_1=5"), "relu1_1 is named twice"),
        (("--max-memory", "lots"), "2GiB"),
        (("--device", "abacus"), "choose among: auto, cpu"),
        (("-o", "out.xyz"), "xyz"),
        (("-o", "x" * 252 + ".png"), "is too long; the limit is 255 bytes"),
        (("-o", "no/such/folder.png"), "folder"),
        (("--timelapse", "t.avi"), "avi"),
        (("--report", "no/such/r.json"), "no folder"),
        (("--checkpoint", "no/such/c.bin"), "no folder"),
        (("--checkpoint", "."), "is a folder"),
        (("--checkpoint", "c.bin", "--checkpoint-every", "-1"), "0 for each iteration, not -1"),
        (("--checkpoint", "vgg19.safetensors"), "checkpoint cannot be read"),
        (("--checkpoint-every", "5"), "also name the file, with --checkpoint."),
        (("-o", "photo.png"), "--output photo.png is a picture to paint from too"),
        (("--plot", "out.png"), "--plot out.png is --output too"),
        (
            ("--keep-colors-strength", "0.5"),
            "with --keep-colors match (or luminance or histogram).",
        ),
        (("--keep-colors", "match", "--colors-first", "1"), "leave out one of them."),
        (("--style-weights", "5"), "single one, use --strength."),
        (("-o", "out.mp4"), "--timelapse out.mp4 records how it is painted."),
    ],
)
def test_wrong_settings_fail_with_one_sentence(
    work_folder: Path, capsys: pytest.CaptureFixture[str], flags: tuple[str, ...], sentence: str
) -> None:
    assert paint("--quiet", *flags) == 2
    error = capsys.readouterr().err
    assert sentence in error
    assert "Traceback" not in error
    assert not (work_folder / "out.png").exists()


def test_far_too_large_file_is_refused_without_being_read(
    work_folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    os.truncate(work_folder / "photo.png", (1 << 30) + 1)
    monkeypatch.setattr(Path, "read_bytes", pytest.fail)
    for output in ("out.png", "out.mp4"):
        assert engine_main([*PAINT, "-o", output]) == 2
        assert "photo.png: That file is 1024.0 MiB; at most 1024" in capsys.readouterr().err


@pytest.mark.skipif(os.name == "nt", reason="symlinks need a privilege on Windows")
def test_symlink_to_itself_is_a_file_that_cannot_be_read(
    work_folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (work_folder / "loop.png").symlink_to("loop.png")
    assert paint("--quiet", "--mask", "loop.png") == 2
    assert "loop.png cannot be read: Too many levels" in capsys.readouterr().err


def test_missing_style_is_refused(work_folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert engine_main(["paint", "photo.png", "-o", "out.png", "--quiet"]) == 2
    assert "--preset" in capsys.readouterr().err
    assert not (work_folder / "out.png").exists()


def test_interrupted_painting_resumes_to_the_same_file(
    work_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert paint("--quiet") == 0
    uninterrupted = (work_folder / "out.png").read_bytes()
    (work_folder / "out.png").unlink()
    plain = ProgressBar.on_event

    def interrupt(self: ProgressBar, event: Event) -> None:
        plain(self, event)
        if isinstance(event, Stepped) and event.iteration == 6:
            raise KeyboardInterrupt

    kept = ("--checkpoint", "c.bin", "--checkpoint-every", "0")
    with monkeypatch.context() as patch:
        patch.setattr(ProgressBar, "on_event", interrupt)
        assert paint("--quiet", *kept) == 130
    assert (work_folder / "c.bin").is_file()
    assert not (work_folder / "out.png").exists()
    seen: list[int] = []

    def count_iterations(self: ProgressBar, event: Event) -> None:
        plain(self, event)
        if isinstance(event, Stepped):
            seen.append(event.iteration)

    monkeypatch.setattr(ProgressBar, "on_event", count_iterations)
    assert paint("--quiet", *kept) == 0
    assert seen[0] in (6, 7)
    assert (work_folder / "out.png").read_bytes() == uninterrupted
    assert not (work_folder / "c.bin").exists()


def test_interrupt_before_painting_mentions_only_an_earlier_checkpoint(
    work_folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def interrupt(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(cli, "open_studio", interrupt)
    assert paint("--quiet", "--checkpoint", "c.bin") == 130
    assert capsys.readouterr().err == "Stopped.\n"
    (work_folder / "c.bin").write_bytes(b"of an earlier run")
    assert paint("--quiet", "--checkpoint", "c.bin") == 130
    assert capsys.readouterr().err == "Stopped. The checkpoint is as it was.\n"


def test_flags_left_out_leave_the_choice_to_the_recipe() -> None:
    options = options_of(make_parser().parse_args(["a.png", "-o", "b.png"]))
    assert options.size_px == 512
    assert options.iterations is None
    assert options.start == "content"
    file = options_of(make_parser().parse_args(["a.png", "-o", "b.png", "--init", "c.png"]))
    assert file.start == "file"


def test_layer_weights_and_memory_amounts_are_parsed() -> None:
    assert parse_layers("relu1_1, relu2_1=0.5") == {"relu1_1": 1.0, "relu2_1": 0.5}
    with pytest.raises(PaintSettingsError, match="layer's weight"):
        parse_layers("relu1_1=x")
    assert parse_memory("2GiB") == 2 * 2**30
    assert parse_memory("500 MB") == 500 * 2**20
    assert parse_memory("1.5g") == 3 * 2**29
    assert parse_memory("1000") == 1000
    with pytest.raises(PaintSettingsError, match="'6' is not an amount of memory"):
        parse_memory("6")  # a unit is required
    with pytest.raises(PaintSettingsError):
        parse_memory("0GiB")


def test_the_same_command_gives_the_same_bytes(work_folder: Path) -> None:
    assert paint("--quiet", "--init", "noise") == 0
    first = (work_folder / "out.png").read_bytes()
    torch.manual_seed(5)
    assert paint("--quiet", "--init", "noise") == 0
    assert (work_folder / "out.png").read_bytes() == first


def test_a_very_thin_photograph_is_refused_but_not_a_thin_style(
    work_folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    thin = noise_picture(8, 200).to_image()
    thin.save(work_folder / "thin.png")
    assert engine_main(["paint", "thin.png", "--style", "style.jpg", "-o", "out.png"]) == 2
    assert "thin.png: That picture is too narrow (200 × 8)" in capsys.readouterr().err
    assert not (work_folder / "out.png").exists()
    assert paint("--quiet", "--style", "thin.png") == 0
