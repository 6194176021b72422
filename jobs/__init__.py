"""The durable queue that the bot and the engines share: jobs, limits, leases, delivery."""
