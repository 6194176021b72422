"""The queue worker: claims jobs, paints them, and tells the queue how far it is."""
