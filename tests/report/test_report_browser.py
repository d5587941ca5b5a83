"""The report opened in headless Chromium: no console error, every figure drawn, the summary readable."""

import html
import re
import shutil
import subprocess

import pytest

from opsonin.report import write_report
from report.make_record import arms_only, small_findings, small_trial

NAMES = ("chromium", "chromium-browser", "google-chrome", "chrome")
BROWSER = next((path for name in NAMES if (path := shutil.which(name))), None)
FLAGS = [
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update", "--disable-sync", "--hide-scrollbars",
    "--virtual-time-budget=20000",
]  # fmt: skip
needs_browser = pytest.mark.skipif(BROWSER is None, reason="no Chromium on the path; no report opened")


def opened(path, tmp_path) -> tuple[str, list[str]]:
    """The page's DOM after its scripts ran, and what the browser's console said."""
    command = [str(BROWSER), *FLAGS, f"--user-data-dir={tmp_path / 'profile'}", "--enable-logging=stderr", "--dump-dom"]
    done = subprocess.run([*command, path.as_uri()], capture_output=True, text=True, timeout=120, check=True)
    said = [line for line in done.stderr.splitlines() if "CONSOLE" in line or "Uncaught" in line]
    return done.stdout, said


@needs_browser
@pytest.mark.slow
@pytest.mark.parametrize("kind", ["virtual", "hostile", "ten groups"])
def test_every_figure_is_drawn_and_the_console_is_silent(kind, tmp_path):
    if kind == "ten groups":
        path = write_report(arms_only(10), [], tmp_path / "report.html")
    else:
        path = write_report(small_trial(kind == "hostile"), small_findings(), tmp_path / "report.html", 1000)
    dom, said = opened(path, tmp_path)
    assert said == []
    figures = re.findall(r'<figure class="figure" id="([^"]+)"', dom)
    assert len(figures) >= 5
    for name in figures:
        part = dom[dom.index(f'id="plot-{name}"') : dom.index(f'id="drawing-{name}"')]
        assert 'class="main-svg"' in part, f"{name} is not drawn"
        assert re.search(r'class="(xy|x\d*y\d*|plot|cartesianlayer)', part), f"{name} has no panel"
    assert len(re.findall(r'class="plot js-plotly-plot"', dom)) == len(figures)


@needs_browser
@pytest.mark.slow
def test_the_summary_reads_right_in_the_browser(tmp_path):
    path = write_report(small_trial(), small_findings(), tmp_path / "report.html", 1000)
    dom, _ = opened(path, tmp_path)
    first = html.unescape(re.sub(r"<[^>]+>", "", dom[dom.index('id="summary"') : dom.index('id="trial"')]))
    first = re.sub(r"\s+", " ", first.replace("\u00a0", " "))
    assert "Maximum tolerated dose: interleukin-2 6 MIU." in first
    assert "it is chosen in 58.0 % (55.0–61.0 %), so another trial would more likely than not say the same." in first
    assert "imatinib × 1.38 (1.27–1.51)" in first


@needs_browser
@pytest.mark.slow
def test_it_prints_the_summary_on_one_page(tmp_path):
    path = write_report(small_trial(), small_findings(), tmp_path / "report.html", 1000)
    out = tmp_path / "report.pdf"
    command = [str(BROWSER), *FLAGS, f"--user-data-dir={tmp_path / 'profile'}", "--no-pdf-header-footer"]
    subprocess.run([*command, f"--print-to-pdf={out}", path.as_uri()], capture_output=True, timeout=120, check=True)
    pages = len(re.findall(rb"/Type\s*/Page\b", out.read_bytes()))
    assert 10 <= pages <= 30
