"""Where the shared reference results and real data are; tests that use them skip where they are missing."""

import os
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
REFERENCE = Path(os.environ.get("OPSONIN_REFERENCE", ROOT / "../shared/reference"))
DATA = Path(os.environ.get("OPSONIN_DATA", ROOT / "../shared/data"))

needs_reference = pytest.mark.skipif(
    not REFERENCE.is_dir(), reason=f"no reference results at {REFERENCE}; set OPSONIN_REFERENCE to their folder"
)
needs_data = pytest.mark.skipif(not DATA.is_dir(), reason=f"no shared data at {DATA}; set OPSONIN_DATA to their folder")
