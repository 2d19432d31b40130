"""`python -m xssab_core`."""

import sys

from xssab_core.cli import main

sys.exit(main())
