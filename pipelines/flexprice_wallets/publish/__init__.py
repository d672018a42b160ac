"""Publishes a warehouse: works on a private copy under a lock and puts it in place in one step."""
