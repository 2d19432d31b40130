"""The commands of the command line: one file a command, each with `add(subparsers)`."""

from xssab_core.commands import (
    app,
    benchmark,
    calibrate,
    explain,
    models,
    patch_lfw,
    report,
    reproduce,
    train_xcos,
    triage,
)

COMMANDS = (app, explain, report, reproduce, triage, models, calibrate, train_xcos, patch_lfw, benchmark)
