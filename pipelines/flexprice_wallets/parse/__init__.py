"""Turns what the API answered into exact, typed records, or says why it cannot.

Pure: no network, no database, nothing beyond the standard library.
"""
