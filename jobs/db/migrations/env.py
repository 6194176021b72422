"""Alembic's entry: runs the migrations on the connection that `jobs.db.migrate` hands over."""

from alembic import context


def run() -> None:
    """Run them inside the transaction that is already open."""
    context.configure(connection=context.config.attributes["connection"], transactional_ddl=True)
    with context.begin_transaction():
        context.run_migrations()


run()
