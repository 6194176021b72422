"""From a paint request to a job in the queue."""
