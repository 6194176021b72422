"""The databases are those of the queue's own tests."""

from tests.jobs.conftest import database_kind, place, postgres_server, sqlite_template, template

__all__ = ["database_kind", "place", "postgres_server", "sqlite_template", "template"]
