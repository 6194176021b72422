#!/bin/sh
# aiohttp 3.14.5: a body that an async generator gives is sent empty the second time where a client middleware sends the
# request again. `DigestAuthMiddleware` does so for the first request of a session, which the server answers with 401:
# it stores 0 bytes and answers 200, and nothing is raised. The same body after a redirect 307 is refused with
# ClientPayloadError; bytes and files are sent whole in both ways.
# Expected: the body, or the error. What helps: a file or bytes as the body, or a small request before the first upload.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check aiohttp==3.14.5
said=$("$folder/venv/bin/python" - <<'PYTHON'
import asyncio
import io

import aiohttp
from aiohttp import web

PHOTO = b"x" * 300_000
CHALLENGE = {"WWW-Authenticate": 'Digest realm="photos", qop="auth", nonce="abc", algorithm=SHA-256'}


async def store(request):
    kept = await request.read()
    if "Authorization" not in request.headers:
        return web.Response(status=401, headers=CHALLENGE)
    return web.Response(text=f"stored {len(kept)} bytes")


async def move(request):
    await request.read()
    return web.Response(status=307, headers={"Location": "/store"})


async def streamed():
    for start in range(0, len(PHOTO), 100_000):
        yield PHOTO[start : start + 100_000]


bodies = {"bytes": lambda: PHOTO, "file": lambda: io.BytesIO(PHOTO), "async generator": streamed}


async def main():
    app = web.Application(client_max_size=len(PHOTO) + 1)
    app.router.add_put("/store", store)
    app.router.add_put("/move", move)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    server = f"http://127.0.0.1:{runner.addresses[0][1]}"
    login = {"Authorization": "Basic eDp5"}
    for name, body in bodies.items():
        async with aiohttp.ClientSession(middlewares=(aiohttp.DigestAuthMiddleware("me", "secret"),)) as session:
            for number in ("first", "second"):
                async with session.put(f"{server}/store", data=body()) as answer:
                    print(f"digest, {number} {name}: {answer.status} {await answer.text()}")
        async with aiohttp.ClientSession(headers=login) as session:
            try:
                async with session.put(f"{server}/move", data=body()) as answer:
                    print(f"redirect, {name}: {answer.status} {await answer.text()}")
            except aiohttp.ClientError as error:
                print(f"redirect, {name}: {type(error).__name__}")
    await runner.cleanup()


asyncio.run(main())
PYTHON
)
seen="digest, first bytes: 200 stored 300000 bytes
digest, second bytes: 200 stored 300000 bytes
redirect, bytes: 200 stored 300000 bytes
digest, first file: 200 stored 300000 bytes
digest, second file: 200 stored 300000 bytes
redirect, file: 200 stored 300000 bytes
digest, first async generator: 200 stored 0 bytes
digest, second async generator: 200 stored 300000 bytes
redirect, async generator: ClientPayloadError"
echo "$said"
[ "$said" = "$seen" ] || { echo "this has changed" >&2; exit 1; }
