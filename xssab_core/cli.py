"""The command line: `xssab COMMAND`, everything the app does without the app."""

from __future__ import annotations

import argparse
import sys
from typing import NoReturn

from xssab_core.commands import COMMANDS
from xssab_core.commands.arguments import sentence, with_negative_values
from xssab_core.errors import XssabError


class _Parser(argparse.ArgumentParser):
    """Answers a wrong call with one line and exit code 2."""

    def error(self, message: str) -> NoReturn:
        print(f"{self.prog}: {message}. See {self.prog} --help", file=sys.stderr)
        sys.exit(2)


def main(arguments: list[str] | None = None) -> int:
    """Run one command; 0 on success, 2 with one line on stderr when the user must change something."""
    parser = _Parser(prog="xssab", description="Explain face recognition decisions.")
    subparsers = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    for command in COMMANDS:
        command.add(subparsers)
    given = parser.parse_args(with_negative_values(sys.argv[1:] if arguments is None else arguments))
    try:
        given.run(given)
    except XssabError as error:
        print(f"xssab: {sentence(error, given)}", file=sys.stderr)
        return 2
    except OSError as error:  # a disk that fills up or a folder that cannot be written, wherever it is met
        where = error.filename or "a file"
        print(f"xssab: {where}: {error.strerror or error}. Finished work is kept; try again.", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("xssab: stopped", file=sys.stderr)
        return 130
    return 0
