"""How fast and how small a load is, beside other programs that do the same: `make bench`."""
