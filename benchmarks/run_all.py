"""Run every benchmark and write RESULTS.md: `make bench`; or some by name, whose sections alone are then written anew.

Each benchmark is a program of its own, `benchmarks/<room>.py`; with `--json` it prints one object
`{case: {value, unit, error, peer, peer_value, ratio, threads}}`.

    python benchmarks/run_all.py discovery_units discovery_plasticity
"""

import argparse
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
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", help="benchmarks without .py; all otherwise")
    wanted = parser.parse_args().names
    programs = {path.stem: path for path in sorted(HERE.glob("*.py")) if path.name != "run_all.py"}
    programs = {name: path for name, path in programs.items() if '"--json"' in path.read_text(encoding="utf-8")}
    if strange := sorted(set(wanted) - set(programs)):
        sys.exit(f"there is no benchmark {strange[0]!r} that writes --json; there are {', '.join(programs)}")
    head = [
        "# Benchmarks",
        "",
        f"Written by `make bench` on {date.today().isoformat()}: {machine()}. Compilation is reported apart;"
        " peers ran in the same run.",
    ]
    result = HERE / "RESULTS.md"
    before, sections = parted(result.read_text(encoding="utf-8")) if wanted and result.exists() else (head, {})
    failed = []
    for name in wanted or programs:
        print(f"{name}.py …", flush=True)
        ran = subprocess.run([sys.executable, str(programs[name]), "--json"], capture_output=True, text=True)
        if ran.returncode:
            failed.append(name)
            print(ran.stderr, file=sys.stderr)
            continue
        sections[name] = table(json.loads(ran.stdout))
    lines = [*before, *(line for name, rows in sections.items() for line in ("", f"## {name}", "", *rows))]
    result.write_text("\n".join(lines) + "\n", encoding="utf-8")
    print(f"written: {result}")
    if failed:
        sys.exit(f"failed: {', '.join(failed)}")


def parted(text: str) -> tuple[list[str], dict[str, list[str]]]:
    """The lines before the first section, and each section's own lines by its name."""
    head, *rest = text.rstrip("\n").split("\n## ")
    sections = {name.strip(): body.strip("\n").splitlines() for name, _, body in (one.partition("\n") for one in rest)}
    return head.rstrip("\n").splitlines(), sections


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
