"""The order of the queue, and when each job will be ready."""
