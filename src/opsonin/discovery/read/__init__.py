"""Reading patients' samples: a file or folder and the mapping that says what is where."""

from __future__ import annotations

from pathlib import Path

from opsonin.discovery.samples import Samples
from opsonin.errors import DiscoveryError
from opsonin.record.schema import near

EXAMPLES = Path(__file__).resolve().parents[1] / "examples"


def read_samples(path: str | Path, mapping: str | Path) -> Samples:
    """The samples in a file or folder.   mapping: a mapping file, or the name of a bundled one.

    Nothing is lost silently: `Samples.source` says what was read, noted and left out.
    Raises: DiscoveryError or ImportDataError, naming file, section or column, and what to do.
    """
    from opsonin.discovery.read.assemble import assemble
    from opsonin.discovery.read.mapping import read_mapping

    data = Path(path)
    if not data.exists():
        raise DiscoveryError(f"{data} is not there; give the data file, or the folder it is in.")
    return assemble(data, read_mapping(mapping_file(mapping)))


def mapping_file(mapping: str | Path) -> Path:
    """The path of a mapping, given by path or as the name of a bundled one.

    Raises: DiscoveryError, with the names there are.
    """
    given = Path(mapping)
    if given.is_file() or given.suffix == ".toml" or len(given.parts) > 1:
        return given
    return example(str(mapping))


def examples() -> list[str]:
    """The names of the bundled mappings of samples."""
    return sorted(path.stem for path in EXAMPLES.glob("*.toml"))


def example(name: str) -> Path:
    """The path of a bundled mapping.

    Raises: DiscoveryError, with the names there are.
    """
    path = EXAMPLES / f"{name}.toml"
    if path.is_file():
        return path
    raise DiscoveryError(
        f"there is no bundled mapping of samples {name!r}{near(name, examples())}; there are {', '.join(examples())}."
    )
