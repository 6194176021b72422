"""The engines' side of the queue: claims, leases, heartbeats, and how a job ends."""
