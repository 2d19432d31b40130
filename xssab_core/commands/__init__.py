"""The commands of the command line: one file a command, each with `add(subparsers)`."""

from xssab_core.commands import calibrate, explain, models

COMMANDS = (explain, models, calibrate)
