"""The bot as a whole: its features put together, its connection, its engine."""
