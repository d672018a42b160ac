"""`python -m flexprice_wallets`."""

from flexprice_wallets.commands.main import main

main()
