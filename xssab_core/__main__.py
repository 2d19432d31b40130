"""`python -m xssab_core`: the command line of a checkout, `xssab` once installed."""

import sys

from xssab_core.cli import main

sys.exit(main())
