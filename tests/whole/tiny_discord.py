"""A minimal Discord for the chaos test: interactions, messages with nonces, edits.

It runs in the test's process and is called over TCP, so that it has exactly what a killed bot had
sent.
"""

import asyncio
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Self

from jobs.model import ENDED


@dataclass
class Message:
    """A message with all its contents so far."""

    id: int
    nonce: str
    contents: list[str] = field(default_factory=list)

    @property
    def final(self) -> list[str]:
        """The final states among its contents."""
        return [content for content in self.contents if content.startswith(ENDED)]


class TinyDiscord:
    """A server with a few atomic calls."""

    def __init__(self) -> None:
        self.interactions: dict[int, dict[str, Any]] = {}
        self.acknowledged: set[int] = set()
        self.messages: dict[int, Message] = {}
        self.port = 0
        self._server: asyncio.Server | None = None
        self._calls: dict[str, Callable[..., Any]] = {
            "pending": self._pending,
            "acknowledge": self._acknowledge,
            "post": self._post,
            "edit": self._edit,
        }

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._server is not None
        self._server.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while line := await reader.readline():
                request = json.loads(line)
                answer = self._calls[request.pop("call")](**request)
                writer.write(json.dumps(answer).encode() + b"\n")
                await writer.drain()
        except (ConnectionError, ValueError):
            pass  # The bot was killed while sending.
        finally:
            writer.close()

    def _pending(self) -> list[dict[str, Any]]:
        return [
            payload | {"interaction_id": number}
            for number, payload in self.interactions.items()
            if number not in self.acknowledged
        ][:20]

    def _acknowledge(self, interaction_id: int) -> bool:
        self.acknowledged.add(interaction_id)
        return True

    def _post(self, nonce: str, content: str) -> int:
        """Post a message; the same nonce is the same message (`enforce_nonce`)."""
        for message in self.messages.values():
            if message.nonce == nonce:
                return message.id
        message = Message(len(self.messages) + 1, nonce, [content])
        self.messages[message.id] = message
        return message.id

    def _edit(self, message_id: int, content: str) -> bool:
        self.messages[message_id].contents.append(content)
        return True


class Client:
    """The bot's connection to `TinyDiscord`."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer

    @classmethod
    async def connect(cls, port: int) -> Self:
        return cls(*await asyncio.open_connection("127.0.0.1", port))

    async def __call__(self, call: str, **arguments: Any) -> Any:
        self._writer.write(json.dumps({"call": call, **arguments}).encode() + b"\n")
        await self._writer.drain()
        return json.loads(await self._reader.readline())
