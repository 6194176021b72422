"""Rules for interactions: deadlines, response types, modals, choices, follow-ups."""

import time
from typing import Any

import pytest

from sandbox import LoopbackDiscord
from tests.sandbox.raw_bot import RawBot, error_codes

EPHEMERAL = 1 << 6
LOADING = 1 << 7


def label(component: dict[str, Any], **fields: Any) -> dict[str, Any]:
    return {"type": 18, "label": "L", "component": component, **fields}


def modal(*components: Any, **fields: Any) -> dict[str, Any]:
    data = {"custom_id": "m", "title": "T", "components": list(components), **fields}
    return {"type": 9, "data": data}


INPUT = {"type": 4, "custom_id": "t", "style": 1}
UPLOAD = {"type": 19, "custom_id": "u"}


async def test_an_answer_after_three_seconds_is_too_late(raw: RawBot) -> None:
    interaction = await raw.dispatch_paint()
    interaction.dispatched_at = time.monotonic() - 3.1
    status, body = await raw.respond(interaction, {"type": 5})
    assert (status, body["code"]) == (404, 10062)
    assert [v.rule for v in raw.discord.violations] == ["acknowledged-within-three-seconds"]


async def test_a_second_answer_is_refused(raw: RawBot) -> None:
    interaction = await raw.dispatch_paint()
    assert (await raw.respond(interaction, {"type": 5}))[0] == 200
    status, body = await raw.respond(interaction, {"type": 4, "data": {"content": "x"}})
    assert (status, body["code"]) == (400, 40060)


async def test_a_wrong_token_is_an_unknown_interaction(raw: RawBot) -> None:
    interaction = await raw.dispatch_paint()
    path = f"/interactions/{interaction.id}/wrong/callback"
    status, body = await raw.call("POST", path, {"type": 5})
    assert (status, body["code"]) == (404, 10062)


async def test_interaction_token_expires_after_fifteen_minutes(raw: RawBot) -> None:
    interaction = await raw.dispatch_paint()
    await raw.respond(interaction, {"type": 5})
    raw.discord.shift_clock(14 * 60)
    status, _ = await raw.call("PATCH", raw.webhook(interaction), {"content": "x"})
    assert status == 200
    raw.discord.shift_clock(2 * 60)
    status, body = await raw.call("PATCH", raw.webhook(interaction), {"content": "y"})
    assert (status, body["code"]) == (401, 50027)


async def test_interaction_can_be_dispatched_with_an_expired_token(raw: RawBot) -> None:
    interaction = await raw.dispatch_paint(age_seconds=16 * 60)
    await raw.respond(interaction, {"type": 5})
    status, body = await raw.call("PATCH", raw.webhook(interaction), {"content": "y"})
    assert (status, body["code"]) == (401, 50027)


async def test_webhook_is_unknown_before_an_answer(raw: RawBot) -> None:
    interaction = await raw.dispatch_paint()
    status, body = await raw.call("PATCH", raw.webhook(interaction), {"content": "y"})
    assert (status, body["code"]) == (404, 10015)


async def test_unknown_interaction_token_is_refused(raw: RawBot) -> None:
    path = f"/webhooks/{raw.discord.application_id}/wrong/messages/@original"
    status, body = await raw.call("PATCH", path, {"content": "y"})
    assert (status, body["code"]) == (401, 50027)


@pytest.mark.parametrize("response", [{"type": 4}, {"type": 5, "data": "x"}])
async def test_response_data_must_be_an_object_and_be_there(
    raw: RawBot, response: dict[str, Any]
) -> None:
    _, body = await raw.respond(await raw.dispatch_paint(), response)
    assert {path for path, _ in error_codes(body)} == {"data"}


@pytest.mark.parametrize("kind", [1, 6, 7, 8, 99, "4"])
async def test_invalid_response_type_is_refused(raw: RawBot, kind: Any) -> None:
    status, body = await raw.respond(await raw.dispatch_paint(), {"type": kind, "data": {}})
    assert (status, body["code"]) == (400, 50035)


async def test_first_followup_fills_the_deferred_message(raw: RawBot) -> None:
    interaction = await raw.dispatch_paint()
    _, answer = await raw.respond(interaction, {"type": 5, "data": {"flags": EPHEMERAL}})
    assert answer["interaction"]["response_message_loading"]
    assert "message" not in answer["resource"]
    assert interaction.message is not None
    assert interaction.message.flags == EPHEMERAL | LOADING
    _, first = await raw.call("POST", raw.webhook(interaction, ""), {"content": "one"})
    assert first["id"] == str(interaction.message.id)
    assert first["flags"] == EPHEMERAL
    _, second = await raw.call("POST", raw.webhook(interaction, ""), {"content": "two"})
    assert second["id"] != first["id"]
    assert not second["flags"] & EPHEMERAL


async def test_deferral_with_another_flag_is_a_violation(raw: RawBot) -> None:
    await raw.respond(await raw.dispatch_paint(), {"type": 5, "data": {"flags": 1 << 15}})
    (violation,) = raw.discord.violations
    assert violation.rule == "deferral-carries-only-ephemeral"
    assert not violation.refused


async def test_ephemeral_messages_are_out_of_reach_of_the_bot_token(raw: RawBot) -> None:
    interaction = await raw.dispatch_paint()
    await raw.respond(interaction, {"type": 4, "data": {"content": "x", "flags": EPHEMERAL}})
    assert interaction.message is not None
    path = f"/channels/{interaction.channel.id}/messages/{interaction.message.id}"
    for method, payload in (("PATCH", {"content": "y"}), ("GET", None), ("DELETE", None)):
        status, body = await raw.call(method, path, payload)
        assert (status, body["code"]) == (404, 10008)
    assert (await raw.call("DELETE", raw.webhook(interaction)))[0] == 204


async def test_user_installed_apps_have_five_followups(raw: RawBot) -> None:
    interaction = await raw.dispatch_paint(context="guild_without_bot")
    assert interaction.user_installed
    await raw.respond(interaction, {"type": 4, "data": {"content": "x"}})
    for _ in range(5):
        status, _ = await raw.call("POST", raw.webhook(interaction, ""), {"content": "x"})
        assert status == 200
    status, body = await raw.call("POST", raw.webhook(interaction, ""), {"content": "x"})
    assert (status, body["code"]) == (400, 40094)
    path = f"/channels/{interaction.channel.id}/messages"
    assert (await raw.call("POST", path, {"content": "x"}))[1]["code"] == 50001


INVALID_MODALS: list[tuple[str, Any, str, str]] = [
    ("long title", modal(label(INPUT), title="x" * 46), "data.title", "BASE_TYPE_BAD_LENGTH"),
    ("no fields", modal(), "data.components", "BASE_TYPE_BAD_LENGTH"),
    ("six fields", modal(*[label(INPUT)] * 6), "data.components", "BASE_TYPE_BAD_LENGTH"),
    (
        "button",
        modal({"type": 1, "components": [{"type": 2, "style": 1}]}),
        "data.components.0.components.0.type",
        "UNION_TYPE_CHOICES",
    ),
    ("bare input", modal(INPUT), "data.components.0.type", "UNION_TYPE_CHOICES"),
    (
        "same ids",
        modal(label(INPUT), label(INPUT)),
        "data.components.1.component.custom_id",
        "COMPONENT_CUSTOM_ID_DUPLICATED",
    ),
    (
        "label twice",
        modal(label({**INPUT, "label": "x"})),
        "data.components.0.component.label",
        "TEXT_INPUT_LABEL_NOT_ALLOWED",
    ),
    (
        "long label",
        modal(label(INPUT, label="x" * 46)),
        "data.components.0.label",
        "BASE_TYPE_BAD_LENGTH",
    ),
    (
        "two inputs in a row",
        modal({"type": 1, "components": [{**INPUT, "label": "x"}] * 2}),
        "data.components.0.components",
        "COMPONENT_LAYOUT_WIDTH_EXCEEDED",
    ),
    (
        "lengths that contradict each other",
        modal(label({**INPUT, "min_length": 5, "max_length": 3})),
        "data.components.0.component.min_length",
        "TEXT_INPUT_MIN_ABOVE_MAX",
    ),
    (
        "value longer than its input",
        modal(label({**INPUT, "max_length": 3, "value": "long"})),
        "data.components.0.component.value",
        "BASE_TYPE_BAD_LENGTH",
    ),
    (
        "disabled select",
        modal(
            label(
                {
                    "type": 3,
                    "custom_id": "s",
                    "disabled": True,
                    "options": [{"label": "a", "value": "a"}],
                }
            )
        ),
        "data.components.0.component.disabled",
        "MODAL_COMPONENT_DISABLED",
    ),
    (
        "eleven files",
        modal(label({**UPLOAD, "max_values": 11})),
        "data.components.0.component.max_values",
        "NUMBER_TYPE_MAX",
    ),
    (
        "required with min_values 0",
        modal(label({**UPLOAD, "min_values": 0})),
        "data.components.0.component.min_values",
        "MODAL_REQUIRED_MIN_VALUES",
    ),
    (
        "one radio button",
        modal(label({"type": 21, "custom_id": "r", "options": [{"label": "a", "value": "a"}]})),
        "data.components.0.component.options",
        "BASE_TYPE_BAD_LENGTH",
    ),
]


@pytest.mark.parametrize(
    ("payload", "path", "code"), [pytest.param(*r[1:], id=r[0]) for r in INVALID_MODALS]
)
async def test_invalid_modal_is_refused(raw: RawBot, payload: Any, path: str, code: str) -> None:
    interaction = await raw.dispatch_paint()
    status, body = await raw.respond(interaction, payload)
    assert (status, body["code"]) == (400, 50035)
    assert (path, code) in error_codes(body)
    assert not interaction.acknowledged


async def test_refused_answer_can_be_corrected(raw: RawBot) -> None:
    interaction = await raw.dispatch_paint()
    await raw.respond(interaction, modal())
    assert (await raw.respond(interaction, modal(label(INPUT), label(UPLOAD))))[0] == 200
    assert interaction.modal is not None


@pytest.mark.parametrize(
    ("choices", "path"),
    [
        ([{"name": "x", "value": "x"}] * 26, "data.choices"),
        ([{"name": "x" * 101, "value": "x"}], "data.choices.0.name"),
        ([{"name": "x", "value": 3}], "data.choices.0.value"),
        ([{"name": "x", "value": "v" * 101}], "data.choices.0.value"),
    ],
)
async def test_invalid_autocomplete_choices_are_refused(
    raw: RawBot, choices: Any, path: str
) -> None:
    discord = raw.discord
    interaction = await discord.type_into(discord.user("ada"), "paint", "preset", "s", wait=False)
    status, body = await raw.respond(interaction, {"type": 8, "data": {"choices": choices}})
    assert status == 400
    assert path in {where for where, _ in error_codes(body)}


async def test_attachment_urls_expire(discord: LoopbackDiscord, raw: RawBot) -> None:
    status, message = await raw.send({"content": "x"}, {"files[0]": ("a.txt", b"hello")})
    assert status == 200
    url = message["attachments"][0]["url"]
    async with raw.session.get(url) as response:
        assert await response.read() == b"hello"
    async with raw.session.get(url.split("?")[0]) as response:
        assert response.status == 404
    discord.shift_clock(26 * 3600)
    async with raw.session.get(url) as response:
        assert response.status == 404
    _, messages = await raw.call("GET", f"/channels/{message['channel_id']}/messages")
    async with raw.session.get(messages[0]["attachments"][0]["url"]) as response:
        assert response.status == 200
