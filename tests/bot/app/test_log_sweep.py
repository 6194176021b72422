"""Even at level DEBUG and during failures, the log has no secret and no text of a member."""

import io
import logging
from collections.abc import Iterator

import pytest
import sqlalchemy as sa

from common.store import StorageUnavailableError
from jobs.db import schema
from sandbox.model import Interaction
from tests.kit.logs import captured_log
from tests.kit.pictures import gradient_picture
from tests.kit.world import World


@pytest.fixture
def log_stream(closed_world: World) -> Iterator[io.StringIO]:
    debug = closed_world.settings.model_copy(update={"atelier_log_level": "DEBUG"})
    with captured_log(debug) as stream:
        yield stream


async def test_no_secret_is_logged_while_everything_fails_once(
    closed_world: World, log_stream: io.StringIO, monkeypatch: pytest.MonkeyPatch
) -> None:
    world = closed_world
    await world.start_bot()
    faults = world.discord.faults
    interactions: list[Interaction] = []
    # Edits that Discord refuses, and one whose connection it drops.
    faults.add("PATCH", "/webhooks/*", status=500, times=2)
    faults.add("PATCH", "/webhooks/*", drop=True)
    await world.start_engine()
    interactions.append(await world.paint())
    await world.wait_finished(interactions[-1])
    # A file that cannot be decoded, and a truncated one.
    interactions.append(
        await world.paint(attachments={"content": ("x.png", b"\x89PNG\r\n\x1a\nno picture at all")})
    )
    await world.answer_text(interactions[-1])
    interactions.append(
        await world.paint(attachments={"content": ("x.png", gradient_picture()[:400])})
    )
    await world.answer_text(interactions[-1])
    # A store that fails with its URL in the message.
    refused = StorageUnavailableError("s3://key:hunter2hunter2@bucket refuses")

    def refuse(*_: object) -> None:
        raise refused

    with monkeypatch.context() as patch:
        patch.setattr(world.queue.store, "put_sync", refuse)
        interactions.append(await world.paint(user="grace"))
        await world.answer_text(interactions[-1])
    # A statement that the database refuses; the error has its parameters.
    (job, *_) = await world.jobs()
    token = interactions[0].token
    name = "a member's own name"  # not where the error is raised: tracebacks quote those lines
    try:
        async with world.queue.database.write() as transaction:
            await transaction.connection.execute(
                sa.update(schema.jobs).where(schema.jobs.c.id == job.id), {"user_name": token}
            )
            await transaction.connection.execute(
                sa.update(schema.jobs).values(state="dreaming", user_name=name)
            )
    except sa.exc.DBAPIError:
        logging.getLogger("jobs").exception("refused")
    text = log_stream.getvalue()
    assert "refused" in text
    assert "UPDATE jobs SET" in text, "the statement is logged"
    assert name not in text, "its parameters are not"
    assert "hunter2hunter2" not in text
    assert world.discord.token not in text
    for interaction in interactions:
        assert interaction.token not in text
    assert "hm=" not in text.replace("hm=[signed]", "")
