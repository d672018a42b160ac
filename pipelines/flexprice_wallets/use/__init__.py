"""What reads a warehouse: data frames, files, a report."""
