"""The owner's page, the health check and the metrics, as a browser and Prometheus read them."""

import asyncio
import json
import re
import socket
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import aiohttp
import pytest
import sqlalchemy as sa
from prometheus_client.parser import text_string_to_metric_families

from bot.monitor import page
from common.store import PictureMissingError
from tests.kit.fake_engine import ENGINE_INFO
from tests.kit.world import World
from tests.sandbox.browser import CHROMIUM, launch_browser, open_page

ROOT = Path(__file__).resolve().parents[3]


@pytest.fixture
async def monitored(closed_world: World, monkeypatch: pytest.MonkeyPatch) -> World:
    """A connected bot that serves the owner's page without caching."""
    monkeypatch.setattr(page, "KEPT_SECONDS", 0.0)
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    closed_world.settings = closed_world.settings.model_copy(
        update={"atelier_monitor_port": port, "atelier_disk_reserve_mib": 0}
    )
    await closed_world.start_bot()
    return closed_world


def url(world: World, path: str) -> str:
    return f"http://127.0.0.1:{world.bot.service(page.PageServer).port}{path}"


async def get(world: World, path: str) -> tuple[int, bytes]:
    async with aiohttp.ClientSession() as session, session.get(url(world, path)) as answer:
        return answer.status, await answer.read()


async def is_healthy(world: World) -> bool:
    async with asyncio.timeout(30):
        while (await get(world, "/healthz"))[0] != 200:
            await asyncio.sleep(0.1)
    return True


async def metrics(world: World) -> dict[str, Any]:
    status, body = await get(world, "/metrics")
    assert status == 200
    return {
        sample.name
        + ("" if not sample.labels else str(sorted(sample.labels.values()))): sample.value
        for family in text_string_to_metric_families(body.decode())
        for sample in family.samples
    }


async def test_no_port_is_opened_unless_one_is_set(world: World) -> None:
    assert not any(isinstance(service, page.PageServer) for service in world.bot.services)


async def test_health_check_fails_without_an_engine_and_passes_with_one(monitored: World) -> None:
    status, body = await get(monitored, "/healthz")
    assert status == 503
    assert b"no-engine" in body
    await monitored.start_engine()
    assert await is_healthy(monitored)
    await monitored.stop_engine()


async def test_wrong_clock_is_reported_by_health_check_state_and_metrics(monitored: World) -> None:
    await monitored.start_engine()
    assert await is_healthy(monitored)
    assert (await metrics(monitored))["atelier_trouble['clock']"] == 0.0
    monitored.bot.traffic.discord_ahead_seconds = 300.0
    status, body = await get(monitored, "/healthz")
    assert status == 503
    (words,) = json.loads(body).values()
    assert words.startswith("The clock of the bot's machine is wrong by 5 min")
    assert json.loads((await get(monitored, "/state.json"))[1])["troubles"] == [words]
    assert (await metrics(monitored))["atelier_trouble['clock']"] == 1.0
    await monitored.stop_engine()


async def hang(*_: object, **__: object) -> None:
    await asyncio.sleep(3600)


async def test_silent_database_is_reported_before_the_request_times_out(
    monitored: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as outage:
        outage.setattr(page, "DATABASE_TIMEOUT_SECONDS", 0.1)
        outage.setattr(monitored.bot.queue.health, "ask", hang)
        for path in ("/healthz", "/state.json"):
            status, body = await get(monitored, path)
            assert status == 503
            assert b"The database does not answer" in body
        assert (await get(monitored, "/preview/1"))[0] == 404
        known = await metrics(monitored)
        assert known["atelier_trouble['database']"] == 1.0
        assert "atelier_trouble['no-engine']" not in known, "unknown without the database"
        assert "atelier_discord_sessions_total" in known
    assert (await metrics(monitored))["atelier_trouble['database']"] == 0.0


async def test_silent_store_does_not_block_the_health_check(
    monitored: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(page, "STORE_TIMEOUT_SECONDS", 0.1)
    monkeypatch.setattr(monitored.bot.queue.store, "timeout_seconds", 1.0)
    monkeypatch.setattr(monitored.bot.queue.store, "put_sync", lambda *_: time.sleep(3))
    await monitored.start_engine()
    assert (await get(monitored, "/healthz"))[0] == 200, "a slow store is not yet a fault"
    async with asyncio.timeout(30):
        while b"did not answer within 1 s" not in (await get(monitored, "/healthz"))[1]:
            await asyncio.sleep(0.1)


async def test_metrics_count_painted_jobs_and_discord_edits(monitored: World) -> None:
    await monitored.start_engine()
    await monitored.paint_and_wait()
    found = await metrics(monitored)
    assert found["atelier_jobs_day['done']"] == 1
    assert found["atelier_engines"] == 1
    assert found["atelier_queue_waiting"] == 0
    assert found["atelier_discord_edits_total"] >= 1
    assert found["atelier_discord_sessions_total"] == 1
    assert found["atelier_trouble['no-engine']"] == 0
    assert any(name.startswith("atelier_painting_seconds_day") for name in found)


async def test_metrics_cover_engines_and_cancelled_jobs(monitored: World) -> None:
    info = replace(ENGINE_INFO, memory_bytes=8 * 2**30, memory_used_bytes=2**30, pace=3.0)
    await monitored.bot.queue.engines.register(info)
    interaction = await monitored.paint()
    await monitored.wait_for_text(interaction, "Place")
    (job,) = await monitored.bot.queue.positions.waiting(None)
    await monitored.bot.queue.jobs.cancel(job.id, job.user_id)
    found = await metrics(monitored)
    assert found["atelier_engine_memory_bytes['fake']"] == 8 * 2**30
    assert found["atelier_engine_memory_used_bytes['fake']"] == 2**30
    assert found["atelier_engine_seconds_per_megapixel['fake']"] == 3.0
    assert found["atelier_jobs_day['cancelled']"] == 1
    assert found["atelier_database_seconds"] > 0
    for trouble in ("weights", "crash-loop", "newer-schema", "engine-trouble", "lost"):
        assert found[f"atelier_trouble['{trouble}']"] == 0


async def test_metrics_time_store_and_database_calls(monitored: World) -> None:
    await monitored.start_engine()
    await monitored.paint_and_wait()
    found = await metrics(monitored)
    queue = monitored.bot.queue
    for name in ("store_call", "database_statement", "database_transaction"):
        assert any(key.startswith(f"atelier_{name}_seconds_bucket") for key in found), name
    for operation, name in (
        ("put", "store_call"),
        ("get", "store_call"),
        ("select", "database_statement"),
        ("insert", "database_statement"),
        ("read", "database_transaction"),
        ("write", "database_transaction"),
    ):
        labels = str(sorted([operation, "ok"]))
        assert found[f"atelier_{name}_seconds_count{labels}"] > 0, operation
        assert 0 < found[f"atelier_{name}_seconds_sum{labels}"] < 60
    before = found["atelier_store_call_seconds_count['get', 'ok']"]
    with pytest.raises(PictureMissingError):
        await queue.store.get("0" * 64 + ".png")  # an answer all the same, so no failure
    assert (await metrics(monitored))["atelier_store_call_seconds_count['get', 'ok']"] == before + 1
    async with queue.database.read() as connection:
        with pytest.raises(sa.exc.OperationalError):
            await connection.execute(sa.text("SELECT * FROM nothing_of_ours"))
    assert (await metrics(monitored))[
        "atelier_database_statement_seconds_count['failed', 'select']"
    ] == 1


async def test_dashboard_queries_only_existing_metrics(monitored: World) -> None:
    dashboard = json.loads((ROOT / "deploy" / "grafana.json").read_text(encoding="utf-8"))
    queried = {
        name
        for panel in dashboard["panels"]
        for target in panel["targets"]
        for name in re.findall(r"atelier_\w+", target["expr"])
    }
    await monitored.start_engine()
    await monitored.paint_and_wait()
    assert queried
    async with asyncio.timeout(30):  # the gateway's delay is known after its first heartbeat
        while missing := queried - {name.partition("[")[0] for name in await metrics(monitored)}:
            await asyncio.sleep(0.2)
    assert not missing


@pytest.mark.parametrize("command", [{"options": {"ephemeral": True}}, {"context": "bot_dm"}])
async def test_state_hides_member_names_and_private_previews(
    monitored: World, command: dict[str, Any]
) -> None:
    painter = await monitored.start_engine()
    painter.may_finish.clear()
    await monitored.paint(**command, user="grace")
    async with asyncio.timeout(30):
        while True:
            state = (await get(monitored, "/state.json"))[1].decode()
            if '"fraction": 0.' in state:
                break
            await asyncio.sleep(0.1)
    assert "grace" not in state
    assert '"preview": null' in state
    job = (await monitored.bot.queue.positions.overview(None)).running
    assert job == 1
    for number in ("1", "999", "x", "1" * 40):
        assert (await get(monitored, f"/preview/{number}"))[0] == 404
    painter.may_finish.set()


async def test_occupied_monitor_port_disables_only_the_page(
    closed_world: World,
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as occupied:
        port = occupied.getsockname()[1]
        closed_world.settings = closed_world.settings.model_copy(
            update={"atelier_monitor_port": port}
        )
        await closed_world.start_bot()
        assert closed_world.bot.service(page.PageServer).port == 0
        await closed_world.start_engine()
        await closed_world.paint_and_wait()


@pytest.mark.browser
@pytest.mark.skipif(CHROMIUM is None, reason="needs Chromium")
async def test_page_shows_running_jobs_engines_and_a_stopped_bot(monitored: World) -> None:
    painter = await monitored.start_engine()
    painter.may_finish.clear()
    await monitored.paint()
    await monitored.paint()
    async with (
        launch_browser() as browser,
        open_page(browser, url(monitored, "/"), ready="#engines .card") as page,
    ):
        await page.get_by_text("job 1: 64 px").wait_for()
        await page.get_by_text("All is well").wait_for()
        await page.get_by_text(f"{ENGINE_INFO.device} on {ENGINE_INFO.host}").wait_for()
        image = page.get_by_alt_text("job 1 as it forms")
        await image.wait_for()
        assert await image.evaluate("image => image.decode().then(() => image.naturalWidth > 0)")
        assert await page.locator("#waiting td").first.text_content() == "2"
        painter.may_finish.set()
        await monitored.stop_engine()
        await monitored.bot.queue.engines.forget(ENGINE_INFO.id)
        await monitored.stop_bot()
        await page.get_by_text("The bot does not answer").wait_for()
