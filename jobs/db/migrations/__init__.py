"""The database's migrations; `jobs.db.migrate` runs them."""
