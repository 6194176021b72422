"""The chat page: a Discord client in the browser for this sandbox."""
