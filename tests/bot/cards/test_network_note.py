"""The note on a card painted by the small network because the large one is too slow."""

from dataclasses import replace

import pytest

from tests.kit.fake_engine import ENGINE_INFO, FakeEngine
from tests.kit.world import World

SLOW = replace(ENGINE_INFO, host="slow", network="vgg19", networks=("vgg19", "lite"), pace=2850.0)
"""An engine that needs twelve minutes for a standard picture of 512 × 341 px with VGG-19."""
LARGE_SIZE = {"size": 512}
NOTES = {
    "en-US": "Painted by the small, quick network, because the large one would take 12 min here.",
    "de": "Gemalt vom kleinen, schnellen Netz, denn das große bräuchte hier 12 min.",
    "fr": "Peinte avec le petit réseau, plus rapide\u00a0: le grand prendrait ici 12 min.",
    "es-ES": "Pintada con la red pequeña y rápida: la grande tardaría aquí 12 min.",
}
DETAILS_LABELS = {"de": "Einzelheiten", "fr": "Détails", "es-ES": "Detalles"}


async def start_slow_engine(world: World) -> FakeEngine:
    painter = await world.start_engine()
    await painter.queue.engines.register(SLOW)
    return painter


@pytest.mark.parametrize("locale", NOTES)
async def test_small_network_note_is_on_the_waiting_and_done_card_and_in_details(
    world: World, locale: str
) -> None:
    painter = await start_slow_engine(world)
    painter.may_finish.clear()
    ada = world.user("ada", locale)
    first, second = await world.paint(LARGE_SIZE), await world.paint(LARGE_SIZE)
    for interaction in (first, second):
        await world.wait_for_text(interaction, NOTES[locale])
    (running, waiting) = sorted(await world.jobs(), key=lambda job: job.id)
    assert (running.network, waiting.network) == ("lite", "lite")
    painter.may_finish.set()
    await first.wait(
        lambda i: i.message is not None and i.message.attachments and i.message.buttons
    )
    done = first.message
    assert done is not None
    await world.eventually(lambda: "🖼️" in done.text)
    assert f"-# {NOTES[locale]}" in done.text.splitlines()
    label = DETAILS_LABELS.get(locale, "Details")
    details = await world.discord.press(ada, done, label=label)
    text = (await world.answer_text(details)).splitlines()
    assert NOTES[locale] in text
    assert any(line.startswith("lite ") for line in text)


async def test_card_does_not_mention_a_large_network_that_is_fast_enough(world: World) -> None:
    await start_slow_engine(world)
    done = await world.paint_and_wait({"size": 64})
    assert "network" not in done.text
    (job,) = await world.jobs()
    assert (job.network, job.instead_of_seconds) == ("vgg19", None)


async def test_again_chooses_the_network_by_the_current_pace(world: World) -> None:
    painter = await start_slow_engine(world)
    done = await world.paint_and_wait(LARGE_SIZE)
    again = await world.wait_finished(await world.press(world.user(), done, "Again"))
    assert NOTES["en-US"] in again.text
    await painter.queue.engines.register(replace(SLOW, pace=30.0))
    again = await world.wait_finished(await world.press(world.user(), done, "Again"))
    assert "network" not in again.text
