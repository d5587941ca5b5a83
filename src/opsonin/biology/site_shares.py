"""What one site among several reads in place of a number that is meant for the tumour as a whole.

T cells and help of one blood are shared out among the sites: as much in all as one site of their volume would have.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, fields, replace
from typing import Any

from opsonin.biology.baseline_rounds import ROUNDS
from opsonin.errors import ModelError
from opsonin.model import Derived, Quantity, laws
from opsonin.model.law_names import read_names


@dataclass(frozen=True)
class Share:
    """What a law of one site reads in place of a number that is meant for the tumour as a whole.

    of: laws in which it takes the place of `stands_for`.   law: from the names `reads`, those of the site among them.
    """

    name: str
    stands_for: str
    of: tuple[str, ...]
    kind: type
    unit: str
    reads: tuple[str, ...]
    law: Callable[..., Any]
    meaning: str


def shares() -> list[Share]:
    """Every share of a site."""
    rounds = range(1, ROUNDS + 1)
    levels = {number: f"interferon_{number}" if number < ROUNDS else "baseline_interferon" for number in rounds}
    rest = "the other sites' volume added, so that each has its part of what a tumour of their volume draws"
    return [
        Share(
            "entry_volume_here",
            "entry_volume",
            ("entry",),
            Quantity,
            "ml",
            ("entry_volume", "site_volume", "whole_site_volume"),
            lambda half, here, whole: half + whole - here,
            f"volume of half entry, {rest}",
        ),
        Share(
            "baseline_entry_volume_here",
            "entry_volume",
            ("baseline_entry_limit",),
            Derived,
            "ml",
            ("entry_volume", "baseline_volume", "whole_baseline_volume"),
            lambda half, here, whole: half + whole - here,
            f"volume of half entry at baseline, {rest}",
        ),
        Share(
            "slowing_volume_here",
            "slowing_volume",
            ("vessel_supply", "vessels_grow"),
            Derived,
            "ml",
            ("slowing_volume", "baseline_volume", "whole_baseline_volume"),
            lambda slowing, here, whole: slowing * here / whole,
            "volume at which want of vessels halves growth here, so that the sites slow down as one tumour would",
        ),
        Share(
            "helper_here",
            "helper_cells",
            ("interferon",),
            Quantity,
            "Mcell",
            ("helper_cells", "site_volume", "whole_site_volume"),
            lambda cells, here, whole: cells * here / whole,
            "helper cells in proportion to the site's volume",
        ),
        *(
            Share(
                f"helper_{number}_here",
                f"helper_{number}",
                (levels[number],),
                Derived,
                "Mcell",
                (f"helper_{number}", "baseline_volume", "whole_baseline_volume"),
                lambda cells, here, whole: cells * here / whole,
                f"helper cells of round {number} in proportion to the site's volume",
            )
            for number in rounds
        ),
        *(
            Share(
                f"lost_{number}_elsewhere",
                "blood_loss",
                (levels[number],),
                Derived,
                "1/day",
                ("blood_loss", f"whole_entry_{number}", f"entry_{number}"),
                lambda loss, every, here: loss + every - here,
                f"loss of effectors from blood in round {number}, to the other sites too",
            )
            for number in rounds
        ),
    ]


def for_one_site(part: Any, every: Iterable[Share]) -> Any:
    """The part with what is the patient's alone read in the site's share."""
    changed = {one.stands_for: one.name for one in every if part.name in one.of}
    return renamed(part, changed) if changed else part


def reads(part: Any) -> set[str]:
    """Names that a part's laws read."""
    found: set[str] = set()
    for field in fields(part):
        value = getattr(part, field.name)
        for each in value.values() if isinstance(value, Mapping) else [value]:
            if callable(each):
                found |= set(read_names(each, part, ""))
    return found


def renamed(part: Any, names: Mapping[str, str]) -> Any:
    """The part with laws that read other names."""
    new = {}
    for field in fields(part):
        law = getattr(part, field.name)
        if callable(law):
            read = read_names(law, part, "")
            if any(name in names for name in read):
                new[field.name] = laws.reading(getattr(law, "function", law), *(names.get(n, n) for n in read))
    if not new:
        raise ModelError(
            f"{part.name!r} does not read {', '.join(names)}, which is the site's where there are several."
        )
    return replace(part, **new)
