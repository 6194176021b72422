"""The queue's database: connections, tables, migrations, rows, change notifications."""
