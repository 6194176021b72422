"""A bot that sends any request, also ones that a client library would not send."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import aiohttp

from sandbox import LoopbackDiscord
from sandbox.model import Interaction

Files = dict[str, tuple[str, bytes]]
COMMANDS: list[dict[str, Any]] = [
    {
        "name": "paint",
        "description": "Paint",
        "options": [
            {"type": 3, "name": "preset", "description": "Which", "autocomplete": True},
            {"type": 4, "name": "size", "description": "How large"},
        ],
        "integration_types": [0, 1],
        "contexts": [0, 1, 2],
    }
]


class RawBot:
    """Sends requests unchanged."""

    def __init__(self, discord: LoopbackDiscord, session: aiohttp.ClientSession) -> None:
        self.discord = discord
        self.session = session
        self.headers = {"Authorization": f"Bot {discord.token}"}
        self.application = f"/applications/{discord.application_id}/commands"

    async def call(
        self, method: str, path: str, payload: Any = None, files: Files | None = None
    ) -> tuple[int, Any]:
        """Send a request; return the status and body of the response."""
        body: Any = None
        headers = dict(self.headers)
        if files:
            body = aiohttp.FormData(quote_fields=False)
            body.add_field("payload_json", json.dumps(payload))
            for name, (filename, data) in files.items():
                body.add_field(name, data, filename=filename)
        elif payload is not None:
            body = json.dumps(payload)
            headers["Content-Type"] = "application/json"
        url = self.discord.api_url + path
        async with self.session.request(method, url, data=body, headers=headers) as response:
            text = await response.text()
            is_json = response.headers.get("Content-Type") == "application/json"
            return response.status, json.loads(text) if is_json else text

    async def dispatch_paint(self, **details: Any) -> Interaction:
        """Dispatch a `/paint` interaction of ada's without waiting for its answer."""
        return await self.discord.slash(self.discord.user("ada"), "paint", wait=False, **details)

    async def respond(
        self, interaction: Interaction, payload: Any, files: Files | None = None
    ) -> tuple[int, Any]:
        path = f"/interactions/{interaction.id}/{interaction.token}/callback"
        return await self.call("POST", f"{path}?with_response=1", payload, files)

    async def send(self, message: Any, files: Files | None = None) -> tuple[int, Any]:
        """Post a message in #paintings."""
        path = f"/channels/{self.discord.channel().id}/messages"
        return await self.call("POST", path, message, files)

    def webhook(self, interaction: Interaction, rest: str = "/messages/@original") -> str:
        return f"/webhooks/{self.discord.application_id}/{interaction.token}{rest}"


@asynccontextmanager
async def registered_bot(discord: LoopbackDiscord) -> AsyncIterator[RawBot]:
    """A bot with registered commands."""
    async with aiohttp.ClientSession() as session:
        bot = RawBot(discord, session)
        status, _ = await bot.call("PUT", bot.application, COMMANDS)
        assert status == 200
        yield bot


def error_codes(body: Any) -> set[tuple[str, str]]:
    """Every (path, code) in a form error."""
    found: set[tuple[str, str]] = set()

    def visit(node: Any, path: str) -> None:
        for key, value in node.items():
            if key == "_errors":
                found.update((path, e["code"]) for e in value)
            else:
                visit(value, f"{path}.{key}".lstrip("."))

    visit(body.get("errors", {}), "")
    return found
