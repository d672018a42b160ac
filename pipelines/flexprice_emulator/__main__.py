"""Run the emulator: ``python -m flexprice_emulator``."""

from flexprice_emulator.command import emulator_command

emulator_command(prog_name="python -m flexprice_emulator")
