"""Asks the Flexprice API: politely, completely, and on many connections at once."""
