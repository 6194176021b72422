"""A long day in a few hours: `python -m bench.soak --hours 2 --jobs 2000 --outages 10`.

The real bot, a real engine with lite, PostgreSQL and an S3 store run as separate processes. Members
post small jobs through a loopback Discord. Each minute the bot or the engine is killed at random.
Database, store and Discord each fail several times for a minute, cut off or silent in turn. At the
end each acknowledged command must have become one job with one picture in one message, no failed
job may count against a limit, and memory, files and threads must be constant.
"""

import argparse
import asyncio
import contextlib
import os
import random
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from bench import postgres
from bench.children.judge import machine
from bench.proxy import proxy_to
from bench.report import publish
from bench.runner import RESULTS, BenchError, run
from bench.soak_count import SoakResult, judged, verdict_text
from bench.soak_day import Soak
from bench.soak_world import BUCKET, Child, make_bucket, s3_server
from common.settings import Settings
from jobs.queue import JobQueue
from sandbox.bot_process import bot_environment
from sandbox.loopback import LoopbackDiscord

KILL_SECONDS = 60.0
HOURS_THAT_COUNT = 2.0


async def soaked(server: postgres.Server, folder: Path, chosen: argparse.Namespace) -> SoakResult:
    """Start everything, let it run, and evaluate it."""
    await server.execute("CREATE DATABASE soak")
    async with contextlib.AsyncExitStack() as stack:
        discord = await stack.enter_async_context(LoopbackDiscord.start())
        s3_port = await stack.enter_async_context(s3_server(folder / "s3.log"))
        database = await stack.enter_async_context(proxy_to("127.0.0.1", server.port))
        store = await stack.enter_async_context(proxy_to("127.0.0.1", s3_port))
        s3 = {
            "AWS_ENDPOINT_URL": f"http://127.0.0.1:{store.port}",
            "AWS_ACCESS_KEY_ID": "soaking",
            "AWS_SECRET_ACCESS_KEY": "soaking-secret",
            "AWS_DEFAULT_REGION": "us-east-1",
        }
        os.environ |= s3
        await asyncio.to_thread(make_bucket)
        environment = bot_environment(discord.environment(), folder / "data") | {
            **s3,
            "ATELIER_DATABASE_URL": replace(server, port=database.port).url("soak"),
            "ATELIER_STORAGE_URL": f"s3://{BUCKET}/pictures",
            "ATELIER_ENGINE": "external",
            "ATELIER_NETWORK": "lite",
            "ATELIER_DEVICE": "cpu",
            "ATELIER_MAX_WAITING_PER_USER": "1000",
            "ATELIER_MAX_WAITING_PER_SERVER": "10000",
            "ATELIER_MAX_PER_DAY": "10000",
            "OMP_NUM_THREADS": "1",
        }
        python = sys.executable
        children = [
            Child("bot", (python, "-m", "bot"), environment, chosen.logs / "soak-bot.log"),
            Child("engine", (python, "-m", "engine"), environment, chosen.logs / "soak-engine.log"),
        ]
        for child in children:
            child.log.unlink(missing_ok=True)
            running = asyncio.create_task(child.run())
            stack.push_async_callback(_ended, running)
        if not await discord.until(lambda: discord.gateway.connected and discord.commands, 180):
            raise BenchError(f"The bot was not ready: see {children[0].log}.")
        soak = Soak(
            discord,
            children,
            {"database": database, "store": store},
            chosen.hours * 3600,
            chosen.jobs,
            chosen.members,
            chosen.outages,
            chosen.outage_seconds,
            chosen.kill_seconds,
            random.Random(chosen.seed),  # noqa: S311 - keeps no secret
        )
        await soak.run()
        settings = Settings(
            _env_file=None,
            atelier_data_dir=folder / "judge",
            atelier_database_url=server.url("soak"),
        )
        queue = await stack.enter_async_context(await JobQueue.open(settings, may_migrate=False))
        return await judged(soak, queue)


async def _ended(running: "asyncio.Task[None]") -> None:
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run it, and write the table. Returns 1 if a promise was broken."""
    parser = argparse.ArgumentParser(prog="python -m bench.soak", description=__doc__)
    parser.add_argument("--hours", type=float, default=HOURS_THAT_COUNT)
    parser.add_argument("--jobs", type=int, default=2000)
    parser.add_argument("--members", type=int, default=30)
    parser.add_argument("--outages", type=int, default=10, help="of each: database, store, Discord")
    parser.add_argument("--outage-seconds", type=float, default=60.0)
    parser.add_argument("--kill-seconds", type=float, default=KILL_SECONDS, help="0: never")
    parser.add_argument("--seed", type=int, default=20_261_128)
    parser.add_argument("--out", type=Path, default=RESULTS)
    parser.add_argument("--logs", type=Path, default=Path(tempfile.gettempdir()))
    chosen = parser.parse_args(arguments)
    with (
        postgres.running() as server,
        tempfile.TemporaryDirectory(prefix="atelier-soak-", ignore_cleanup_errors=True) as folder,
    ):
        verdict = asyncio.run(soaked(server, Path(folder), chosen))
    publish(
        chosen.out / "soak.md",
        "A long day",
        verdict_text(verdict),
        verdict,
        machine=machine("cpu"),
        command=f"python -m bench.soak --hours {chosen.hours:g} --jobs {chosen.jobs} "
        f"--members {chosen.members} --outages {chosen.outages} "
        f"--outage-seconds {chosen.outage_seconds:g} --kill-seconds {chosen.kill_seconds:g}",
        quick=chosen.hours < HOURS_THAT_COUNT,
    )
    return 1 if verdict.faults() else 0


if __name__ == "__main__":
    run(main)
