"""The whole bot: its features, the connection to Discord, the embedded engine."""
