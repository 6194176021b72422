#!/bin/sh
# discord.py 2.7.1 (disnake mended the same in its pull request 1585): the request that meets Discord's
# global rate limit clears an event that all others wait for, sleeps, and sets the event again. Where it
# is cancelled while it sleeps, as by `asyncio.timeout`, the event stays cleared: every request by
# `HTTPClient` waits for ever from then on, though the gateway and interactions go on working. So does the
# lock of a webhook's requests where one is cancelled while it waits for `X-RateLimit-Reset-After`.
# Expected: the next request is made. What helps: to set the event and release the lock at a cancellation.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check discord.py==2.7.1
said=$("$folder/venv/bin/python" - 2>/dev/null <<'PYTHON'
import asyncio
import json

from aiohttp import web
from discord.http import HTTPClient, Route
from discord.webhook.async_ import AsyncDeferredLock

limits = 0


def answer(said, status=200):
    body = json.dumps(said).encode()  # without a charset, which discord.py takes for no JSON
    headers = {"Via": "1.1 here"}
    return web.Response(body=body, status=status, content_type="application/json", headers=headers)


async def user(request):
    global limits
    if request.match_info["who"] == "1" and limits == 0:
        limits += 1
        return answer({"message": "slowly", "global": True, "retry_after": 1.0}, 429)
    return answer({"id": "2", "username": "bot", "discriminator": "0", "avatar": None})


async def ended(seconds, work):
    try:
        async with asyncio.timeout(seconds):
            await work
    except TimeoutError:
        return "never ended"
    return "was made"


async def given_up(lock):
    async with AsyncDeferredLock(lock) as turn:
        turn.delay_by(1.0)


async def main():
    app = web.Application()
    app.router.add_get("/users/{who}", user)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    Route.BASE = f"http://127.0.0.1:{runner.addresses[0][1]}"
    http = HTTPClient(asyncio.get_running_loop())
    await http.static_login("token")
    await ended(0.3, http.get_user(1))  # given up while it sleeps
    await asyncio.sleep(1.5)  # the limit is over
    print("the next request", await ended(3, http.get_user(1)))
    lock = asyncio.Lock()
    await ended(0.1, given_up(lock))
    print("the next by the webhook", await ended(3, given_up(lock)))
    await http.close()
    await runner.cleanup()


asyncio.run(main())
PYTHON
)
seen="the next request never ended
the next by the webhook never ended"
echo "$said"
[ "$said" = "$seen" ] || { echo "this has changed" >&2; exit 1; }
