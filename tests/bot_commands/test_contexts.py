"""Each command of members works wherever Discord offers it."""

import pytest

from tests.bot_commands.house import House, picture

CONTEXTS = ("guild", "bot_dm", "private", "guild_without_bot")


@pytest.mark.parametrize("locale", ["en-US", "de"])
async def test_every_command_of_members_answers_everywhere(house: House, locale: str) -> None:
    ada = house.user("ada", locale=locale)
    job = await house.painted(ada)
    for context in CONTEXTS:
        waiting = await house.job(ada)
        for name, options in (
            ("help", {}),
            ("queue", {}),
            ("cancel", {"job": waiting.id}),
            ("history", {}),
            ("show", {"picture": job.id}),
            ("styles", {}),
            ("styles", {"whose": "o", "search": "a\nb"}),
            ("privacy", {}),
            ("style remove", {"name": "nothing"}),
        ):
            message = await house.slash(ada, name, options, context=context)
            assert message.ephemeral, name
            assert "error" not in message.text.lower(), message.text
            assert "Fehler " not in message.text, message.text
        saved = await house.slash(
            ada,
            "style save",
            {"name": f"From {context}"},
            attachments={"picture": ("a.png", picture())},
            context=context,
        )
        assert f"From {context}".replace("_", "\\_") in saved.text
    assert len(await house.queue.styles.visible_to(ada.id, None)) == len(CONTEXTS)


async def test_every_answer_is_acknowledged_in_time(house: House) -> None:
    ada, admin = house.user("ada"), house.user("admin")
    for user, name in (
        (ada, "queue"),
        (ada, "history"),
        (ada, "styles"),
        (ada, "help"),
        (ada, "privacy"),
        (admin, "limits show"),
        (admin, "limits change"),
        (admin, "blocklist show"),
        (admin, "queue-admin clear"),
        (admin, "stats"),
    ):
        interaction = await house.discord.slash(user, name)
        assert interaction.acknowledged, name
