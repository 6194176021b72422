"""What the message of a job shows: card, small print, file, buttons."""
