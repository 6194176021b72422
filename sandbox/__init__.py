"""A loopback Discord, for trying the bot without an account and for tests."""
