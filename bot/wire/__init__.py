"""What speaks with Discord: its errors, acknowledgements, answers, uploads."""
