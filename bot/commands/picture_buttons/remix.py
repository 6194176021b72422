"""Buttons that create a job from an earlier one: again, the rest, stronger, larger and others."""

from dataclasses import replace
from functools import partial
from typing import Any

from bot.cards.job_buttons import TAKES, Action
from bot.commands.job_access import check_pictures, kept_job, open_job, was_removed
from bot.commands.picture_buttons.sharing import show_timelapse
from bot.commands.show import is_for_others, is_shown_here
from bot.commands.style_form import StyleChoice, ask_style
from bot.intake.moving import NO_TIMELAPSE
from bot.intake.own_defaults import OwnDefaults, reply_by
from bot.intake.request import PaintRequest, asker_of, reply_as
from bot.intake.requested_styles import new_seed
from bot.intake.service import IntakeService
from bot.intake.stored import NOT_KEPT
from bot.kit import Feature, Interaction, UserError
from bot.texts import _, texts_of
from bot.ui.people import is_seen_by_those_in
from bot.ui.words import lasting_address
from bot.wire.acknowledging import read_in_time
from common.options import MAX_SIZE_PX
from common.variants import rest_of
from jobs.model import Job

STRENGTH_STEP = 0.15

STRONGEST = _("It is already as strong as it can be; another style may do more.")
SOFTEST = _("It is already as soft as it can be.")
NOTHING_LEFT = _("Nothing of it is left to paint.")
IS_BACK_IN_QUEUE = _("It is back in the queue, so the rest of it will come without a new job.")
LARGEST = _("It is already as large as it can be: {size} px.")


async def again(interaction: Interaction, job_id: int) -> None:
    """The same with another seed."""
    await _remix(interaction, await open_job(interaction, job_id), seed=new_seed())


async def rest(interaction: Interaction, job_id: int) -> None:
    """What is missing of several pictures, after a failure or a cancellation."""
    job = await kept_job(interaction, job_id)
    check_pictures(job)
    if not job.state.ended:  # an admin has undone its cancellation, since the button was shown
        raise UserError(IS_BACK_IN_QUEUE)
    left = rest_of(job.inputs, job.options, len(job.versions))
    if left is None:
        raise UserError(NOTHING_LEFT)
    request = await remix_request(interaction, job)
    request = request.model_copy(update={"inputs": left.inputs, "options": left.options})
    await interaction.client.service(IntakeService).begin(interaction, request)


async def stronger(interaction: Interaction, job_id: int) -> None:
    """Stronger style."""
    job = await kept_job(interaction, job_id)
    if job.options.strength >= 1.0:
        raise UserError(STRONGEST)
    strength = min(1.0, round(job.options.strength + STRENGTH_STEP, 2))
    await _remix(interaction, job, strength=strength)


async def softer(interaction: Interaction, job_id: int) -> None:
    """Weaker style."""
    job = await kept_job(interaction, job_id)
    if job.options.strength <= 0.0:
        raise UserError(SOFTEST)
    strength = max(0.0, round(job.options.strength - STRENGTH_STEP, 2))
    await _remix(interaction, job, strength=strength)


async def larger(interaction: Interaction, job_id: int) -> None:
    """Twice the size, or as large as allowed, with the same seed.

    If it is as large as allowed already, the limits' refusal says so.
    """
    job = await kept_job(interaction, job_id)
    size_px, limits = job.options.size_px, interaction.client.settings.limits
    most_px = MAX_SIZE_PX if job.inputs.clip is None else limits.max_clip_size_px
    if size_px >= most_px:
        raise UserError(LARGEST, size=size_px)
    in_force = interaction.client.queue.limits.in_force_for(asker_of(interaction))
    here = await read_in_time(interaction, in_force)
    allowed_px = here.max_size_px
    if job.inputs.clip is not None:
        allowed_px = min(allowed_px, here.max_clip_size_px)
    if allowed_px > size_px:
        most_px = min(most_px, allowed_px)
    await _remix(interaction, job, size_px=min(most_px, size_px * 2))


async def timelapse(interaction: Interaction, job_id: int) -> None:
    """The time-lapse; if none was recorded, paint the same picture again with one."""
    job = await kept_job(interaction, job_id)
    if job.inputs.clip is not None:
        raise UserError(NO_TIMELAPSE)
    if job.timelapse_key is not None:
        await show_timelapse(interaction, job, job.timelapse_key)
        return
    seed = job.report.seed if job.report else job.options.seed
    await _remix(interaction, job, timelapse=True, seed=seed)


async def take_version(interaction: Interaction, job_id: int, *, version: int) -> None:
    """Make one of several versions a job of its own, with all buttons; nothing is painted."""
    job = await kept_job(interaction, job_id)
    if job.unreadable is not None or version >= len(job.versions):
        raise UserError(NOT_KEPT)
    request = (await remix_request(interaction, job)).model_copy(update={"version": version})
    if not await is_for_others(interaction, job) or await was_removed(interaction, job):
        request = request.with_reply(ephemeral=True)  # a deleted one must not reappear
    await interaction.client.service(IntakeService).begin(interaction, request)


async def other_style(interaction: Interaction, job_id: int) -> None:
    """Ask for another style for the same photograph."""
    job = await open_job(interaction, job_id)
    check_pictures(job)

    async def begin(submitted: Interaction, chosen: StyleChoice) -> None:
        job = await open_job(submitted, job_id)  # it may have changed since the modal was opened
        check_pictures(job)
        named = ("strength", "style_scale", "pooling")
        request = (
            (await remix_request(submitted, job))
            .with_replaceable_inputs(job.inputs)
            .model_copy(update={"styles": chosen.styles, "named": named})
        )
        await submitted.client.service(IntakeService).begin(submitted, request)

    await ask_style(interaction, texts_of(interaction)("Other style"), begin)


async def _remix(interaction: Interaction, job: Job, **changes: Any) -> None:
    check_pictures(job)
    request = (await remix_request(interaction, job)).with_options(**changes)
    await interaction.client.service(IntakeService).begin(interaction, request)


async def remix_request(interaction: Interaction, job: Job) -> PaintRequest:
    """A request for the same picture, by the user of this interaction.

    It is as visible and announced as the job; for another user as their own defaults say, but never
    more visible. If others here have not seen the first picture, the second is ephemeral.
    """
    reply = replace(reply_as(interaction, job.reply), alt_text=job.reply.alt_text)
    if not is_shown_here(interaction, job):
        reply = replace(reply, ephemeral=True)
    if interaction.user.id != job.user_id:
        own = await interaction.client.service(OwnDefaults).of(interaction)
        theirs = reply_by(interaction, own)
        reply = replace(
            theirs,
            ephemeral=theirs.ephemeral or reply.ephemeral,
            spoiler=theirs.spoiler or reply.spoiler,
        )
    return PaintRequest(
        asker=asker_of(interaction),
        reply=replace(reply, painted_from=_place_for_all(interaction, job)),
        inputs=job.inputs,
        options=job.options,
        parent_job_id=job.id,
    )


def _place_for_all(interaction: Interaction, job: Job) -> str:
    """The URL of a job's message if it is public where it is remixed; else empty.

    The new file contains it, so it must not reveal another server or a hidden channel.
    """
    if job.guild_id is None or job.guild_id != interaction.guild_id:
        return ""
    is_here = job.channel_id == interaction.channel_id
    if is_here or is_seen_by_those_in(interaction.client, job.channel_id, interaction.channel_id):
        return lasting_address(job) or ""
    return ""


FEATURE = Feature(
    picture_actions={
        Action.AGAIN: again,
        Action.REST: rest,
        Action.STRONGER: stronger,
        Action.SOFTER: softer,
        Action.LARGER: larger,
        Action.OTHER_STYLE: other_style,
        Action.TIMELAPSE: timelapse,
        **{action: partial(take_version, version=version) for version, action in enumerate(TAKES)},
    }
)
