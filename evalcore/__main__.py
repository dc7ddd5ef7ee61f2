"""python -m evalcore."""

import sys

from evalcore.cli import main

if __name__ == "__main__":  # processes that score are started from this one, and import it
    sys.exit(main())
