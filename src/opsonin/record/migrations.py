"""Older records brought up to date: one step a schema version, so that a record saved today can be read for ever."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from opsonin.errors import RecordError
from opsonin.record.schema import SCHEMA_VERSION

# version -> what turns a manifest of that version into one of the next; version 1 is the first
MANIFEST_STEPS: dict[int, Callable[[dict[str, Any]], dict[str, Any]]] = {
    1: lambda manifest: manifest,  # the lesions' second diameter may be missing, and is added so when tables are read
}


def migrate(manifest: dict[str, Any], where: str) -> dict[str, Any]:
    """The manifest in this software's schema version.

    Raises: RecordError, naming both versions, where it is newer or no step leads here.
    """
    version = manifest.get("schema_version")
    if not isinstance(version, int) or isinstance(version, bool) or version < 1:
        raise RecordError(f"{where} states no schema version that can be read ({version!r}).")
    if version > SCHEMA_VERSION:
        raise RecordError(
            f"{where} has schema version {version}, but this Opsonin reads up to {SCHEMA_VERSION}; update Opsonin."
        )
    while version < SCHEMA_VERSION:
        if version not in MANIFEST_STEPS:
            raise RecordError(f"{where} has schema version {version}; no step leads from it to {SCHEMA_VERSION}.")
        manifest = MANIFEST_STEPS[version](manifest)
        version += 1
        manifest["schema_version"] = version
    return manifest
