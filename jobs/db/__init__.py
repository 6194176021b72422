"""The database under the queue: connections, tables, migrations, rows, change signals."""
