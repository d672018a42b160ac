"""The edge to the Flexprice API: one request at a time, what its outcome means, when to ask again."""
