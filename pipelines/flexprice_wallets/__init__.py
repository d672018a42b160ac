"""Balance history of Flexprice wallets, loaded with dlt into DuckDB."""

__version__ = "0.1.0"
