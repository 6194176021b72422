"""What the bot and the engine agree on: jobs, the durable queue, limits, storage, settings."""
