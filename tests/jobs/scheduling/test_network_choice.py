"""Choosing the network: VGG-19, unless it would take too long and was not requested."""

from dataclasses import replace

import pytest

from common.options import PaintOptions
from jobs.model import EngineInfo
from jobs.queue import JobQueue
from jobs.scheduling.speeds import NETWORK_WORK, work_of
from tests.kit.samples import (
    RESULT,
    FakeClock,
    Storage,
    claim_job,
    paint_report,
    reload,
    submit_job,
)

SLOW = EngineInfo(
    "slow", "slow", "cpu", "vgg19", "1", 1, pace=1000.0, networks=("vgg19", "lite"), model="old"
)
"""For a standard picture of 1024 px, VGG-19 takes 14 minutes, and lite 3."""
GPU = replace(SLOW, id="card", host="card", device="cuda:0", pace=3.0)
OPTIONS = PaintOptions(size_px=1024)
SLOW_SECONDS = 1000.0 * work_of(OPTIONS)


async def choose_network(
    queue: JobQueue, options: PaintOptions = OPTIONS, *, number: int = 1
) -> tuple[object, object]:
    job = await reload(queue, await submit_job(queue, number, options=options))
    return job.network, job.instead_of_seconds


async def test_lite_paints_when_vgg19_would_take_too_long(
    queue: JobQueue,
) -> None:
    await queue.engines.register(SLOW)
    assert await choose_network(queue) == ("lite", pytest.approx(SLOW_SECONDS))
    assert await choose_network(queue, PaintOptions(size_px=512), number=2) == ("vgg19", None)


@pytest.mark.parametrize(
    "options",
    [
        {"network": "vgg19"},
        {"recipe": "gatys"},
        {"style_layers": {"relu1_1": 1.0}},
    ],
)
async def test_explicitly_chosen_network_is_used_however_slow(
    queue: JobQueue, options: dict[str, object]
) -> None:
    await queue.engines.register(SLOW)
    wish = PaintOptions.model_validate({"size_px": 1024, **options})
    assert await choose_network(queue, wish) == ("vgg19", None)


async def test_drafts_and_lite_requests_report_no_network_replacement(
    queue: JobQueue,
) -> None:
    await queue.engines.register(SLOW)
    for number, options in enumerate(({"quality": "draft"}, {"network": "lite"}), start=1):
        wish = PaintOptions.model_validate({"size_px": 2048, **options})
        assert await choose_network(queue, wish, number=number) == ("lite", None)


@pytest.mark.parametrize(
    ("settings", "network"),
    [
        ({"atelier_vgg19_minutes": 0}, "vgg19"),
        ({"atelier_vgg19_minutes": 15}, "vgg19"),
        ({"atelier_vgg19_minutes": 14}, "lite"),
        ({"atelier_network": "vgg19"}, "vgg19"),
    ],
)
async def test_settings_decide_how_long_vgg19_may_take(
    storage: Storage, clock: FakeClock, settings: dict[str, object], network: str
) -> None:
    async with await JobQueue.open(storage.settings(**settings), clock=clock) as queue:
        await queue.engines.register(SLOW)
        assert (await choose_network(queue))[0] == network


async def test_fastest_engine_decides_the_network(queue: JobQueue) -> None:
    await queue.engines.register(SLOW)
    await queue.engines.register(GPU)
    assert await choose_network(queue) == ("vgg19", None)


async def test_chosen_network_stays_when_a_faster_engine_joins(queue: JobQueue) -> None:
    await queue.engines.register(SLOW)
    assert (await choose_network(queue))[0] == "lite"
    await queue.engines.register(GPU)
    assert (await claim_job(queue)).job.network == "lite"


async def test_engine_with_only_vgg19_paints_with_vgg19(queue: JobQueue) -> None:
    await queue.engines.register(replace(SLOW, networks=("vgg19",)))
    assert await choose_network(queue) == ("vgg19", None)


async def test_measured_speed_outweighs_the_announced_speed(
    queue: JobQueue, clock: FakeClock
) -> None:
    await queue.engines.register(SLOW)
    done, asked = PaintOptions(size_px=512), PaintOptions(size_px=2048, quality="fine")
    await submit_job(queue, 1, options=done)
    claim = await queue.claims.claim(SLOW.id)
    assert claim is not None
    await queue.claims.finish(claim, RESULT, paint_report(seconds=30))
    assert await choose_network(queue, number=2) == ("vgg19", None)
    # Without a live engine, the last measurement is used.
    clock.advance(3600)
    seconds = pytest.approx(30 * work_of(asked) / work_of(done))
    assert await choose_network(queue, asked, number=3) == ("lite", seconds)


async def test_vgg19_paints_when_no_speed_is_known(queue: JobQueue) -> None:
    assert await choose_network(queue, PaintOptions(size_px=2048)) == ("vgg19", None)


async def test_lite_measurements_do_not_affect_the_vgg19_speed(
    queue: JobQueue,
) -> None:
    await queue.engines.register(SLOW)
    await submit_job(queue, 1, options=PaintOptions(size_px=512, quality="draft"))
    claim = await queue.claims.claim(SLOW.id)
    assert claim is not None
    await queue.claims.finish(claim, RESULT, paint_report(seconds=2))
    assert (await choose_network(queue, number=2))[0] == "lite"


async def test_predicted_time_is_that_of_the_chosen_network(
    queue: JobQueue,
) -> None:
    await queue.engines.register(SLOW)
    predicted = await queue.positions.painting_seconds(OPTIONS, None)
    assert predicted == pytest.approx(NETWORK_WORK["lite"] * SLOW_SECONDS)
    job = await reload(queue, await submit_job(queue, options=OPTIONS))
    assert job.predicted_seconds == pytest.approx(predicted)
