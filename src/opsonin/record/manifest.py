"""What a record says of itself: where it came from, what was assumed, what was left out (`manifest.json`)."""

from __future__ import annotations

import json
from dataclasses import dataclass, field, fields
from typing import Any

from opsonin.errors import RecordError
from opsonin.record.migrations import migrate
from opsonin.record.schema import SCHEMA_VERSION
from opsonin.version import __version__

FORMAT = "opsonin record"
KINDS: dict[str, Any] = {
    "kind": str, "title": str, "source": str, "study": str | None, "study_hash": str | None, "seed": int | None,
    "software_version": str, "assumptions": list, "model": dict | None, "questions": dict, "tables": dict,
    "rows_left_out": list, "notes": list, "schema_version": int,
}  # fmt: skip


@dataclass
class Manifest:
    """Provenance of a record, plain JSON throughout.

    kind: "virtual" or "real".   study: the text of the study file, or of the mapping file where foreign data were read
    by one.   study_hash: the study file's SHA-256.
    assumptions: [{"sentence": …, "parameters": [names]}].   model: tables of equations and parameters, where virtual.
    questions: what to compare and report.   tables: name -> {"rows", "columns", "sha256"}, written on saving.
    rows_left_out: [{"file", "section", "reason", "count", "rows"}]; rows is text such as "2-5, 9", counted as the
    file's lines (text files, header = 1) or its records (Parquet and transport files, first = 1).
    """

    kind: str = "real"
    title: str = ""
    source: str = ""
    study: str | None = None
    study_hash: str | None = None
    seed: int | None = None
    software_version: str = ""
    assumptions: list[dict[str, Any]] = field(default_factory=list)
    model: dict[str, Any] | None = None
    questions: dict[str, Any] = field(default_factory=dict)
    tables: dict[str, dict[str, Any]] = field(default_factory=dict)
    rows_left_out: list[dict[str, Any]] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    schema_version: int = SCHEMA_VERSION

    def __post_init__(self):
        if self.kind not in ("virtual", "real"):
            raise RecordError(f"the manifest's kind is {self.kind!r}; it is 'virtual' or 'real'.")
        if not self.software_version:
            self.software_version = __version__

    @property
    def left_out(self) -> int:
        """How many rows of foreign files could not be used."""
        return sum(int(entry.get("count", 1)) for entry in self.rows_left_out)

    def to_json(self) -> str:
        """The text of manifest.json; the same manifest gives the same text."""
        told = {one.name: getattr(self, one.name) for one in fields(self)}
        return json.dumps({"format": FORMAT} | told, indent=1, ensure_ascii=False, default=_plain) + "\n"

    @classmethod
    def from_json(cls, text: str, where: str = "manifest.json") -> Manifest:
        """Reads what `to_json` wrote, bringing older schema versions up to date.

        Raises: RecordError, where the text is no manifest, or of a newer version than this software knows.
        """
        try:
            content = json.loads(text)
        except (json.JSONDecodeError, RecursionError) as problem:
            raise RecordError(f"{where} is damaged: {problem}. Restore the folder from a copy.") from problem
        if not isinstance(content, dict) or content.pop("format", None) != FORMAT:
            raise RecordError(f"{where} is not an Opsonin record's manifest; give a folder that Opsonin saved.")
        content = migrate(content, where)
        known = {one.name for one in fields(cls)}
        unknown = sorted(set(content) - known)
        if unknown:
            raise RecordError(f"{where} has entries that schema version {SCHEMA_VERSION} lacks: {', '.join(unknown)}.")
        for name, value in content.items():
            if not isinstance(value, KINDS[name]) or isinstance(value, bool):
                raise RecordError(f"{where} is damaged: {name} is {value!r}. Restore the folder from a copy.")
        for name, kind in (("tables", dict), ("rows_left_out", dict), ("assumptions", dict), ("notes", str)):
            entries = content.get(name, {})
            entries = entries.values() if isinstance(entries, dict) else entries
            if not all(isinstance(entry, kind) for entry in entries):
                raise RecordError(f"{where} is damaged: {name} holds something else. Restore the folder from a copy.")
        if not all(isinstance(entry.get("count", 1), int) for entry in content.get("rows_left_out", [])):
            raise RecordError(f"{where} is damaged: rows_left_out holds no counts. Restore the folder from a copy.")
        return cls(**content)


def _plain(value: Any) -> Any:
    """NumPy scalars and arrays, sets and paths as plain JSON values."""
    if hasattr(value, "tolist"):
        return value.tolist()
    if isinstance(value, set | frozenset):
        return sorted(value)
    return str(value)
