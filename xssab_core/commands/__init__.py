"""The commands of the command line: one file a command, each with `add(subparsers)`."""

from xssab_core.commands import explain, models, train_xcos

COMMANDS = (explain, models, train_xcos)
