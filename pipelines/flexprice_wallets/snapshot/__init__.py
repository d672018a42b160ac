"""Compares what was read with what the warehouse holds, and loads what differs as one snapshot."""
