"""What the API says, declared once: its fields, how each is read, and the exact column that keeps it. Pure."""
