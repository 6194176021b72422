"""Parsing requests and building responses the way Discord does."""

import json
from dataclasses import dataclass, field
from typing import Any

from aiohttp import BodyPartReader, web

from sandbox.errors import ApiError, invalid_body
from sandbox.model import Files, Json


@dataclass
class Body:
    """The JSON of a request, and its files by index."""

    payload: Any
    files: Files = field(default_factory=dict)


BODY: web.RequestKey[Body] = web.RequestKey("body", Body)


def answer(payload: object, status: int = 200) -> web.Response:
    """A JSON response; its content type has no charset, as Discord's has none."""
    return web.Response(
        status=status,
        body=json.dumps(payload).encode(),
        headers={"Content-Type": "application/json"},
    )


def no_content() -> web.Response:
    """A 204 response."""
    return web.Response(status=204)


def loads(text: str | bytes) -> Any:
    """Parse JSON; raises Discord's error for invalid JSON."""
    try:
        return json.loads(text)
    except ValueError:
        raise ApiError(400, 50109, "The request body contains invalid JSON.") from None


async def read_body(request: web.Request) -> Body:
    """Parse the body of a request: plain JSON, or `payload_json` in a multipart form."""
    if BODY in request:
        return request[BODY]
    if request.content_type.startswith("multipart/"):
        body = await _read_multipart(request)
    else:
        raw = await request.read()
        if raw and request.content_type != "application/json":
            raise invalid_body(
                "CONTENT_TYPE_INVALID",
                'Expected "Content-Type" header to be one of '
                "{'application/json', 'multipart/form-data'}.",
            )
        body = Body(loads(raw) if raw else {})
    request[BODY] = body
    return body


async def read_object(request: web.Request) -> tuple[Json, Files]:
    """The JSON object and files of a request; anything but an object is refused."""
    body = await read_body(request)
    if not isinstance(body.payload, dict):
        raise invalid_body("DICT_TYPE_CONVERT", "Only dictionaries may be used in a DictType")
    return body.payload, body.files


async def _read_multipart(request: web.Request) -> Body:
    body = Body({})
    async for part in await request.multipart():
        if not isinstance(part, BodyPartReader):
            continue
        name = part.name or ""
        data = bytes(await part.read(decode=True))
        if name == "payload_json":
            body.payload = loads(data)
        elif name.startswith("files[") and name.endswith("]"):
            index = name.removeprefix("files[").removesuffix("]")
            body.files[int(index) if index.isdigit() else len(body.files)] = (
                part.filename or "file",
                data,
            )
    return body
