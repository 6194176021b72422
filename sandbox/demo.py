"""`python -m sandbox demo`: the whole bot at work, once, without an account.

A loopback Discord, the real bot as a real process, its real engine; two jobs are posted as a user
would, each progress edit is printed as it arrives, and the results are written to a folder.
"""

import asyncio
import json
import shutil
import tempfile
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sandbox.bot_process import BotProcess, BotStoppedError, bot_environment, online, run_bot
from sandbox.command_visibility import NotOfferedError
from sandbox.console import end_on_sigterm, say
from sandbox.demo_pictures import DemoPictures, NoPictureError, choose
from sandbox.loopback import LoopbackDiscord
from sandbox.message_text import one_line, readable
from sandbox.model import Interaction, Message
from sandbox.payloads import message_json

SIZE_PX = 512
SETTLE_SECONDS = 1.0
CANCEL = "cancel"


class DemoFailedError(Exception):
    """The demo failed; the message says why."""


@dataclass(frozen=True)
class DemoJob:
    """One `/paint` of the demo."""

    name: str
    options: Mapping[str, Any]
    files: Mapping[str, Path]

    def words(self) -> str:
        """The command as a user would type it."""
        files = [f"{option}:{path.name}" for option, path in self.files.items()]
        options = [f"{option}:{value}" for option, value in self.options.items()]
        return " ".join(["/paint", *files, *options])


def demo_jobs(pictures: DemoPictures) -> list[DemoJob]:
    """The two jobs: a photograph with a preset, and one with a style picture.

    They are small, so that both are done in a few minutes on two processor cores.
    """
    common = {"size": SIZE_PX, "seed": 7}
    first = DemoJob(
        "preset", {"preset": "starry-night", **common}, {"content": pictures.first_photograph}
    )
    second = DemoJob(
        "two-pictures", common, {"content": pictures.second_photograph, "style": pictures.style}
    )
    return [first, second]


def ended(message: Message | None) -> bool:
    """Whether the job has ended: shown, and without a button to cancel it."""
    if message is None or message.loading or message.deleted:
        return False
    labels = [str(b.get("label", "")).lower() for b in message.buttons]
    return bool(message.text) and not any(CANCEL in label for label in labels)


class Follower:
    """Prints a job's message each time it changes."""

    def __init__(self, job: DemoJob, interaction: Interaction, started: float) -> None:
        self.name = job.name
        self.interaction = interaction
        self._started = started
        self._seen: tuple[int, int] | None = None
        self._printed = ""

    @property
    def message(self) -> Message | None:
        """The response; or the ephemeral followup in its place, such as a refusal."""
        answer = self.interaction.message
        if self.interaction.followups and (answer is None or answer.deleted):
            return self.interaction.followups[-1]
        return answer

    def look(self, now: float) -> None:
        """Print the message if its text has changed."""
        message = self.message
        if message is None or self._seen == (message.id, message.revision):
            return
        self._seen = (message.id, message.revision)
        line = one_line(message, now)
        if line != self._printed:
            self._printed = line
            seconds = time.monotonic() - self._started
            say(f"{seconds:6.1f} s  {self.name:12}  {line}")


async def demonstrate(pictures: DemoPictures, out: Path, timeout_seconds: float) -> None:
    """Run the demo and write its results.

    Raises:
        DemoFailedError: It failed; the message is for the user.
        BotStoppedError: The bot's process exited.
    """
    started = time.monotonic()
    data_dir = Path(tempfile.mkdtemp(prefix="data-", dir=out))
    async with LoopbackDiscord.start() as discord:
        environment = bot_environment(discord.environment(), data_dir)
        say(f"The loopback Discord is at {discord.api_url}; starting the bot.")
        async with run_bot(environment, out / "bot.log") as bot:
            await online(discord, bot)
            followers = []
            for job in demo_jobs(pictures):
                say(f"ada: {job.words()}")
                followers.append(Follower(job, await _post(discord, job), started))
            left = timeout_seconds - (time.monotonic() - started)
            await _follow(discord, bot, followers, left)
            _write(discord, followers, out)
    shutil.rmtree(data_dir, ignore_errors=True)
    _judge(discord, followers)


async def _post(discord: LoopbackDiscord, job: DemoJob) -> Interaction:
    files = {option: (path.name, path.read_bytes()) for option, path in job.files.items()}
    interaction = await discord.slash(discord.user("ada"), "paint", job.options, files)
    if not interaction.acknowledged:
        raise DemoFailedError("The bot did not answer /paint within Discord's 3 s.")
    # A user would see the place in the queue before the next command, too.
    await discord.until(lambda: interaction.message and not interaction.message.loading, 10.0)
    return interaction


async def _follow(
    discord: LoopbackDiscord, bot: BotProcess, followers: list[Follower], seconds: float
) -> None:
    end = time.monotonic() + seconds
    settled_at = 0.0
    while True:
        for follower in followers:
            follower.look(discord.world.clock.now())
        now = time.monotonic()
        if all(ended(f.message) for f in followers):
            settled_at = settled_at or now
            if now - settled_at > SETTLE_SECONDS:
                return
        else:
            settled_at = 0.0
        bot.check()
        if now > end:
            raise DemoFailedError(
                f"The pictures were not done in time. The bot said:\n{bot.tail()}"
            )
        await discord.until(lambda: False, 0.25)


def _write(discord: LoopbackDiscord, followers: list[Follower], out: Path) -> None:
    """Write each job's last message and its pictures."""
    now = discord.world.clock.now()
    for follower in followers:
        message = follower.message
        if message is None:
            continue
        name = follower.name
        as_json = message_json(discord.world, message)
        text = json.dumps(as_json, indent=2, ensure_ascii=False)
        (out / f"{name}.json").write_text(text + "\n", "utf-8")
        (out / f"{name}.txt").write_text(readable(message, discord.world.bot.name, now), "utf-8")
        for number, stored in enumerate(message.attachments):
            suffix = Path(stored.filename).suffix or ".bin"
            path = out / (f"{name}{suffix}" if number == 0 else f"{name}-{number + 1}{suffix}")
            path.write_bytes(stored.data)
            say(f"wrote {path} ({stored.width} × {stored.height} px)")


def _judge(discord: LoopbackDiscord, followers: list[Follower]) -> None:
    for follower in followers:
        message = follower.message
        if message is None or not any(f.width for f in message.attachments):
            seen = "nothing" if message is None else one_line(message, discord.world.clock.now())
            raise DemoFailedError(f"The job {follower.name!r} gave no picture; it says: {seen}")
    for violation in discord.violations:
        say(f"Discord would object: {violation.request}: {violation.message} ({violation.rule})")


def run_demo(content: Path | None, style: Path | None, out: Path, timeout_seconds: float) -> int:
    """Run the demo; returns the exit status, with a sentence on the console if it failed."""
    end_on_sigterm()
    try:
        pictures = choose(content, style)
        try:
            out.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise DemoFailedError(f"{out} cannot be made: {error.strerror}.") from None
        for old in out.glob("data-*"):  # left by a failed run
            shutil.rmtree(old, ignore_errors=True)
        asyncio.run(demonstrate(pictures, out, timeout_seconds))
    except (NoPictureError, DemoFailedError, BotStoppedError, NotOfferedError) as error:
        say(f"The demonstration failed. {error}")
        return 1
    except KeyboardInterrupt:
        return 130
    say(f"Done. The pictures and messages are in {out}.")
    return 0
