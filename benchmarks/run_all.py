"""Run every benchmark and write RESULTS.md: `make bench`.

Each benchmark is a program of its own, `benchmarks/<room>.py`; with `--json` it prints one object
`{case: {value, unit, error, peer, peer_value, ratio, threads}}`.
"""

import json
import os
import platform
import subprocess
import sys
from datetime import date
from pathlib import Path

HERE = Path(__file__).parent
COLUMNS = ("value", "unit", "error", "peer", "peer_value", "ratio", "threads")


def main() -> None:
    lines = [
        "# Benchmarks",
        "",
        f"Written by `make bench` on {date.today().isoformat()}: {machine()}. Compilation is reported apart;"
        " peers ran in the same run.",
    ]
    failed = []
    for program in sorted(HERE.glob("*.py")):
        if program.name in ("run_all.py",) or '"--json"' not in program.read_text(encoding="utf-8"):
            continue
        print(f"{program.name} …", flush=True)
        ran = subprocess.run([sys.executable, str(program), "--json"], capture_output=True, text=True)
        if ran.returncode:
            failed.append(program.name)
            print(ran.stderr, file=sys.stderr)
            continue
        lines += ["", f"## {program.stem}", "", *table(json.loads(ran.stdout))]
    (HERE / "RESULTS.md").write_text("\n".join(lines) + "\n", encoding="utf-8")
    print(f"written: {HERE / 'RESULTS.md'}")
    if failed:
        sys.exit(f"failed: {', '.join(failed)}")


def table(cases: dict) -> list[str]:
    rows = ["| case | " + " | ".join(COLUMNS) + " |", "|---" * (len(COLUMNS) + 1) + "|"]
    for name, case in cases.items():
        rows.append(f"| {name} | " + " | ".join(shown(case.get(column)) for column in COLUMNS) + " |")
    return rows


def shown(value) -> str:
    if value is None:
        return "–"
    return f"{value:.3g}" if isinstance(value, float) else str(value)


def machine() -> str:
    return f"{os.cpu_count()} cores, {platform.machine()}, {platform.system()}, Python {platform.python_version()}"


if __name__ == "__main__":
    main()
