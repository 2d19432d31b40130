"""The commands of the command line: one file a command, each with `add(subparsers)`."""

from xssab_core.commands import app, benchmark, calibrate, casefile, explain, models, patch_lfw, train_xcos, triage

COMMANDS = (app, explain, casefile, triage, models, calibrate, train_xcos, patch_lfw, benchmark)
