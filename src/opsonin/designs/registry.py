"""Designs by the name a study file gives them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from inspect import signature
from typing import Any

from opsonin.designs.base import Design
from opsonin.designs.three_plus_three import ThreePlusThree
from opsonin.errors import DesignError

REGISTRY: dict[str, Callable[..., Design]] = {"3+3": ThreePlusThree}


def names() -> list[str]:
    """The designs a study file may name."""
    return sorted(REGISTRY)


def design(given: str | Mapping[str, Any], levels: int) -> Design:
    """A design from its name, or from a table of its name and options: {"name": "3+3", "fill_top": False}.

    levels: number of dose levels of the protocol.
    Raises: DesignError for an unknown name or option (listing the known ones) and for options of the wrong kind.
    """
    options = {"name": given} if isinstance(given, str) else dict(given)
    name = options.pop("name", None)
    if name not in REGISTRY:
        raise DesignError(f"there is no design {name!r}; known are {', '.join(names())}.")
    make = REGISTRY[name]
    known = {key: p for key, p in signature(make).parameters.items() if key != "levels"}
    for key, value in options.items():
        if key not in known:
            raise DesignError(f"the design {name!r} has no option {key!r}; it has {', '.join(known) or 'none'}.")
        wanted = type(known[key].default)
        if wanted in (bool, int, float, str) and not _fits(value, wanted):
            raise DesignError(
                f"the option {key!r} of the design {name!r} is {value!r}; it must be a {wanted.__name__}."
            )
    return make(levels=levels, **options)


def _fits(value: object, wanted: type) -> bool:
    if wanted is float:
        return isinstance(value, int | float) and not isinstance(value, bool)
    return type(value) is wanted
