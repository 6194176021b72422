"""The chat page: what a browser needs to be a Discord client in this sandbox."""
