"""Who is painted next, and when each job will be ready."""
