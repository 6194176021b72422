"""The CDN: attachments at signed URLs that expire, stickers and avatars.

https://docs.discord.com/developers/reference#signed-attachment-cdn-urls
"""

import hmac
from collections.abc import Mapping

from aiohttp import web

from sandbox.addresses import file_path, signature
from sandbox.avatars import draw_avatar
from sandbox.errors import not_found
from sandbox.model import StickerFormat
from sandbox.rest.context import path_id, world_of
from sandbox.world import World

_STICKER_SUFFIX = {
    StickerFormat.PNG: "png",
    StickerFormat.APNG: "png",
    StickerFormat.LOTTIE: "json",
}  # GIFs are on another host: https://media.discordapp.net
_GONE = "This content is no longer available."


async def download(request: web.Request) -> web.Response:
    """A file, if its URL is signed and has not expired."""
    world = world_of(request)
    stored = world.files.get(path_id(request, "file"))
    path, query = request.rel_url.raw_path, request.query
    if stored is None or path != file_path(stored) or not _is_valid(world, path, query):
        return web.Response(status=404, text=_GONE)
    return web.Response(
        body=stored.data,
        headers={
            "Content-Type": stored.content_type or "application/octet-stream",
            "Cache-Control": "private, max-age=3600",
            "X-Content-Type-Options": "nosniff",
        },
    )


def _is_valid(world: World, path: str, query: Mapping[str, str]) -> bool:
    try:
        issued, expires = int(query["is"], 16), int(query["ex"], 16)
    except (KeyError, ValueError):
        return False
    is_ours = hmac.compare_digest(signature(world, path, issued, expires), query.get("hm", ""))
    return is_ours and world.clock.now() <= expires


async def sticker(request: web.Request) -> web.Response:
    """A sticker: pictures as PNG, Lottie animations as JSON.

    https://docs.discord.com/developers/reference#image-formatting-cdn-endpoints
    """
    found = world_of(request).stickers.get(path_id(request, "sticker"))
    if found is None or request.match_info["suffix"] != _STICKER_SUFFIX.get(found.format):
        return web.Response(status=404, text=_GONE)
    kind = "application/json" if found.format is StickerFormat.LOTTIE else "image/png"
    return web.Response(body=found.data, content_type=kind)


async def own_avatar(request: web.Request) -> web.Response:
    """A user's avatar in the requested size: a face on their color."""
    user = world_of(request).users.get(path_id(request, "user"))
    name = request.match_info["name"]
    if user is None or user.bot or not name.endswith(".png"):
        raise not_found()
    size_px = min(1024, max(16, int(request.query.get("size", "128"))))
    return web.Response(body=draw_avatar(user.color, size_px), content_type="image/png")


async def avatar(request: web.Request) -> web.Response:
    """A default avatar: a disc in one of Discord's colors."""
    colors = ("#5865f2", "#747f8d", "#3ba55d", "#faa81a", "#ed4245", "#eb459e")
    name = request.match_info["name"].split(".")[0]
    if not name.isdigit():
        raise not_found()
    svg = (
        '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 64 64">'
        f'<circle cx="32" cy="32" r="32" fill="{colors[int(name) % 6]}"/></svg>'
    )
    return web.Response(body=svg.encode(), content_type="image/svg+xml")
