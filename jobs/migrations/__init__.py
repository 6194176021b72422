"""The database's migrations; `jobs.migrate` runs them."""
