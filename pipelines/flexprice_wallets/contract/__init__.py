"""What the warehouse and the API promise, as data."""
