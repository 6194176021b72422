"""What the buttons under a picture do."""
