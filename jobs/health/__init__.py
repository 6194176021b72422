"""The health of an installation: its state, what is wrong with it, and how that is found out."""
