"""The server's style of the week."""

from datetime import timedelta

import pytest

from common.options import PaintInputs, StyleInput
from jobs.management.styles import Saved
from jobs.management.weekly_styles import WeeklyStyle
from jobs.queue import JobQueue
from tests.kit.samples import claim_job, paint_report, submit_job

ADMIN, GUILD = 9, 5


@pytest.mark.parametrize("is_saved", [False, True])
async def test_only_pictures_in_the_style_are_counted(queue: JobQueue, is_saved: bool) -> None:
    """Not those that merely mention it: its name is a photograph's alt text, or its picture is
    painted itself."""
    key = await queue.store.put(b"moss", "png")
    saved = await queue.styles.save("guild", GUILD, "Moss", key, ADMIN)
    assert isinstance(saved, Saved)
    style, name = (saved.style.preset, "Moss") if is_saved else ("moss", "Moss")
    now = await queue.now()
    weekly = WeeklyStyle(GUILD, style, name, 1, 2, now, now + timedelta(days=7), is_over=False)
    await queue.weekly_styles.begin(weekly, ADMIN)
    other = StyleInput(preset="starry-night")
    in_it = StyleInput(picture=key, name=name) if is_saved else StyleInput(preset=style)
    for alt_text, chosen, count in (("Moss", other, 0), ("moss", other, 0), ("Moss", in_it, 1)):
        inputs = PaintInputs(content=key, styles=(chosen,), alt_texts=(alt_text,))
        await submit_job(queue, guild_id=GUILD, inputs=inputs)
        result = await queue.store.put(b"x", "png")
        await queue.claims.finish(await claim_job(queue), result, paint_report())
        assert await queue.weekly_styles.painted(weekly) == count
    if is_saved:
        another = await queue.store.put(b"other moss", "png")
        await queue.styles.save("guild", GUILD, name, another, ADMIN)
        assert await queue.weekly_styles.painted(weekly) == 1, "with its picture before"
        await queue.styles.remove(saved.style.id, user_id=ADMIN, guild_id=GUILD)
        assert await queue.weekly_styles.painted(weekly) == 1, "with a style that is no more"
