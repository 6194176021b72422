"""Shared test support: pictures, databases, a pretend engine, a bot in a loopback Discord."""
