"""The DuckDB file: its lock and its working copy, its tables, and the views that people query."""
