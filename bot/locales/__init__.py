"""The translations: one file for each language, and the command that updates them."""
