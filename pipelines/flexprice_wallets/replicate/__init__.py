"""The warehouse in another engine: its rows sent there, and the same views made over them."""
