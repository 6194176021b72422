"""A TCP proxy that can hang or be cut, to simulate network failures."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field


@dataclass
class Proxy:
    """Forwards bytes. While silenced, it accepts data and answers nothing."""

    host: str
    """Of the server."""
    server_port: int
    port: int = 0
    """The proxy's port, on 127.0.0.1."""
    speaks: asyncio.Event = field(default_factory=asyncio.Event)
    is_cut: bool = False
    """Whether it refuses connections."""
    _open: set[asyncio.StreamWriter] = field(default_factory=set)

    def silence(self) -> None:
        """Answer nothing from now on."""
        self.speaks.clear()

    def cut(self) -> None:
        """Close all connections, and each new one at once."""
        self.is_cut = True
        for writer in self._open:
            writer.close()

    def mend(self) -> None:
        """Pass bytes on again."""
        self.is_cut = False
        self.speaks.set()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Serve one connection."""
        if self.is_cut:
            writer.close()
            return
        await self.speaks.wait()
        with contextlib.suppress(OSError):
            there, back = await asyncio.open_connection(self.host, self.server_port)
            self._open |= {writer, back}
            try:
                await asyncio.gather(self._pass(reader, back), self._pass(there, writer))
            finally:
                self._open -= {writer, back}

    async def _pass(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError):
            while data := await reader.read(65_536):
                await self.speaks.wait()
                writer.write(data)
                await writer.drain()
        writer.close()


@asynccontextmanager
async def proxy_to(host: str, port: int) -> AsyncIterator[Proxy]:
    """A proxy for a server, forwarding at first."""
    proxy = Proxy(host, port)
    proxy.mend()
    tasks: set[asyncio.Task[None]] = set()

    def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.create_task(proxy.serve(reader, writer))
        tasks.add(task)
        task.add_done_callback(tasks.discard)

    server = await asyncio.start_server(accept, "127.0.0.1", 0)
    proxy.port = server.sockets[0].getsockname()[1]
    try:
        yield proxy
    finally:
        server.close()
        for task in list(tasks):
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
