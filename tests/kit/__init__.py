"""Shared test support: pictures, databases, a fake engine, a bot in a loopback Discord."""
