"""Prints, at the end, how many conformance cases passed, failed and are not supported yet, by folder and kind."""

import re
from collections import Counter
from pathlib import Path

HERE = Path(__file__).parent.name


def pytest_terminal_summary(terminalreporter):
    counts = Counter()
    for outcome, column in (
        ("passed", "passed"),
        ("failed", "failed"),
        ("error", "failed"),
        ("skipped", "unsupported"),
    ):
        for report in terminalreporter.stats.get(outcome, []):
            node = getattr(report, "nodeid", "")
            if f"{HERE}/test_" in node and "[" in node:
                folder = Path(node.split("::")[0]).stem.removeprefix("test_")
                kind = re.split("[-:]", node.split("[", 1)[1].rstrip("]"), maxsplit=1)[0]
                counts[folder, kind, column] += 1
    if not counts:
        return
    terminalreporter.section("conformance: cases by kind")
    terminalreporter.write_line(f"{'folder':<14}{'kind':<22}{'passed':>8}{'failed':>8}{'unsupported':>13}")
    for folder, kind in sorted({key[:2] for key in counts}):
        row = [counts[folder, kind, column] for column in ("passed", "failed", "unsupported")]
        terminalreporter.write_line(f"{folder:<14}{kind:<22}{row[0]:>8}{row[1]:>8}{row[2]:>13}")
