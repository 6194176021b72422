"""Saved styles of members and servers."""

from jobs.management.styles import Replaced, Saved, TooMany
from jobs.queue import JobQueue


async def test_styles_are_saved_replaced_limited_and_removed(queue: JobQueue) -> None:
    first = await queue.styles.save("user", 1, "  My   Waves ", "k1.png", 1)
    assert isinstance(first, Saved)
    assert first.style.name == "My Waves"
    assert isinstance(await queue.styles.save("user", 1, "MY WAVES", "k2.png", 1), Replaced)
    assert isinstance(await queue.styles.save("guild", 5, "House", "k3.png", 9), Saved)
    assert isinstance(await queue.styles.save("user", 2, "Other", "k4.png", 2), Saved)
    names = [(style.name, style.scope) for style in await queue.styles.visible_to(1, 5)]
    assert names == [("MY WAVES", "user"), ("House", "guild")]
    assert len(await queue.styles.visible_to(1, None)) == 1
    for number in range(24):
        await queue.styles.save("user", 1, f"style {number}", "k.png", 1)
    assert await queue.styles.save("user", 1, "one more", "k.png", 1) == TooMany(25)
    assert isinstance(await queue.styles.save("user", 1, "style 3", "k9.png", 1), Replaced)
    other_style = (await queue.styles.visible_to(2, None))[0]
    assert not await queue.styles.remove(other_style.id, user_id=1, guild_id=5)
    assert await queue.styles.remove(other_style.id, user_id=2, guild_id=None)


async def test_style_ids_are_stable_and_never_reused(queue: JobQueue) -> None:
    async def save_style(name: str, owner_id: int = 1) -> int:
        key = await queue.store.put(f"{name} {owner_id}".encode(), "png")
        outcome = await queue.styles.save("user", owner_id, name, key, owner_id)
        assert isinstance(outcome, Saved | Replaced)
        return outcome.style.id

    first, second = await save_style("a"), await save_style("b")
    assert await save_style("A") == first
    assert await queue.styles.remove(second, user_id=1, guild_id=None)
    assert await save_style("c", owner_id=2) not in {first, second}
    await queue.privacy.erase_user(2)
    ids = {first, second, await save_style("d")}
    await queue.privacy.erase_user(1)
    assert await save_style("e") not in ids
