"""The page's own routes, next to Discord's."""

from pathlib import Path
from urllib.parse import urlsplit

from aiohttp import web

from sandbox.command_visibility import NotOfferedError
from sandbox.loopback import LoopbackDiscord
from sandbox.model import Interaction
from sandbox.page.actions import ACTIONS, read_action
from sandbox.page.events import serve_events
from sandbox.page.views import interaction_view, traffic_view
from sandbox.rest.bodies import answer

STATIC = Path(__file__).with_name("static")
POLICY = (
    "default-src 'self'; img-src 'self' http: https: data: blob:; media-src 'self' blob:; "
    "connect-src 'self'; style-src 'self' 'unsafe-inline'; base-uri 'none'; form-action 'none'"
)


def add_page(discord: LoopbackDiscord) -> None:
    """Serve the chat page next to Discord's API."""
    router = discord.app.router

    async def index(_: web.Request) -> web.Response:
        return web.Response(
            body=(STATIC / "index.html").read_bytes(),
            content_type="text/html",
            charset="utf-8",
            headers={"Content-Security-Policy": POLICY, "Cache-Control": "no-store"},
        )

    async def part(request: web.Request) -> web.FileResponse:
        path = STATIC / request.match_info["name"]
        if not path.is_file():
            raise web.HTTPNotFound
        # Revalidated each time, so that a page never mixes files of two versions.
        return web.FileResponse(path, headers={"Cache-Control": "no-cache"})

    async def events(request: web.Request) -> web.StreamResponse:
        _own_page_only(request)
        return await serve_events(request, discord)

    async def act(request: web.Request) -> web.Response:
        _own_page_only(request)
        action = ACTIONS.get(request.match_info["action"])
        if action is None:
            return answer({"error": "There is no such action."}, 404)
        try:
            done = await action(await read_action(request, discord))
            return answer(interaction_view(done) if isinstance(done, Interaction) else done)
        except NotOfferedError as refusal:
            return answer({"error": str(refusal)}, 409)

    async def line(request: web.Request) -> web.Response:
        _own_page_only(request)
        wanted = request.match_info["number"]
        found = next((t for t in discord.world.traffic if str(t.number) == wanted), None)
        if found is None:
            return answer({"error": "That line is no longer kept."}, 404)
        return answer(traffic_view(found, whole=True))

    router.add_get("/", index)
    router.add_get("/sandbox/events", events)
    router.add_get("/sandbox/traffic/{number}", line)
    router.add_post("/sandbox/act/{action}", act)
    router.add_get(r"/static/{name:[\w-]+\.\w+}", part)


def _own_page_only(request: web.Request) -> None:
    """Refuse requests from other sites: the page acts as its users without a login."""
    host = request.headers.get("Host", "")
    origin = request.headers.get("Origin")
    known = urlsplit(f"//{host}").hostname in {"127.0.0.1", "localhost"}
    if not known or (origin is not None and urlsplit(origin).netloc != host):
        raise web.HTTPForbidden(text="Only the sandbox's own page may do this.")
