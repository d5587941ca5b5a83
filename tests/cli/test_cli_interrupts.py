"""An interruption that a library swallows still stops the work at its next word of progress."""

import signal
import subprocess
import sys

import pytest

from opsonin.cli.interrupts import INTERRUPTED, Interrupts


def test_an_interruption_is_raised_at_once_and_remembered():
    with Interrupts() as interrupts:
        interrupts.check()
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(signal.SIGINT)
        with pytest.raises(KeyboardInterrupt):
            interrupts.check()
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_where_interruptions_are_ignored_they_stay_ignored():
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        with Interrupts() as interrupts:
            signal.raise_signal(signal.SIGINT)
            interrupts.check()
            assert signal.getsignal(signal.SIGINT) is signal.SIG_IGN
    finally:
        signal.signal(signal.SIGINT, before)


INTERRUPTED_WHILE_LOADING = """
import signal, sys
class Interrupting:
    def find_spec(self, name, *_):
        if name == "typer":
            signal.raise_signal(signal.SIGINT)
sys.meta_path.insert(0, Interrupting())
from opsonin.cli import main
main()
"""
INTERRUPTED_AT_THE_END = """
import atexit, signal, sys
atexit.register(signal.raise_signal, signal.SIGINT)
from opsonin.cli import main
sys.argv = ["opsonin", "--version"]
main()
"""


INTERRUPTED_WHILE_A_TEXT_IS_EXECUTED = """
import signal, sys
import opsonin.cli.app, opsonin.cli.listing
opsonin.cli.listing.list_everything = lambda: exec("signal.raise_signal(signal.SIGINT)", {"signal": signal})
from opsonin.cli import main
sys.argv = ["opsonin", "list"]
main()
"""


@pytest.mark.parametrize(
    "program", [INTERRUPTED_WHILE_LOADING, INTERRUPTED_WHILE_A_TEXT_IS_EXECUTED, INTERRUPTED_AT_THE_END]
)
def test_ctrl_c_before_in_and_after_a_command_ends_the_process_with_the_code_of_an_interruption(program):
    ended = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert ended.returncode == INTERRUPTED
    assert "interrupted" in ended.stderr
    assert "Traceback" not in ended.stderr
