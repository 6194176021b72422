"""The translations: one file a language, and the command that brings them up to date."""
