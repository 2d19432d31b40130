"""The commands of the command line: one file a command, each with `add(subparsers)`."""

from xssab_core.commands import benchmark, explain, models, patch_lfw

COMMANDS = (explain, models, patch_lfw, benchmark)
