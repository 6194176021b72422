"""Alembic's entry point: runs the migrations on the connection of `jobs.db.migrate`."""

from alembic import context


def run() -> None:
    """Run the migrations inside the transaction that is already open."""
    context.configure(connection=context.config.attributes["connection"], transactional_ddl=True)
    with context.begin_transaction():
        context.run_migrations()


run()
