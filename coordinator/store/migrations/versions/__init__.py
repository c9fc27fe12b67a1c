"""The schema's history, applied by alembic; the tables themselves are in `tables.py`."""
