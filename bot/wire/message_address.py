"""Links to messages in Discord."""

from jobs.model import Job


def message_address(job: Job) -> str:
    """Where the message of a job is, for a user to go to."""
    reply = job.reply
    guild = "@me" if job.guild_id is None else job.guild_id
    return f"https://discord.com/channels/{guild}/{reply.channel_id}/{reply.message_id}"
