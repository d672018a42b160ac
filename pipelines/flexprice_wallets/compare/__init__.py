"""Compares what was read with what the warehouse last holds, and says which rows differ. Pure."""
