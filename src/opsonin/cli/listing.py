"""`opsonin list`: everything that can be named in a study file or on the command line."""

from __future__ import annotations

from opsonin.cli.screen import console, table


def list_everything() -> None:
    """Print bundled studies, therapies, designs, indications, mappings and virtual cohorts."""
    from opsonin import designs, patients, therapies
    from opsonin.designs.phase_two.by_name import KINDS
    from opsonin.discovery.read import example as sample_mapping
    from opsonin.discovery.read import examples as sample_mappings
    from opsonin.record.read import example, examples
    from opsonin.record.virtual_cohorts import virtual_cohort, virtual_cohorts
    from opsonin.study.library import bundled, title_of

    screen = console()
    lists = {
        "Studies": [(name, title_of(path)) for name, path in bundled().items()],
        "Therapies": [(name, therapies.load_agent(name).title) for name in therapies.names()],
        "Designs": [(name, _described(name)) for name in designs.names()],
        "Phase II designs": [(name, _first_line(make)) for name, make in KINDS.items()],
        "Indications": [(name, patients.indication(name).title) for name in patients.indication_names()],
        "Mappings": [(name, title_of(example(name))) for name in examples()],
        "Mappings of samples": [(name, title_of(sample_mapping(name))) for name in sample_mappings()],
        "Virtual cohorts": [
            (name, virtual_cohort(name).manifest.title.removesuffix(f" ({name})")) for name in virtual_cohorts()
        ],
    }
    for title, rows in lists.items():
        screen.print(table(title, ("", ""), rows))
        screen.print()


def _first_line(make: object) -> str:
    return (make.__doc__ or "").partition("\n")[0]


def _described(name: str) -> str:
    """A design in words at four dose levels; what it needs beside, where it is nothing without options of its own."""
    from opsonin import designs
    from opsonin.errors import DesignError

    try:
        return designs.design(name, 4).describe()
    except DesignError as problem:
        return f"needs options of its own: {problem}"
