"""`python -m opsonin` is the command line."""

from opsonin.cli import main

main()
