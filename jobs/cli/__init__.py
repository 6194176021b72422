"""`python -m jobs`: the command line of the queue."""
