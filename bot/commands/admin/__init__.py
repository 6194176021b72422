"""What server admins see and change: limits, the blocklist, the queue, statistics."""
