"""URLs of the gateway, and the signed ones of attachments at the CDN."""

import hashlib
import hmac
from urllib.parse import quote, urlsplit

from sandbox.model import Json, StoredFile
from sandbox.world import World

ADDRESS_LIFE_SECONDS = 24 * 3600
REISSUED_AFTER_SECONDS = 3600


def signature(world: World, path: str, issued: int, expires: int) -> str:
    """The signature that makes a CDN URL valid until it expires."""
    text = f"{path}|{issued:x}|{expires:x}".encode()
    return hmac.new(world.cdn_secret, text, hashlib.sha256).hexdigest()


def file_path(stored: StoredFile) -> str:
    """The path of a file at the CDN, without a signature."""
    folder = "ephemeral-attachments" if stored.ephemeral else "attachments"
    return f"/{folder}/{stored.folder_id}/{stored.id}/{quote(stored.filename)}"


def file_url(world: World, stored: StoredFile) -> str:
    """A signed URL that expires; it stays the same for an hour, so that clients can cache it.

    https://docs.discord.com/developers/reference#signed-attachment-cdn-urls
    """
    issued = int(world.clock.now()) // REISSUED_AFTER_SECONDS * REISSUED_AFTER_SECONDS
    expires = issued + ADDRESS_LIFE_SECONDS
    path = file_path(stored)
    mark = signature(world, path, issued, expires)
    return f"{world.base_url}{path}?ex={expires:x}&is={issued:x}&hm={mark}&"


def attachment_json(world: World, stored: StoredFile) -> Json:
    """An attachment object."""
    url = file_url(world, stored)
    payload: Json = {
        "id": str(stored.id),
        "filename": stored.filename,
        "size": len(stored.data),
        "url": url,
        "proxy_url": url,
    }
    if stored.ephemeral:
        payload["ephemeral"] = True
    for key in ("content_type", "width", "height", "description"):
        value = getattr(stored, key)
        if value is not None:
            payload[key] = value
    if stored.spoiler:
        payload["flags"] = 1 << 3
    return payload


def gateway_address(world: World) -> str:
    """The WebSocket URL of the gateway."""
    return world.base_url.replace("http", "ws", 1) + "/gateway"


def proxy_url(world: World, url: str) -> str:
    """The URL of Discord's copy of an external picture.

    The sandbox fetches nothing from outside, so nothing is served there; its own files keep their
    URL.
    """
    if url.startswith(f"{world.base_url}/"):
        return url
    parts = urlsplit(url)
    mark = hmac.new(world.cdn_secret, url.encode(), hashlib.sha256).hexdigest()[:43]
    return f"{world.base_url}/external/{mark}/{parts.scheme}/{parts.netloc}{parts.path}"
