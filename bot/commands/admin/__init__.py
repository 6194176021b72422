"""What the admins of a server see and change: limits, the blocklist, the queue, the figures."""
