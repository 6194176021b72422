"""Rules for messages and components, refused with Discord's path and code."""

from typing import Any

import pytest

from sandbox import LoopbackDiscord
from sandbox.rules import all_rules
from tests.sandbox.raw_bot import RawBot, error_codes

V2 = 1 << 15
MIB = 1024 * 1024


def text(content: str) -> dict[str, Any]:
    return {"type": 10, "content": content}


def row(*children: dict[str, Any]) -> dict[str, Any]:
    return {"type": 1, "components": list(children)}


def button(custom_id: str = "a", **fields: Any) -> dict[str, Any]:
    return {"type": 2, "style": 2, "label": "Go", "custom_id": custom_id, **fields}


def gallery(*urls: str) -> dict[str, Any]:
    return {"type": 12, "items": [{"media": {"url": url}} for url in urls]}


def options(count: int) -> list[dict[str, str]]:
    return [{"label": str(i), "value": str(i)} for i in range(count)]


def v2(*components: Any, **fields: Any) -> dict[str, Any]:
    return {"flags": V2, "components": list(components), **fields}


def legacy(*components: Any, **fields: Any) -> dict[str, Any]:
    return {"content": "x", "components": list(components), **fields}


INVALID_MESSAGES: list[tuple[str, Any, str, str]] = [
    ("long content", {"content": "x" * 2001}, "content", "BASE_TYPE_MAX_LENGTH"),
    ("content not a string", {"content": 7}, "content", "STRING_TYPE_CONVERT"),
    ("flags not a number", {"content": "x", "flags": "64"}, "flags", "NUMBER_TYPE_COERCE"),
    ("tts not a boolean", {"content": "x", "tts": "no"}, "tts", "BOOLEAN_TYPE_CONVERT"),
    ("embeds not a list", {"embeds": {}}, "embeds", "LIST_TYPE_CONVERT"),
    ("eleven embeds", {"embeds": [{"title": "x"}] * 11}, "embeds", "BASE_TYPE_MAX_LENGTH"),
    (
        "long embed title",
        {"embeds": [{"title": "x" * 257}]},
        "embeds.0.title",
        "BASE_TYPE_MAX_LENGTH",
    ),
    (
        "embeds too long together",
        {"embeds": [{"description": "x" * 4000}, {"description": "x" * 2001}]},
        "embeds",
        "MAX_EMBED_SIZE_EXCEEDED",
    ),
    (
        "embed field without a value",
        {"embeds": [{"fields": [{"name": "x"}]}]},
        "embeds.0.fields.0.value",
        "BASE_TYPE_REQUIRED",
    ),
    (
        "embed image with a file URL",
        {"embeds": [{"image": {"url": "file:///etc"}}]},
        "embeds.0.image.url",
        "URL_TYPE_INVALID_SCHEME",
    ),
    ("long nonce", {"content": "x", "nonce": "n" * 26}, "nonce", "BASE_TYPE_MAX_LENGTH"),
    (
        "ambiguous mentions",
        {"content": "x", "allowed_mentions": {"parse": ["users"], "users": ["1"]}},
        "allowed_mentions",
        "MESSAGE_ALLOWED_MENTIONS_PARSE_EXCLUSIVE",
    ),
    (
        "unknown mention",
        {"content": "x", "allowed_mentions": {"parse": ["all"]}},
        "allowed_mentions.parse.0",
        "BASE_TYPE_CHOICES",
    ),
    (
        "missing attachment",
        {"content": "x", "attachments": [{"id": 3, "filename": "a.png"}]},
        "attachments.0.id",
        "ATTACHMENT_NOT_FOUND",
    ),
    (
        "content with v2",
        v2(text("x"), content="y"),
        "content",
        "MESSAGE_CANNOT_USE_LEGACY_FIELDS_WITH_COMPONENTS_V2",
    ),
    (
        "embeds with v2",
        v2(text("x"), embeds=[{"title": "y"}]),
        "embeds",
        "MESSAGE_CANNOT_USE_LEGACY_FIELDS_WITH_COMPONENTS_V2",
    ),
    ("v2 without the flag", legacy(text("x")), "components.0.type", "UNION_TYPE_CHOICES"),
    (
        "41 components",
        v2(*[text("x")] * 41),
        "components",
        "COMPONENT_MAX_TOTAL_COMPONENTS_EXCEEDED",
    ),
    (
        "41 nested components",
        v2({"type": 17, "components": [text("x")] * 40}),
        "components",
        "COMPONENT_MAX_TOTAL_COMPONENTS_EXCEEDED",
    ),
    (
        "text too long",
        v2(text("x" * 2001), text("x" * 2000)),
        "components",
        "COMPONENT_DISPLAYABLE_TEXT_SIZE_EXCEEDED",
    ),
    ("empty text", v2(text("")), "components.0.content", "BASE_TYPE_BAD_LENGTH"),
    (
        "container in a container",
        v2({"type": 17, "components": [{"type": 17, "components": [text("x")]}]}),
        "components.0.components.0.type",
        "UNION_TYPE_CHOICES",
    ),
    ("button outside a row", v2(button()), "components.0.type", "UNION_TYPE_CHOICES"),
    (
        "eleven pictures",
        v2(gallery(*["https://x/y"] * 11)),
        "components.0.items",
        "BASE_TYPE_BAD_LENGTH",
    ),
    (
        "unknown attachment",
        v2(gallery("attachment://no.png")),
        "components.0.items.0.media.url",
        "UNFURLED_MEDIA_ITEM_REFERENCED_ATTACHMENT_NOT_FOUND",
    ),
    (
        "file with a web URL",
        v2({"type": 13, "file": {"url": "https://x/y"}}),
        "components.0.file.url",
        "URL_TYPE_INVALID_SCHEME",
    ),
    (
        "section without accessory",
        v2({"type": 9, "components": [text("x")]}),
        "components.0.accessory",
        "BASE_TYPE_REQUIRED",
    ),
    (
        "unknown separator spacing",
        v2(text("x"), {"type": 14, "spacing": 3}),
        "components.1.spacing",
        "BASE_TYPE_CHOICES",
    ),
    ("six rows", legacy(*[row(button())] * 6), "components", "BASE_TYPE_MAX_LENGTH"),
    (
        "six buttons",
        legacy(row(*[button(str(i)) for i in range(6)])),
        "components.0.components",
        "BASE_TYPE_BAD_LENGTH",
    ),
    (
        "button and select",
        legacy(row(button(), {"type": 3, "custom_id": "b", "options": options(2)})),
        "components.0.components",
        "COMPONENT_LAYOUT_WIDTH_EXCEEDED",
    ),
    (
        "same custom id",
        legacy(row(button("a"), button("a"))),
        "components.0.components.1.custom_id",
        "COMPONENT_CUSTOM_ID_DUPLICATED",
    ),
    (
        "long custom id",
        legacy(row(button("a" * 101))),
        "components.0.components.0.custom_id",
        "BASE_TYPE_BAD_LENGTH",
    ),
    (
        "long label",
        legacy(row(button(label="x" * 81))),
        "components.0.components.0.label",
        "BASE_TYPE_MAX_LENGTH",
    ),
    (
        "link without url",
        legacy(row({"type": 2, "style": 5, "label": "x"})),
        "components.0.components.0.url",
        "BUTTON_COMPONENT_URL_REQUIRED",
    ),
    (
        "button without custom id",
        legacy(row({"type": 2, "style": 1, "label": "x"})),
        "components.0.components.0.custom_id",
        "BUTTON_COMPONENT_CUSTOM_ID_REQUIRED",
    ),
    (
        "button without label and emoji",
        legacy(row({"type": 2, "style": 1, "custom_id": "x"})),
        "components.0.components.0",
        "BUTTON_COMPONENT_LABEL_OR_EMOJI_REQUIRED",
    ),
    (
        "26 options",
        legacy(row({"type": 3, "custom_id": "s", "options": options(26)})),
        "components.0.components.0.options",
        "BASE_TYPE_BAD_LENGTH",
    ),
    (
        "duplicate option value",
        legacy(row({"type": 3, "custom_id": "s", "options": options(1) * 2})),
        "components.0.components.0.options.1.value",
        "SELECT_COMPONENT_OPTION_VALUE_DUPLICATED",
    ),
    (
        "max_values above option count",
        legacy(row({"type": 3, "custom_id": "s", "options": options(2), "max_values": 3})),
        "components.0.components.0.max_values",
        "SELECT_COMPONENT_MAX_ABOVE_OPTIONS",
    ),
    (
        "a word for an emoji",
        legacy(row(button(emoji={"name": "star"}))),
        "components.0.components.0.emoji.name",
        "BUTTON_COMPONENT_INVALID_EMOJI",
    ),
    (
        "a digit for an emoji in an option",
        legacy(
            row(
                {
                    "type": 3,
                    "custom_id": "s",
                    "options": [{**options(1)[0], "emoji": {"name": "1"}}],
                }
            )
        ),
        "components.0.components.0.options.0.emoji.name",
        "BUTTON_COMPONENT_INVALID_EMOJI",
    ),
    (
        "more defaults than may be chosen",
        legacy(
            row({"type": 6, "custom_id": "s", "default_values": [{"id": "1", "type": "role"}] * 2})
        ),
        "components.0.components.0.default_values",
        "BASE_TYPE_BAD_LENGTH",
    ),
    (
        "a default of another type",
        legacy(row({"type": 6, "custom_id": "s", "default_values": [{"id": "1", "type": "user"}]})),
        "components.0.components.0.default_values.0.type",
        "BASE_TYPE_CHOICES",
    ),
]


@pytest.mark.parametrize(
    ("payload", "path", "code"), [pytest.param(*r[1:], id=r[0]) for r in INVALID_MESSAGES]
)
async def test_invalid_message_is_refused_with_path_and_code(
    raw: RawBot, payload: Any, path: str, code: str
) -> None:
    status, body = await raw.send(payload)
    assert (status, body["code"]) == (400, 50035)
    assert (path, code) in error_codes(body)
    assert raw.discord.violations
    assert not raw.discord.messages()


@pytest.mark.parametrize("emoji", ["🎨", "↔️", "✖️", "‼️", "〰️", "3️⃣", "👩‍🎨", "🏴󠁧󠁢󠁥󠁮󠁧󠁿", "🇫🇷", "🫩"])
async def test_emoji_of_any_kind_are_accepted(raw: RawBot, emoji: str) -> None:
    status, body = await raw.send(legacy(row(button(label=None, emoji={"name": emoji}))))
    assert status == 200, body


async def test_file_name_that_discord_changes_is_reported(raw: RawBot, picture: bytes) -> None:
    for name in ("mon été.png", "a b.png", "a_b-c.1.png"):
        assert (await raw.send({"content": "x"}, {"files[0]": (name, picture)}))[0] == 200
    assert [each.rule for each in raw.discord.violations] == ["file-names-stay-as-they-are"] * 2


async def test_message_within_the_rules_is_accepted(raw: RawBot, picture: bytes) -> None:
    whole = v2(
        {
            "type": 17,
            "accent_color": 0,
            "components": [text("x" * 3999), gallery("attachment://a.png")],
        },
        {
            "type": 9,
            "components": [text("y")],
            "accessory": {"type": 11, "media": {"url": "attachment://a.png"}},
        },
        row(*[button(str(i)) for i in range(5)]),
    )
    status, body = await raw.send(whole, {"files[0]": ("a.png", picture)})
    assert status == 200
    media = body["components"][0]["components"][1]["items"][0]["media"]
    assert media["url"].startswith(raw.discord.world.base_url)
    assert (media["width"], media["height"]) == (8, 6)
    assert not raw.discord.violations


async def test_numbered_components_leave_out_the_ids_that_others_have(raw: RawBot) -> None:
    _, body = await raw.send(v2(text("x"), {**text("y"), "id": 1}, text("z")))
    assert [each["id"] for each in body["components"]] == [2, 1, 3]


async def test_large_files_are_refused(raw: RawBot) -> None:
    status, body = await raw.send({}, {"files[0]": ("a.bin", bytes(10 * MIB + 1))})
    assert (status, body["code"]) == (413, 40005)
    raw.discord.world.guild.premium_tier = 2
    status, _ = await raw.send({}, {"files[0]": ("a.bin", bytes(10 * MIB + 1))})
    assert status == 200


async def test_empty_messages_are_refused(raw: RawBot) -> None:
    status, body = await raw.send({"content": "  "})
    assert (status, body["code"]) == (400, 50006)


async def test_unreferenced_v2_files_are_a_violation_but_accepted(
    raw: RawBot, picture: bytes
) -> None:
    status, _ = await raw.send(v2(text("x")), {"files[0]": ("a.png", picture)})
    assert status == 200
    (violation,) = raw.discord.violations
    assert violation.rule == "v2-files-are-shown-by-components"
    assert not violation.refused


async def test_eleventh_file_is_refused(raw: RawBot, picture: bytes) -> None:
    files = {f"files[{number}]": (f"{number}.png", picture) for number in range(11)}
    status, body = await raw.send({}, files)
    assert status == 400
    assert ("attachments", "BASE_TYPE_MAX_LENGTH") in error_codes(body)


async def test_file_that_is_not_listed_is_dropped_and_reported(raw: RawBot, picture: bytes) -> None:
    message = {"content": "x", "attachments": []}
    _, body = await raw.send(message, {"files[0]": ("a.png", picture)})
    assert body["attachments"] == []
    assert [each.rule for each in raw.discord.violations] == ["sent-files-are-listed"]


async def test_edit_cannot_change_what_kind_of_message_it_is(raw: RawBot) -> None:
    _, message = await raw.send(v2(text("x")))
    path = f"/channels/{message['channel_id']}/messages/{message['id']}"
    _, body = await raw.call("PATCH", path, {"flags": 1 << 6})  # ephemeral, and no longer V2
    assert body["flags"] == V2
    assert [each.rule for each in raw.discord.violations] == [
        "edits-change-only-some-flags",
        "edits-change-only-some-flags",
        "ephemeral-needs-an-interaction",
    ]


async def test_edit_to_v2_requires_clearing_the_old_fields(raw: RawBot) -> None:
    _, message = await raw.send({"content": "old"})
    path = f"/channels/{message['channel_id']}/messages/{message['id']}"
    status, body = await raw.call("PATCH", path, v2(text("new")))
    assert (status, body["code"]) == (400, 50035)
    status, body = await raw.call("PATCH", path, v2(text("new"), content=None))
    assert status == 200
    assert body["content"] == ""
    status, body = await raw.call("PATCH", path, {"content": "back"})
    assert status == 400


async def test_edits_keep_only_listed_attachments(raw: RawBot, picture: bytes) -> None:
    _, message = await raw.send({"content": "x"}, {"files[0]": ("a.png", picture)})
    path = f"/channels/{message['channel_id']}/messages/{message['id']}"
    kept = message["attachments"][0]["id"]
    _, body = await raw.call("PATCH", path, {"content": "y"}, {"files[0]": ("b.png", picture)})
    assert [a["filename"] for a in body["attachments"]] == ["a.png", "b.png"]
    edit = {"attachments": [{"id": kept}, {"id": 0, "filename": "c.png"}]}
    _, body = await raw.call("PATCH", path, edit, {"files[0]": ("x.png", picture)})
    assert [a["filename"] for a in body["attachments"]] == ["a.png", "c.png"]


async def test_a_repeated_nonce_makes_no_second_message(raw: RawBot) -> None:
    message = {"content": "x", "nonce": "atelier-1", "enforce_nonce": True}
    _, first = await raw.send(message)
    _, second = await raw.send(message)
    assert first["id"] == second["id"]
    assert len(raw.discord.messages()) == 1
    raw.discord.shift_clock(600)
    _, third = await raw.send(message)
    assert third["id"] != first["id"]


async def test_mentions_respect_allowed_mentions(raw: RawBot, discord: LoopbackDiscord) -> None:
    ada, grace = discord.user("ada"), discord.user("grace")
    words = f"<@{ada.id}> and <@{grace.id}>"
    _, both = await raw.send({"content": words})
    assert [m["id"] for m in both["mentions"]] == [str(ada.id), str(grace.id)]
    _, none = await raw.send({"content": words, "allowed_mentions": {"parse": []}})
    assert none["mentions"] == []
    one = {"parse": [], "users": [str(grace.id)]}
    _, body = await raw.send({**v2(text(words)), "allowed_mentions": one})
    assert [m["id"] for m in body["mentions"]] == [str(grace.id)]


async def test_reply_to_a_deleted_message_is_refused(raw: RawBot, discord: LoopbackDiscord) -> None:
    question = discord.post(discord.user("ada"), "question")
    reply = {"content": "x", "message_reference": {"message_id": str(question.id)}}
    _, body = await raw.send(reply)
    assert body["referenced_message"]["content"] == "question"
    discord.delete(question)
    status, body = await raw.send(reply)
    assert status == 400
    assert ("message_reference", "MESSAGE_REFERENCE_UNKNOWN_MESSAGE") in error_codes(body)


def test_every_rule_is_named_and_documented() -> None:
    rules = all_rules()
    assert len(rules) > 40
    for rule in rules:
        assert rule.check.__doc__
        assert rule.documentation.startswith("https://docs.discord.com/developers/")
