"""The command line: thin. Each command reads options, calls what decides, and prints."""
