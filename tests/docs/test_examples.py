"""What the documentation shows runs: each page's Python blocks in order, and its console commands."""

import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from paths import ROOT

PAGES = sorted([ROOT / "README.md", *(ROOT / "docs").glob("*.md")])
BLOCK = re.compile(
    r"^```(?P<kind>python|console|toml|csv)(?P<title>[^\n]*)\n(?P<body>.*?)^```$", re.DOTALL | re.MULTILINE
)
TITLE = re.compile(r'title="(?P<name>[^"]+)"')


def blocks(page: Path) -> list[tuple[str, str | None, str]]:
    """The fenced blocks of a page that are run or written: kind, file name where one is given, text."""
    found = []
    for match in BLOCK.finditer(page.read_text(encoding="utf-8")):
        name = TITLE.search(match["title"])
        found.append((match["kind"], name["name"] if name else None, match["body"]))
    return found


@pytest.mark.parametrize("page", [p for p in PAGES if blocks(p)], ids=lambda p: p.name)
def test_the_examples_of_a_page_run(page, tmp_path):
    script: list[str] = []
    for kind, name, body in blocks(page):
        if name is not None:  # a block with a title is a file that the reader writes
            (tmp_path / name).write_text(body, encoding="utf-8")
        elif kind == "python":
            script.append(body)
        elif kind == "console":
            run_python(script, tmp_path, page)
            script = []
            run_console(body, tmp_path, page)
    run_python(script, tmp_path, page)


def run_python(script: list[str], folder: Path, page: Path) -> None:
    if script:
        ran = subprocess.run([sys.executable, "-c", "\n".join(script)], cwd=folder, capture_output=True, text=True)
        assert ran.returncode == 0, f"{page.name}:\n{ran.stdout}\n{ran.stderr}"


def run_console(body: str, folder: Path, page: Path) -> None:
    for line in body.splitlines():
        if line.startswith("$ opsonin "):
            words = shlex.split(line.removeprefix("$ opsonin "), comments=True)
            ran = subprocess.run([sys.executable, "-m", "opsonin", *words], cwd=folder, capture_output=True, text=True)
            assert ran.returncode == 0, f"{page.name}: {line}\n{ran.stdout}\n{ran.stderr}"


def test_every_page_stands_in_the_navigation():
    listed = set(re.findall(r"(\S+\.md)", (ROOT / "mkdocs.yml").read_text(encoding="utf-8")))
    assert listed == {page.name for page in (ROOT / "docs").glob("*.md")}
