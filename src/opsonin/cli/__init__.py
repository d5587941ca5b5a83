"""The command line: parse, call the API, print.

Commands are declared here, light; what they do stands in the modules beside, loaded when a command runs, so that
`opsonin --help` answers at once.
"""

from opsonin.cli.app import main

__all__ = ["main"]
