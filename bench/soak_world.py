"""The environment of a soak test: supervised processes, and an S3 server."""

import asyncio
import contextlib
import sys
import time
from asyncio.subprocess import Process
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import psutil

from bench.runner import BenchError

BUCKET = "atelier-soak"


@dataclass
class Child:
    """A process that is restarted whenever it ends."""

    name: str
    command: Sequence[str]
    environment: Mapping[str, str]
    log: Path
    process: Process | None = None
    started_at: float = 0.0
    starts: int = 0

    async def run(self) -> None:
        """Supervise it until cancelled."""
        try:
            while True:
                with self.log.open("ab") as output:
                    self.process = await asyncio.create_subprocess_exec(
                        *self.command,
                        env=dict(self.environment),
                        stdin=asyncio.subprocess.DEVNULL,
                        stdout=output,
                        stderr=output,
                    )
                self.starts += 1
                self.started_at = time.monotonic()
                await self.process.wait()
                await asyncio.sleep(1.0)
        finally:
            if self.process is not None and self.process.returncode is None:
                self.process.terminate()
                try:
                    async with asyncio.timeout(30):
                        await self.process.wait()
                except TimeoutError:
                    self.process.kill()
                    await self.process.wait()

    def kill(self) -> None:
        """Kill it, if it runs."""
        if self.process is not None and self.process.returncode is None:
            self.process.kill()


@contextlib.asynccontextmanager
async def s3_server(log: Path) -> AsyncIterator[int]:
    """Run a loopback S3 server as a separate process; yields its port."""
    with log.open("wb") as output:
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", "0"),
            stdout=output,
            stderr=output,
        )
    try:
        port = 0
        for _ in range(300):
            listening = psutil.Process(process.pid).net_connections("tcp")
            port = next((one.laddr.port for one in listening if one.status == "LISTEN"), 0)
            if port:
                break
            await asyncio.sleep(0.2)
        if not port:
            raise BenchError(f"The S3 server did not start: see {log}.")
        yield port
    finally:
        process.kill()
        await process.wait()


def make_bucket() -> None:
    """Create the bucket named in the environment."""
    import s3fs  # noqa: PLC0415 - an extra

    s3fs.S3FileSystem(skip_instance_cache=True).mkdir(BUCKET)
