"""Loads what differs with dlt, as typed Arrow tables."""
