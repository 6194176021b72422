#!/bin/sh
# discord.py 2.7.1: a `DynamicItem` that `Client.add_dynamic_items` registered "for persistent listening" is forgotten
# for all messages once one view ends that shows such an item beside a plain button: when that view times out (after
# 180 s unless told otherwise), is stopped, or is sent again without the item. The view takes the class with it, as if
# it were its own; presses under older messages get no answer from then on, until the bot restarts. A view of
# dynamic items alone does no harm. Expected: `remove_dynamic_items` alone ends it.
# What helps: `timeout=None` for each view that shows one, and neither to stop nor to reuse it.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check discord.py==2.7.1
said=$("$folder/venv/bin/python" - 2>/dev/null <<'PYTHON'
import asyncio
import itertools
import json

import discord
from aiohttp import web
from discord import ui
from discord.http import Route

ids = itertools.count(100)
bot = {"id": "2", "username": "bot", "discriminator": "0", "avatar": None}
application = {"id": "2", "name": "bot", "description": "", "verify_key": "", "bot_public": True, "icon": None}
application |= {"bot_require_code_grant": False, "owner": bot, "flags": 0, "team": None}
about = {"author": bot, "timestamp": "2026-01-01T00:00:00+00:00", "edited_timestamp": None, "tts": False, "type": 0}
about |= dict.fromkeys(("mentions", "mention_roles", "attachments", "embeds"), [])
about |= {"channel_id": "1", "content": "", "mention_everyone": False, "pinned": False, "flags": 0}
button = {"type": 2, "style": 2, "label": "Vote", "custom_id": "vote:7"}
older = {**about, "id": "50", "components": [{"type": 1, "components": [button]}]}
pressing = {"application_id": "2", "type": 3, "token": "t", "version": 1, "channel_id": "1", "message": older}
pressing |= {"channel": {"id": "1", "type": 1}, "user": {**bot, "id": "3"}, "entitlements": [], "locale": "en-US"}
pressing |= {"authorizing_integration_owners": {}, "attachment_size_limit": 1, "app_permissions": "0"}
pressing |= {"data": {"component_type": 2, "custom_id": "vote:7", "id": 1}}


def answers(said):
    async def answer(request):
        return web.Response(body=json.dumps(said).encode(), content_type="application/json")

    return answer


class Vote(ui.DynamicItem[ui.Button], template="vote:(?P<number>[0-9]+)"):
    pressed = 0

    def __init__(self, number):
        super().__init__(ui.Button(label="Vote", custom_id=f"vote:{number}"))

    @classmethod
    async def from_custom_id(cls, interaction, item, match):
        return cls(match["number"])

    async def callback(self, interaction):
        Vote.pressed += 1


async def tell(client, what):
    Vote.pressed = 0
    client._connection.parse_interaction_create({**pressing, "id": str(next(ids))})  # as the gateway does
    await asyncio.sleep(0.2)
    print(f"{what}: the older button", "answers" if Vote.pressed else "gets no answer")


async def main():
    app = web.Application()
    app.router.add_get("/users/@me", answers(bot))
    app.router.add_get("/oauth2/applications/@me", answers(application))
    app.router.add_post("/channels/1/messages", answers({**about, "id": "60", "components": []}))
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    Route.BASE = f"http://127.0.0.1:{runner.addresses[0][1]}"
    async with discord.Client(intents=discord.Intents.none()) as client:
        await client.login("token")
        channel = client.get_partial_messageable(1)
        for what, plain, timeout in (("timed out, dynamic alone", 0, 0.3), ("timed out", 1, 0.3), ("stopped", 1, None)):
            client.add_dynamic_items(Vote)
            view = ui.View(timeout=timeout).add_item(Vote(8))
            for _ in range(plain):
                view.add_item(ui.Button(label="Plain", custom_id="plain"))
            await channel.send(view=view)
            await tell(client, "sent")
            if timeout is None:
                view.stop()
            await asyncio.sleep(0.6)
            await tell(client, what)
    await runner.cleanup()


asyncio.run(main())
PYTHON
)
seen="sent: the older button answers
timed out, dynamic alone: the older button answers
sent: the older button answers
timed out: the older button gets no answer
sent: the older button answers
stopped: the older button gets no answer"
echo "$said"
[ "$said" = "$seen" ] || { echo "this has changed" >&2; exit 1; }
