"""Messages: fields, files, embeds, mentions, flags."""

import re
from collections.abc import Iterator
from typing import Any

from sandbox.errors import ApiError, too_large
from sandbox.model import Message, MessageFlag
from sandbox.rules.registry import Finding, FormBody, rule
from sandbox.rules.shape import Boolean, Integer, Items, Object, Schema, Snowflake, Text

CREATE = "resources/message#create-message"
EDIT = "resources/message#edit-message"
UPLOADING = "reference#uploading-files"
MAX_REQUEST_BYTES = 25 * 1024 * 1024
MAX_FILES = 10
MAX_EMBED_CHARACTERS = 6000
SAFE_NAME = re.compile(r"[A-Za-z0-9._-]+")

MEDIA: Schema = {"url": Text(required=True, high=2048)}
EMBED: Schema = {
    "title": Text(high=256, trim=True),
    "description": Text(high=4096, trim=True),
    "url": Text(high=2048),
    "color": Integer(low=0, high=0xFFFFFF),
    "footer": Object(schema={"text": Text(required=True, high=2048, trim=True)}),
    "author": Object(schema={"name": Text(required=True, high=256, trim=True)}),
    "image": Object(schema=MEDIA),
    "thumbnail": Object(schema=MEDIA),
    "fields": Items(
        high=25,
        of=Object(
            schema={
                "name": Text(required=True, low=1, high=256, trim=True),
                "value": Text(required=True, low=1, high=1024, trim=True),
                "inline": Boolean(),
            }
        ),
    ),
}
MESSAGE: Schema = {
    "content": Text(high=2000),
    "tts": Boolean(),
    "embeds": Items(high=10, of=Object(schema=EMBED)),
    "components": Items(of=Object()),
    "attachments": Items(
        high=MAX_FILES,
        of=Object(
            schema={
                "id": Snowflake(required=True),
                "filename": Text(high=1024),
                "description": Text(high=1024),
                "is_spoiler": Boolean(),
            }
        ),
    ),
    "flags": Integer(low=0),
    "allowed_mentions": Object(
        schema={
            "parse": Items(of=Text()),
            "users": Items(high=100, of=Snowflake()),
            "roles": Items(high=100, of=Snowflake()),
            "replied_user": Boolean(),
        }
    ),
    "message_reference": Object(schema={"message_id": Snowflake(required=True)}),
    "sticker_ids": Items(high=3, of=Snowflake()),
    "enforce_nonce": Boolean(),
}


@rule("message-shape", CREATE)
def message_fields_have_their_types(form: FormBody) -> Iterator[Finding]:
    """The fields have the right types and lengths."""
    yield from Object(schema=MESSAGE).findings(form.path, form.value)


@rule("message-shape", CREATE)
def nonce_is_short(form: FormBody) -> Iterator[Finding]:
    """A nonce is a number, or text of up to 25 characters."""
    nonce = form.value.get("nonce")
    path = (*form.path, "nonce")
    if nonce is None:
        return
    if isinstance(nonce, bool) or not isinstance(nonce, int | str):
        yield Finding(path, "NONCE_TYPE_INVALID", "Nonce must be a string or an integer.")
    elif len(str(nonce)) > 25:
        yield Finding(path, "BASE_TYPE_MAX_LENGTH", "Must be 25 or fewer in length.")


@rule("message-shape", UPLOADING)
def files_keep_the_upload_limit(form: FormBody) -> Iterator[Finding]:
    """No file exceeds the upload limit, and no request 25 MiB."""
    refusal = too_large()
    for index, (name, data) in form.files.items():
        if len(data) > form.upload_limit_bytes:
            message = f"{name} has {len(data)} bytes; {form.upload_limit_bytes} are allowed."
            yield Finding(("files", index), "", message, refusal)
    total = sum(len(data) for _, data in form.files.values())
    if total > max(MAX_REQUEST_BYTES, form.upload_limit_bytes):
        message = f"The request has {total} bytes of files; 25 MiB are allowed."
        yield Finding(("files",), "", message, refusal)


def final_files(form: FormBody) -> dict[str, bool]:
    """The names of the message's resulting attachments; true for uploads of this request."""
    listed = form.value.get("attachments")
    names: dict[str, bool] = {}
    if form.existing is not None:
        kept = None if listed is None else {str(item.get("id")) for item in listed}
        for stored in form.existing.attachments:
            if kept is None or str(stored.id) in kept:
                names[stored.filename] = False
    renamed = {str(item.get("id")): item.get("filename") for item in listed or []}
    for index, (name, _) in form.files.items():
        names[renamed.get(str(index)) or name] = True
    return names


@rule("message", UPLOADING)
def at_most_ten_files(form: FormBody) -> Iterator[Finding]:
    """A message has at most ten attachments."""
    if len(final_files(form)) > MAX_FILES:
        message = f"Must be {MAX_FILES} or fewer in length."
        yield form.wrong("BASE_TYPE_MAX_LENGTH", message, "attachments")


@rule("message", UPLOADING)
def listed_attachments_exist(form: FormBody) -> Iterator[Finding]:
    """Each listed attachment is a file of the request or an existing one."""
    known = {str(index) for index in form.files}
    if form.existing is not None:
        known |= {str(stored.id) for stored in form.existing.attachments}
    for index, item in enumerate(form.value.get("attachments") or []):
        if str(item["id"]) not in known:
            message = "The attachment was not found."
            yield form.wrong("ATTACHMENT_NOT_FOUND", message, "attachments", index, "id")


@rule("message", UPLOADING)
def sent_files_are_listed(form: FormBody) -> Iterator[Finding]:
    """If `attachments` is given, Discord drops files that it does not list."""
    listed = form.value.get("attachments")
    if listed is None:
        return
    ids = {str(item["id"]) for item in listed}
    for index, (name, _) in form.files.items():
        if str(index) not in ids:
            message = f"{name} is sent but not listed, so it is dropped."
            yield Finding(("files", index), "", message, advice=True)


@rule("message", "reference#editing-message-attachments")
def file_names_stay_as_they_are(form: FormBody) -> Iterator[Finding]:
    """Discord takes other characters out of a file's name, so `attachment://` misses it."""
    for name, is_new in final_files(form).items():
        if is_new and not SAFE_NAME.fullmatch(name):
            message = f"{name!r} will have another name: only A-Z, a-z, 0-9, '-', '_' and '.' stay."
            yield form.advice(message, "attachments")


@rule("message", CREATE)
def message_is_not_empty(form: FormBody) -> Iterator[Finding]:
    """A message has some content."""
    value, old = form.value, form.existing

    def present(key: str, before: Any) -> bool:
        now = value.get(key, before)
        return bool(now.strip() if isinstance(now, str) else now)

    shown = (
        present("content", old.content if old else "")
        or present("embeds", old.embeds if old else [])
        or present("components", old.components if old else [])
        or present("sticker_ids", [])
        or present("poll", None)
        or final_files(form)
    )
    if not shown:
        refusal = ApiError(400, 50006, "Cannot send an empty message")
        yield Finding(form.path, "", "Nothing to show.", refusal)


@rule("message", "resources/message#embed-object-embed-limits")
def embeds_share_six_thousand_characters(form: FormBody) -> Iterator[Finding]:
    """All embeds of a message together have at most 6000 characters."""
    total = 0
    for embed in form.value.get("embeds") or []:
        texts = [embed.get("title"), embed.get("description")]
        texts += [(embed.get("footer") or {}).get("text"), (embed.get("author") or {}).get("name")]
        for field in embed.get("fields") or []:
            texts += [field["name"], field["value"]]
        total += sum(len(text.strip()) for text in texts if text)
    if total > MAX_EMBED_CHARACTERS:
        message = f"Embed size exceeds maximum size of {MAX_EMBED_CHARACTERS}"
        yield form.wrong("MAX_EMBED_SIZE_EXCEEDED", message, "embeds")


@rule("message", "resources/message#embed-object-embed-image-structure")
def embed_pictures_have_addresses(form: FormBody) -> Iterator[Finding]:
    """Embed images are http(s) URLs or attached files."""
    names = final_files(form)
    for index, embed in enumerate(form.value.get("embeds") or []):
        for key in ("image", "thumbnail"):
            url = (embed.get(key) or {}).get("url")
            path = (*form.path, "embeds", index, key, "url")
            if url is None:
                continue
            if url.startswith("attachment://"):
                if url.removeprefix("attachment://") not in names:
                    yield Finding(path, "", f"{url} names no attached file.", advice=True)
            elif not url.startswith(("http://", "https://")):
                message = (
                    f'Scheme "{url.split(":", maxsplit=1)[0]}" is not supported. '
                    "Scheme must be one of ('http', 'https')."
                )
                yield Finding(path, "URL_TYPE_INVALID_SCHEME", message)


@rule("message", "resources/message#allowed-mentions-object")
def allowed_mentions_are_not_ambiguous(form: FormBody) -> Iterator[Finding]:
    """For one type of mention, `parse` and a list of IDs exclude each other."""
    mentions = form.value.get("allowed_mentions") or {}
    parse = mentions.get("parse") or []
    path = (*form.path, "allowed_mentions")
    for index, kind in enumerate(parse):
        if kind not in {"users", "roles", "everyone"}:
            message = "Value must be one of {'roles', 'users', 'everyone'}."
            yield Finding((*path, "parse", index), "BASE_TYPE_CHOICES", message)
    for kind in ("users", "roles"):
        if kind in parse and mentions.get(kind):
            message = f'parse:["{kind}"] and {kind}: [ids...] are mutually exclusive.'
            yield Finding(path, "MESSAGE_ALLOWED_MENTIONS_PARSE_EXCLUSIVE", message)


@rule("message", "resources/message#message-reference-structure")
def replies_name_a_message(form: FormBody) -> Iterator[Finding]:
    """A reply refers to an existing message, unless `fail_if_not_exists` is false."""
    reference = form.value.get("message_reference")
    if not reference or reference.get("fail_if_not_exists") is False:
        return
    referenced = form.world.messages.get(int(reference["message_id"]))
    if referenced is None or referenced.deleted:
        message = "Unknown message"
        yield form.wrong("MESSAGE_REFERENCE_UNKNOWN_MESSAGE", message, "message_reference")


@rule("message", EDIT)
def edits_change_only_some_flags(form: FormBody) -> Iterator[Finding]:
    """An edit can neither change EPHEMERAL nor remove IS_COMPONENTS_V2."""
    flags, old = form.value.get("flags"), form.existing
    if flags is None or old is None:
        return
    path = (*form.path, "flags")
    if flags & MessageFlag.EPHEMERAL and not old.ephemeral:
        yield Finding(path, "", "An edit cannot make a message ephemeral.", advice=True)
    if old.is_v2 and not flags & MessageFlag.IS_COMPONENTS_V2:
        yield Finding(path, "", "IS_COMPONENTS_V2 cannot be removed again.", advice=True)


@rule("message", CREATE)
def ephemeral_needs_an_interaction(form: FormBody) -> Iterator[Finding]:
    """Only responses to interactions can be ephemeral."""
    flags = form.value.get("flags") or 0
    if flags & MessageFlag.EPHEMERAL and form.interaction is None:
        message = "A message sent with the bot's token cannot be ephemeral; the flag is lost."
        yield form.advice(message, "flags")


def is_v2(flags: object, existing: Message | None) -> bool:
    """Whether a message uses Components V2, or does with these flags."""
    if existing is not None and existing.is_v2:
        return True
    if not isinstance(flags, int) or isinstance(flags, bool):
        return False
    return bool(flags & MessageFlag.IS_COMPONENTS_V2)
