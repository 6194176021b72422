"""Engines that were forgotten at an upgrade: what they cannot read is not theirs to fail."""

from common.version import VERSION
from jobs.db.database import Transaction
from jobs.db.living import bots_alive
from jobs.db.migrate import newer_schema
from jobs.outcomes import OtherVersionError


async def refuse_others_job(transaction: Transaction, job_id: int) -> None:
    """Leave a job that this version cannot read to the version that serves the queue.

    Where that is this one, nobody will ever read it.

    Raises:
        OtherVersionError: it is another one.
    """
    serves = None
    if (newer := await newer_schema(transaction.connection)) is not None:
        serves = f"the database has schema {newer}, of a newer version"
    for bot in await bots_alive(transaction.connection, transaction.now):
        if bot.info.version != VERSION:
            serves = f"the bot on {bot.info.host} is of version {bot.info.version}"
    if serves is not None:
        raise OtherVersionError(
            f"This engine, of version {VERSION}, cannot read job {job_id}, and {serves}: stop it, "
            "and start an engine of the bot's version (docs/upgrade.md)."
        )
