"""The command line: parse, call the API, print.

Commands are declared in `app`, light; what they do stands in the modules beside, loaded when a command runs, so that
`opsonin --help` answers at once.
"""

from __future__ import annotations

__all__ = ["main"]


def main() -> None:
    """The entry point of the command `opsonin`."""
    from opsonin.cli.interrupts import INTERRUPTED, end_interrupted, leave_at_once

    leave_at_once()  # before anything that takes time is loaded
    from opsonin.cli.app import run_command

    try:
        run_command()
    except SystemExit as end:
        if end.code == INTERRUPTED:
            end_interrupted()
        raise
