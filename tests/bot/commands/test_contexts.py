"""Every member command works in every context where Discord offers it."""

import pytest

from tests.kit.pictures import plain_picture
from tests.kit.world import World

CONTEXTS = ("guild", "bot_dm", "private", "guild_without_bot")


@pytest.mark.parametrize("locale", ["en-US", "de"])
async def test_every_member_command_answers_in_every_context(world: World, locale: str) -> None:
    ada = world.user("ada", locale=locale)
    job = await world.make_painted_job(ada)
    for context in CONTEXTS:
        waiting = await world.make_job(ada)
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
            message = await world.slash(ada, name, options, context=context)
            assert message.ephemeral, name
            assert "error" not in message.text.lower(), message.text
            assert "Fehler " not in message.text, message.text
        saved = await world.slash(
            ada,
            "style save",
            {"name": f"From {context}"},
            attachments={"picture": ("a.png", plain_picture())},
            context=context,
        )
        assert f"From {context}".replace("_", "\\_") in saved.text
    assert len(await world.queue.styles.visible_to(ada.id, None)) == len(CONTEXTS)
