"""Showing jobs: one loop reads the database and makes all edits of their messages."""
