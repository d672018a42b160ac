"""Lists the customers completely, although customers come and go while the pages are read."""
