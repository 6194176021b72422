"""Registering commands, and which commands the client offers to which user."""

from functools import partial
from typing import Any

import pytest

from sandbox import LoopbackDiscord, NotOfferedError
from tests.sandbox.raw_bot import RawBot, error_codes


def command(**fields: Any) -> dict[str, Any]:
    return {"name": "paint", "description": "Paint", **fields}


def option(name: str = "a", kind: int = 3, **fields: Any) -> dict[str, Any]:
    return {"type": kind, "name": name, "description": "d", **fields}


def choice(name: str = "a", value: Any = "a") -> dict[str, Any]:
    return {"name": name, "value": value}


INVALID_COMMANDS: list[tuple[str, Any, str]] = [
    ("upper case", command(name="Paint"), "0.name"),
    ("blank in the name", command(name="paint it"), "0.name"),
    ("long name", command(name="x" * 33), "0.name"),
    ("no description", {"name": "paint"}, "0.description"),
    ("long description", command(description="x" * 101), "0.description"),
    ("26 options", command(options=[option(f"o{i}") for i in range(26)]), "0.options"),
    ("required last", command(options=[option(), option("b", required=True)]), "0.options.1"),
    ("same option twice", command(options=[option(), option()]), "0.options.1.name"),
    ("unknown type", command(options=[option(kind=12)]), "0.options.0.type"),
    ("26 choices", command(options=[option(choices=[choice()] * 26)]), "0.options.0.choices"),
    (
        "same choice twice",
        command(options=[option(choices=[choice("a", "1"), choice("a", "2")])]),
        "0.options.0.choices.1.name",
    ),
    (
        "wrong choice",
        command(options=[option(choices=[choice(value=1)])]),
        "0.options.0.choices.0.value",
    ),
    (
        "choices and autocomplete",
        command(options=[option(choices=[choice()], autocomplete=True)]),
        "0.options.0.autocomplete",
    ),
    (
        "autocomplete of a file",
        command(options=[option(kind=11, autocomplete=True)]),
        "0.options.0.type",
    ),
    ("mixed with subcommand", command(options=[option(kind=1), option("b")]), "0.options"),
    ("unknown locale", command(name_localizations={"en": "paint"}), "0.name_localizations.en"),
    ("bad localised name", command(name_localizations={"de": "Malen"}), "0.name_localizations.de"),
    (
        "long localised description",
        command(description_localizations={"de": "x" * 101}),
        "0.description_localizations.de",
    ),
    ("context", command(contexts=[3]), "0.contexts.0"),
    ("installs", command(integration_types=[]), "0.integration_types"),
    (
        "menu with description",
        {"name": "Paint this", "type": 3, "description": "x"},
        "0.description",
    ),
    (
        "too large",
        command(
            options=[
                option(f"o{i}", choices=[choice("n" * 100, "v" * 100) for _ in range(25)])
                for i in range(2)
            ]
        ),
        "0",
    ),
]


@pytest.mark.parametrize(
    ("payload", "path"), [pytest.param(*r[1:], id=r[0]) for r in INVALID_COMMANDS]
)
async def test_invalid_command_is_refused(raw: RawBot, payload: Any, path: str) -> None:
    status, body = await raw.call("PUT", raw.application, [payload])
    assert (status, body["code"]) == (400, 50035)
    assert path in {where for where, _ in error_codes(body)}


async def test_duplicate_command_names_are_refused(raw: RawBot) -> None:
    status, body = await raw.call("PUT", raw.application, [command(), command()])
    assert status == 400
    assert error_codes(body) == {("1.name", "APPLICATION_COMMANDS_DUPLICATE_NAME")}


async def test_command_names_in_other_scripts_are_accepted(raw: RawBot) -> None:
    names = {"hi": "चित्र", "th": "ระบายสี", "ja": "描く", "de": "malen"}
    status, _ = await raw.call("PUT", raw.application, [command(name_localizations=names)])
    assert status == 200


async def test_registered_commands_keep_their_ids(raw: RawBot) -> None:
    _, first = await raw.call("PUT", raw.application, [command()])
    _, second = await raw.call("PUT", raw.application, [command(description="New")])
    assert first[0]["id"] == second[0]["id"]
    assert first[0]["version"] != second[0]["version"]
    _, listed = await raw.call("GET", raw.application)
    assert listed == second
    one = f"{raw.application}/{first[0]['id']}"
    _, changed = await raw.call("PATCH", one, {"description": "Newer"})
    assert changed["description"] == "Newer"
    assert (await raw.call("DELETE", one))[0] == 204
    assert not raw.discord.commands


async def test_client_offers_only_commands_the_user_may_use(
    raw: RawBot, discord: LoopbackDiscord
) -> None:
    commands = [
        command(name="limits", default_member_permissions="32", contexts=[0]),
        command(name="sizes", options=[option("n", 4, min_value=1, max_value=9)]),
        command(name="group", options=[option("sub", 1, options=[option("x", 5, required=True)])]),
    ]
    status, _ = await raw.call("PUT", raw.application, commands)
    assert status == 200
    ada, admin = discord.user("ada"), discord.user("admin")
    slash = partial(discord.slash, wait=False)
    with pytest.raises(NotOfferedError):
        await slash(ada, "limits")
    await slash(admin, "limits")
    discord.open_command("limits")
    await slash(ada, "limits")
    with pytest.raises(NotOfferedError):
        await slash(admin, "limits", context="bot_dm")
    with pytest.raises(NotOfferedError):
        await slash(ada, "sizes", {"n": 10})
    with pytest.raises(NotOfferedError):
        await slash(ada, "group")
    with pytest.raises(NotOfferedError):
        await slash(ada, "group sub")
    interaction = await slash(ada, "group sub", {"x": True})
    assert interaction.data["options"] == [
        {"type": 1, "name": "sub", "options": [{"name": "x", "type": 5, "value": True}]}
    ]
