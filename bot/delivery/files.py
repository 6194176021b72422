"""The files that the message of a job carries: a preview, or the finished picture."""

import logging

from cachetools import LRUCache

from bot.cards.fit_upload import fitted_result
from bot.cards.small_print import Attached
from bot.kit import Bot
from bot.texts import Texts
from common.store import PictureMissingError
from jobs.model import Job, JobState

log = logging.getLogger(__name__)

REMEMBERED = 4  # encoded results, so that the next try after an outage need not encode again


class JobFiles:
    """Reads and fits what is shown of jobs."""

    def __init__(self, client: Bot) -> None:
        self._client = client
        self._encoded: LRUCache[tuple[str, int, str], Attached] = LRUCache(REMEMBERED)

    async def of(self, t: Texts, job: Job, limit_bytes: int) -> Attached | None:
        """The file for a job's present state, if it has one.

        Raises:
            ChildError: if the finished picture could not be encoded.
            StorageUnavailableError: if the store does not answer.
        """
        try:
            if job.state is JobState.RUNNING and job.preview_key is not None:
                return await self._preview(job, job.preview_key, limit_bytes)
            if job.state is JobState.DONE and job.result_key is not None:
                return await self._result(t, job, job.result_key, limit_bytes)
        except PictureMissingError:
            log.warning("A picture of job %d is gone", job.id)
        return None

    async def _preview(self, job: Job, key: str, limit_bytes: int) -> Attached | None:
        data = await self._client.queue.store.get(key)
        if len(data) > limit_bytes:
            return None
        return Attached(data, f"preview-{job.id}.{key.rpartition('.')[2]}")

    async def _result(self, t: Texts, job: Job, key: str, limit_bytes: int) -> Attached | None:
        known = (key, limit_bytes, t.language)
        if known in self._encoded:
            return self._encoded[known]
        attached = await fitted_result(t, self._client, job, limit_bytes, is_result=True)
        if attached is not None and attached.note is not None:  # it took work
            self._encoded[known] = attached
        return attached
