"""Facts about a database as a whole: whose it is, and whether it was restored."""

import sqlalchemy as sa

from common.sentences import Sentence, sentence
from jobs.core import QueuePart
from jobs.db.facts import read_fact, write_fact
from jobs.db.rows import J
from jobs.outcomes import DatabaseRefusedError

WORLD = "world"
RESTORED_AT = "restored_at"
DISCORD, LOOPBACK = "discord", "loopback"
_OF_ANOTHER_WORLD = {
    DISCORD: "This database was made by the sandbox, whose IDs are not Discord's; please "
    "name another folder in ATELIER_DATA_DIR (or another ATELIER_DATABASE_URL).",
    LOOPBACK: "This database belongs to a bot in Discord, and the sandbox would answer its "
    "members; please give the sandbox a folder of its own (python -m sandbox --data FOLDER) and "
    "leave ATELIER_DATABASE_URL empty. A sandbox folder from before this version can be deleted.",
}


def of_new_database(where: str) -> Sentence:
    """The alert that a bot which has run before has an empty database, as if a disk is missing.

    Args:
        where: The database's address, without a password.
    """
    return sentence(
        "A new, empty database was made at {where}, though this bot has run before: earlier "
        "limits, blocks, saved styles and pictures are not in it. If a disk is not mounted, or "
        "ATELIER_DATA_DIR or ATELIER_DATABASE_URL names another place, stop the bot, put that "
        "right and start it again. If you meant to start over, all is well.",
        where=where,
    )


class Installation(QueuePart):
    """Reads and writes these facts."""

    async def belongs_to(self, world: str, application_id: int) -> bool:
        """Bind the database to Discord or to the sandbox (`DISCORD`, `LOOPBACK`).

        Returns:
            Whether it is new: no bot has used it, and it has no jobs.

        Raises:
            DatabaseRefusedError: when it is bound to the other one.
        """
        async with self._database.write() as transaction:
            await transaction.lock("atelier-installation")
            known = await read_fact(transaction.connection, WORLD)
            if known is None and world == LOOPBACK:
                # Databases of earlier versions are not bound: their jobs tell.
                of_others = J.application_id.is_not(None) & (J.application_id != application_id)
                if await transaction.scalar(sa.select(J.id).where(of_others).limit(1)):
                    known = DISCORD
            if known is None:
                await write_fact(transaction, WORLD, world)
                return await transaction.scalar(sa.select(J.id).limit(1)) is None
            if known != world:
                raise DatabaseRefusedError(_OF_ANOTHER_WORLD[world])
            return False
