"""What the message of a job shows: its card, the small print, the file, the buttons."""
