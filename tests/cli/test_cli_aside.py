"""The second process of a run: what it loads before it is given anything, and what it makes of what it is given."""

import subprocess
import sys
from pathlib import Path

from made_up_trial import one_record
from opsonin.cli.aside import Aside

AHEAD = """
import sys
sys.path.insert(0, {tests!r})
from made_up_trial import one_record
from opsonin.cli import aside
trial = one_record()
aside._load_ahead()
packages = lambda: {{name.split(".")[0] for name in sys.modules}}
before = packages()
part = aside._analysed(trial, 1) | aside._compared(trial, {{}}, 1)
aside._reported(part, trial, {{}}, None, __import__("pathlib").Path({folder!r}), ["A note that came late."])
print(*sorted(packages() - before - sys.stdlib_module_names))
"""


def test_no_package_is_loaded_any_more_once_there_is_something_to_do(tmp_path):
    code = AHEAD.format(tests=str(Path(__file__).parents[1]), folder=str(tmp_path))
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == []
    assert "A note that came late." in (tmp_path / "report.html").read_text(encoding="utf-8")
    assert (tmp_path / "findings.json").is_file()


def test_without_a_process_the_same_is_done_here(tmp_path):
    folders = [tmp_path / "alone", tmp_path / "aside"]
    for folder, threads in zip(folders, (1, 2), strict=True):
        folder.mkdir()
        with Aside(threads, seed=3) as aside:
            aside.trial(one_record())
            aside.potential({})
            aside.report({}, None, folder, [])
            aside.findings()
    for name in ("findings.json", "report.html"):
        assert (folders[0] / name).read_bytes() == (folders[1] / name).read_bytes()
