"""The commands of the command line: one file a command, each with `add(subparsers)`."""

from xssab_core.commands import calibrate, explain, models, train_xcos

COMMANDS = (explain, models, calibrate, train_xcos)
