"""`python -m flexprice_wallets`."""

import os
import sys

# Python puts the current folder first on the path: whatever lies there must not run beside the key.
if not sys.flags.safe_path and sys.path and sys.path[0] == os.getcwd():
    del sys.path[0]

from flexprice_wallets.commands.main import main

main()
