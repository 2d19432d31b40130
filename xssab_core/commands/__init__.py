"""The commands of the command line: one file a command, each with `add(subparsers)`."""

from xssab_core.commands import app, benchmark, calibrate, explain, models, patch_lfw, train_xcos

COMMANDS = (app, explain, models, calibrate, train_xcos, patch_lfw, benchmark)
