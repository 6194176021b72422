"""The way from a wish to a job in the queue."""
