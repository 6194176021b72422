import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch

from common.options import PaintOptions
from engine.networks.encoder import Encoder
from engine.painting import (
    Recovered,
    Retiled,
    ScaleStarted,
    Stepped,
    Style,
    devices,
    memory,
    paint,
    painter,
)
from engine.painting.devices import peak_memory_bytes, reset_peak_memory, resident_bytes
from engine.painting.memory import (
    History,
    Memory,
    MemoryGuard,
    bands_for,
    choose_core,
    halved_core,
    lesser_history,
    tile_bytes,
)
from engine.painting.optimizers import Adam, Lbfgs
from engine.painting.passes import Evaluation
from engine.painting.plan import Plan, make_plan
from engine.recipes.recipe import load_recipe
from tests.kit.thin_vgg19 import (
    noise_picture,
    paint_and_collect,
    quick_options,
    thin_studio,
    thin_vgg19,
)

GIB = 2**30
LAYERS = ["relu1_1", "relu2_1", "relu3_1", "relu4_1", "relu4_2", "relu5_1"]
WHOLE = {"size_px": 96, "scales": 2, "iterations": 12}
CONTENT, STYLE = noise_picture(72, 96), Style(noise_picture(56, 40, seed=1))


def plan_for(total: int, **options: object) -> Plan:
    paint_options = PaintOptions.model_validate({"size_px": 4096, "recipe": "large", **options})
    return make_plan(paint_options, load_recipe("large"), thin_vgg19(), (4096, 4096), Memory(total))


def test_less_memory_narrows_then_shortens_the_history_then_uses_adam() -> None:
    found = [plan_for(gib * GIB).scales[-1] for gib in (8, 5, 3, 2)]
    assert [scale.history for scale in found] == [
        History(10),
        History(10, narrow=True),
        History(5, narrow=True),
        None,
    ]
    counts = load_recipe("large").pyramid
    assert [scale.iterations for scale in found] == [counts.lbfgs.later] * 3 + [counts.adam.later]
    # Small scales have room for the full history.
    assert plan_for(2 * GIB).scales[0].history == History(10)


@pytest.mark.parametrize("gib", [2, 3, 4, 6, 8, 12, 16])
@pytest.mark.parametrize("optimizer", ["adam", "lbfgs"])
def test_large_square_picture_is_planned_within_its_memory(gib: int, optimizer: str) -> None:
    """The plan counts six pictures, the history, the tile and a reserve."""
    encoder, size = thin_vgg19(dtype=torch.bfloat16), (4096, 4096)
    scale = plan_for(gib * GIB, optimizer=optimizer).scales[-1]
    room = Memory(gib * GIB).for_tile(size, scale.history)
    core = choose_core(encoder, LAYERS, size, room)
    tile = tile_bytes(encoder, LAYERS, size, core)
    history = scale.history.bytes_per_pixel if scale.history else 0
    assert size[0] * size[1] * (72 + history) + tile + 128 * 2**20 <= gib * GIB
    if gib >= 8:
        assert core is not None
        assert core >= 1024


def test_masks_leave_less_memory_for_the_tile() -> None:
    size = (1000, 1000)
    plain, masked = (Memory(GIB, 0, planes).for_tile(size, None) for planes in (0, 8))
    assert plain - masked == 8 * 4 * 1000 * 1000
    assert plain - Memory(GIB, 100).for_tile(size, None) == 100


def test_tile_cores_are_halved_down_to_the_smallest_size() -> None:
    cores = [None, 150, 128, 127]
    assert [halved_core(core, (300, 200)) for core in cores] == [150, 75, 64, None]


def test_lesser_history_narrows_then_halves_then_ends() -> None:
    one, found = History(10), list[History]()
    while (less := lesser_history(one, 10)) is not None and len(found) < 5:
        found.append(one := less)
    assert found == [History(10, narrow=True), History(5, narrow=True)]


def test_guard_gives_free_memory_back_before_exceeding_its_limit(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    calls: list[int] = []
    monkeypatch.setattr(memory, "give_free_memory_back", lambda: calls.append(1))
    monkeypatch.setattr(devices, "resident_bytes", lambda: 500 * 2**20)
    cpu, allowed = torch.device("cpu"), Memory(300 * 2**20, fixed=100 * 2**20)
    guard = MemoryGuard.from_here(allowed, cpu)
    assert guard.most_bytes == (500 + 300 - 100 - 64) * 2**20
    guard.next_bytes = 136 * 2**20
    guard.check()
    assert not calls
    guard.next_bytes += 1
    guard.check()
    assert calls
    assert MemoryGuard.from_here(allowed, torch.device("meta")).most_bytes is None


def test_given_pictures_and_masks_count_against_the_memory(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    class MemoryPlannedError(Exception):
        pass

    def raise_planned(**kwargs: object) -> None:
        raise MemoryPlannedError(kwargs["memory"])

    monkeypatch.setattr("engine.painting.painter.Run", raise_planned)
    content, style = noise_picture(48, 64), noise_picture(56, 40, seed=1)
    mask = torch.ones(48, 64)

    def memory(styles: list[Style], **more: Any) -> Memory:
        options = quick_options(start="file" if "start" in more else "content", colors_first=0)
        with pytest.raises(MemoryPlannedError) as found:
            paint_and_collect(options, thin_studio(), content=content, styles=styles, **more)
        made = found.value.args[0]
        assert isinstance(made, Memory)
        return made

    plain = memory([Style(style)])
    assert plain.fixed == 12 * (48 * 64 + 56 * 40)
    assert memory([Style(style)], start=noise_picture(30, 40)).fixed == plain.fixed + 12 * 30 * 40
    masked = [Style(style, mask=mask), Style(style, mask=mask.clone()), Style(style)]
    assert memory(masked).planes == plain.planes + 2
    # The mask as guide and as it is, the photograph, and the merged picture.
    assert memory([Style(style)], mask=mask).planes == plain.planes + 8


@pytest.mark.parametrize("size", [(300, 200), (2048, 1536), (8192, 8192)])
def test_chosen_tile_is_the_largest_that_fits(size: tuple[int, int]) -> None:
    encoder: Encoder = thin_vgg19()
    for room in (0, 100 * 2**20, GIB, 64 * GIB):
        core = choose_core(encoder, LAYERS, size, room)
        if core != 64:  # the smallest core is used even if it does not fit
            assert tile_bytes(encoder, LAYERS, size, core) <= room
        if core is not None:
            cores = (*range(80, 512, 16), *range(512, 4097, 64))
            larger = [None, *(one for one in cores if one > core)]
            assert min(tile_bytes(encoder, LAYERS, size, one) for one in larger) > room


@pytest.mark.parametrize("size", [(300, 200), (1536, 2048), (2160, 3840), (4096, 4096)])
def test_bands_fit_the_memory_and_cover_every_row(size: tuple[int, int]) -> None:
    encoder: Encoder = thin_vgg19(dtype=torch.float32)
    pixels = size[0] * size[1]
    sufficient: list[int] = []
    for room in range(0, 1800 * pixels, 50 * pixels):
        bands = bands_for(encoder, LAYERS, size, room)
        if bands is None:
            assert not sufficient  # more memory always suffices, too
            continue
        sufficient.append(room)
        assert [stage.number for stage in bands.stages] == [0, 1, 2, 3, 4]
        # 64 to 512 channels after each pooling; gradients of the first two stages coexist.
        handed_on = max(64 / 4 + 128 / 16 + 256 / 64 + 512 / 256, 64 / 4 + 64 / 4 + 128 / 16)
        kept = 0.0
        for stage, rows, count in zip(bands.stages, bands.rows_px, bands.kept, strict=True):
            heights = [core.bottom - core.top for core in bands.cores(stage)]
            assert sum(heights) == size[0]
            assert all(height % stage.out_stride_px == 0 for height in heights[:-1])
            widest = min(size[0], max(heights) + 2 * stage.margin_px)
            assert widest * size[1] * stage.bytes_per_pixel <= 1.05 * bands.piece_bytes
            assert rows >= min(size[0], 32) // 2
            kept += count * widest * size[1] * stage.kept_bytes_per_pixel
        assert 4 * handed_on * pixels + bands.piece_bytes + kept <= room
    assert sufficient
    assert sufficient[0] < 0.4 * tile_bytes(encoder, LAYERS, size, None)
    assert sum(bands_for(encoder, LAYERS, size, sufficient[-1]).kept) > 0  # type: ignore[union-attr]  # (not None, as above)


@pytest.mark.parametrize(
    ("optimizer", "size", "mib"), [("adam", (192, 256), 240), ("lbfgs", (384, 512), 480)]
)
def test_little_memory_paints_by_stages_to_the_same_picture(
    optimizer: str, size: tuple[int, int], mib: int
) -> None:
    options = PaintOptions.model_validate(
        {"size_px": size[1], "scales": 1, "iterations": 2, "optimizer": optimizer}
    )
    content = noise_picture(*size)
    whole, _ = paint_and_collect(options, thin_studio(), content=content)
    assert whole.report.tiles == 1
    little = thin_studio(max_memory_bytes=mib * 2**20)
    painted, events = paint_and_collect(options, little, content=content)
    (started,) = [event for event in events if isinstance(event, ScaleStarted)]
    assert started.tiles > 1
    assert painted.report.tiles == started.tiles
    assert painted.report.tile_px is None
    assert not painted.report.notes
    difference = (painted.picture.pixels - whole.picture.pixels).abs()
    assert float(difference.mean()) < 0.01 / 255  # first steps of Adam depend on signs only


def test_report_notes_adam_in_place_of_the_requested_lbfgs() -> None:
    options = PaintOptions.model_validate(
        WHOLE | {"iterations": 2, "optimizer": "lbfgs", "tile_px": 64}
    )
    short, _ = paint_and_collect(options, thin_studio(max_memory_bytes=130 * 2**20))
    assert [one["optimizer"] for one in short.report.settings["scales"]] == ["adam", "adam"]
    assert "L-BFGS from 68 px on" in str(short.report.notes[0])
    long, _ = paint_and_collect(options, thin_studio(max_memory_bytes=GIB))
    assert [one["optimizer"] for one in long.report.settings["scales"]] == ["lbfgs", "lbfgs"]
    assert long.report.notes == ()


def test_report_notes_too_little_memory() -> None:
    options = PaintOptions.model_validate(WHOLE | {"iterations": 1})
    painted, _ = paint_and_collect(options, thin_studio(max_memory_bytes=1), content=CONTENT)
    assert painted.report.tiles > 1
    assert "more memory than allowed" in str(painted.report.notes[-1])


def saved_at(iteration: int, options: PaintOptions, total: int | None) -> bytes:
    studio = thin_studio(max_memory_bytes=total)
    events = paint(CONTENT, [STYLE], options, studio=studio)
    for event in events:
        if isinstance(event, Stepped) and event.iteration == iteration:
            saved = event.checkpoint()
            events.close()
            return saved
    raise AssertionError


def test_a_resumed_painting_keeps_its_optimizers() -> None:
    options = PaintOptions.model_validate(WHOLE | {"optimizer": "lbfgs", "tile_px": 64})
    between = (History(10).bytes_per_pixel + History(10, narrow=True).bytes_per_pixel) // 2
    encoder = thin_vgg19(dtype=torch.float32)
    total = Memory(0).for_tile((72, 96), None) * -1 + 72 * 96 * (between + 12)
    total += tile_bytes(encoder, LAYERS, (72, 96), None) + 56 * 40 * 12
    whole, _ = paint_and_collect(options, thin_studio(max_memory_bytes=total), content=CONTENT)
    histories = [one["history"] for one in whole.report.settings["scales"]]
    assert histories == [{"pairs": 10, "narrow": False}, {"pairs": 10, "narrow": True}]
    saved = saved_at(17, options, total)
    rest, _ = paint_and_collect(
        options, thin_studio(max_memory_bytes=64 * GIB), content=CONTENT, resume=saved
    )
    assert torch.equal(rest.picture.pixels, whole.picture.pixels)
    assert rest.report.settings["scales"] == whole.report.settings["scales"]


def test_resumed_painting_keeps_its_measured_memory_while_available(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The budget is a share of the free memory; a new budget would be lower."""
    options = PaintOptions.model_validate(WHOLE | {"iterations": 1, "optimizer": "adam"})
    whole = tile_bytes(thin_vgg19(dtype=torch.float32), LAYERS, (72, 96), None)
    measured = whole - Memory(0).for_tile((72, 96), None) + 2**20

    def tiles(share: float, resume: bytes | None) -> int:
        monkeypatch.setattr(painter, "free_memory_bytes", lambda _device: int(measured * share))
        rest, _ = paint_and_collect(options, thin_studio(), content=CONTENT, resume=resume)
        return rest.report.tiles

    monkeypatch.setattr(painter, "free_memory_bytes", lambda _device: measured)
    saved = saved_at(2, options, None)
    assert tiles(0.75, None) > 1
    assert tiles(0.75, saved) == 1
    assert tiles(0.65, saved) > 1


@pytest.mark.parametrize("optimizer", [Adam, Lbfgs])
def test_out_of_memory_within_a_step_repeats_only_a_few_steps(
    optimizer: type[Adam | Lbfgs], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Steps change tensors in place, so that an aborted step leaves invalid values."""
    plain, calls = optimizer.update, 0

    def update_or_fail(self: Adam | Lbfgs, evaluation: Evaluation, progress: float) -> None:
        nonlocal calls
        calls += 1
        if calls == 15:
            for tensor in self.tensors().values():
                tensor.zero_()
            raise torch.OutOfMemoryError("out of memory")
        plain(self, evaluation, progress)  # type: ignore[arg-type]  # (of the same class)

    monkeypatch.setattr(optimizer, "update", update_or_fail)
    name = optimizer.__name__.lower()
    options = PaintOptions.model_validate(
        WHOLE | {"size_px": 128, "scales": 1, "iterations": 20, "optimizer": name}
    )
    painted, events = paint_and_collect(options, thin_studio(), content=noise_picture(96, 128))
    assert len([event for event in events if isinstance(event, Retiled | Recovered)]) == 1
    assert [one.iteration for one in painted.report.losses] == list(range(1, 21))
    assert painted.report.iterations == 24
    totals = [one.total for one in painted.report.losses]
    assert totals[-1] < totals[9] < totals[0]


def test_peak_memory_is_per_process_and_can_be_reset() -> None:
    script = "import torch; from engine.painting import devices as d"
    script += "; print(d.peak_memory_bytes(torch.device('cpu')))"
    cpu, size_bytes = torch.device("cpu"), 2**30
    large = torch.ones(size_bytes // 4)
    assert peak_memory_bytes(cpu) > large.nbytes
    output = subprocess.check_output([sys.executable, "-c", script], cwd=Path(__file__).parents[3])
    assert 0 < int(output) < large.nbytes
    del large
    if sys.platform == "linux":
        reset_peak_memory(cpu)
        assert peak_memory_bytes(cpu) < resident_bytes() + size_bytes // 4
