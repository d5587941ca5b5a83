"""Designs by the name a study file gives them, with the rules that are added to any of them."""

from __future__ import annotations

import math
import types
import typing
from collections.abc import Callable, Mapping, Sequence
from inspect import signature
from typing import Any

from opsonin.designs.accelerated import with_acceleration
from opsonin.designs.backfill import with_backfill
from opsonin.designs.base import Design
from opsonin.designs.blrm import Blrm
from opsonin.designs.blrm_pair import BlrmPair
from opsonin.designs.boin import Boin
from opsonin.designs.boin12 import Boin12
from opsonin.designs.boin_comb import BoinComb
from opsonin.designs.boin_et import BoinEt
from opsonin.designs.crm import Crm
from opsonin.designs.efftox import EffTox
from opsonin.designs.evidence import EFFICACY
from opsonin.designs.gboin import GBoin
from opsonin.designs.i3plus3 import I3Plus3
from opsonin.designs.keyboard import Keyboard
from opsonin.designs.mtpi import Mtpi, Mtpi2
from opsonin.designs.own_table import OwnTable
from opsonin.designs.pocrm import Pocrm
from opsonin.designs.rolling_six import RollingSix
from opsonin.designs.saturating import with_saturating
from opsonin.designs.stopping import StopWhenPrecise, StopWhenTooToxic
from opsonin.designs.three_plus_three import ThreePlusThree
from opsonin.designs.tite_boin import TiteBoin
from opsonin.designs.tite_boin12 import TiteBoin12
from opsonin.designs.tite_boin_et import TiteBoinEt
from opsonin.designs.tite_crm import TiteCrm
from opsonin.designs.u_boin import UBoin
from opsonin.designs.waterfall import Waterfall
from opsonin.designs.wrappers import (
    Coherent,
    Cohorts,
    MaxPatients,
    MinPatients,
    NoSkipping,
    OneStepUp,
    StartAt,
    StopWhenHere,
    StopWhenTreated,
)
from opsonin.errors import DesignError

REGISTRY: dict[str, Callable[..., Design]] = {
    "3+3": ThreePlusThree,
    "blrm": Blrm,
    "blrm-pair": BlrmPair,
    "boin": Boin,
    "boin-comb": BoinComb,
    "boin-et": BoinEt,
    "boin12": Boin12,
    "crm": Crm,
    "efftox": EffTox,
    "gboin": GBoin,
    "i3+3": I3Plus3,
    "keyboard": Keyboard,
    "mtpi": Mtpi,
    "mtpi-2": Mtpi2,
    "pocrm": Pocrm,
    "rolling-six": RollingSix,
    "table": OwnTable,
    "tite-boin": TiteBoin,
    "tite-boin-et": TiteBoinEt,
    "tite-boin12": TiteBoin12,
    "tite-crm": TiteCrm,
    "u-boin": UBoin,
    "waterfall": Waterfall,
}
# rules that any design may be given, from the innermost to the outermost: option → (kind, what it makes of a design)
RULES: dict[str, tuple[type, Callable[[Design, Any], Design]]] = {
    "saturating": (object, with_saturating),
    "cohorts": (tuple, lambda inner, sizes: Cohorts(inner, tuple(sizes))),
    "one_step_up": (bool, lambda inner, on: OneStepUp(inner) if on else inner),
    "coherent": (bool, lambda inner, on: Coherent(inner, down=EFFICACY not in inner.needs) if on else inner),
    "no_skipping": (bool, lambda inner, on: NoSkipping(inner) if on else inner),
    "accelerated": (object, with_acceleration),
    "stop_when_here": (int, lambda inner, patients: StopWhenHere(inner, patients, stays=True)),
    "stop_when_precise": (float, StopWhenPrecise),
    "stop_when_too_toxic": (float, StopWhenTooToxic),
    "stop_when_treated": (int, StopWhenTreated),
    "min_patients": (int, MinPatients),
    "start": (int, StartAt),
    "patients": (int, MaxPatients),
    "backfill": (object, with_backfill),
}
ENDS = ("3+3", "rolling-six")  # designs that end by themselves and take no rule that ends them
ALWAYS = ("saturating", "accelerated", "backfill")  # rules that these take too


def names() -> list[str]:
    """The designs a study file may name."""
    return sorted(REGISTRY)


def design(given: str | Mapping[str, Any], levels: int) -> Design:
    """A design from its name, or from a table of its name and options: {"name": "boin", "target": 0.3, "patients": 30}.

    levels: number of dose levels of the protocol.   Options of the design itself, and those of RULES.
    Raises: DesignError for an unknown name or option (listing the known ones) and for options of the wrong kind.
    """
    options: dict[str, Any] = {"name": given} if isinstance(given, str) else dict(given)
    name = options.pop("name", None)
    if name not in REGISTRY:
        raise DesignError(f"there is no design {name!r}; known are {', '.join(names())}.")
    make = REGISTRY[name]
    own = _own_options(make)
    rules = {key: kind for key, (kind, _) in RULES.items() if name not in ENDS or key in ALWAYS}
    for key, value in options.items():
        if key not in own and key not in rules:
            there = ", ".join([*own, *(r for r in rules if r not in own)]) or "none"
            raise DesignError(f"the design {name!r} has no option {key!r}; it has {there}.")
        kinds = own[key] if key in own else (rules[key],)
        if not _finite(value):
            raise DesignError(f"the option {key!r} of the design {name!r} is {value!r}; numbers are finite ones.")
        if not any(_fits(value, kind) for kind in kinds):
            wanted = " or ".join(_LISTS.get(kind, kind.__name__) for kind in kinds if kind is not types.NoneType)
            raise DesignError(f"the option {key!r} of the design {name!r} is {value!r}; it must be a {wanted}.")
    if name not in ENDS:
        options.setdefault("patients", USUAL * levels)
    made = make(levels=levels, **{key: _frozen(value) for key, value in options.items() if key in own})
    for key, (_, wrap) in RULES.items():
        if key in options and key not in own:
            made = wrap(made, options[key])
    return made


def _frozen(value: Any) -> Any:
    """A list of a study file as a tuple, which designs keep."""
    return tuple(_frozen(one) for one in value) if isinstance(value, list) else value


_LISTS: dict[type, str] = {tuple: "list", Sequence: "list"}  # kinds that a study file writes as a list
USUAL = 6  # patients a level, where a study does not say how many there are at most: as many as a 3+3 may treat


def _own_options(make: Callable[..., Design]) -> dict[str, tuple[type, ...]]:
    """Each option of a design with the kinds it takes."""
    hints = typing.get_type_hints(make)
    return {key: _kinds(hints.get(key, Any)) for key in signature(make).parameters if key != "levels"}


def _kinds(hint: Any) -> tuple[type, ...]:
    if typing.get_origin(hint) in (typing.Union, types.UnionType):
        return tuple(kind for part in typing.get_args(hint) for kind in _kinds(part))
    origin = typing.get_origin(hint) or hint
    return (origin,) if isinstance(origin, type) else (object,)


def _fits(value: object, wanted: type) -> bool:
    if wanted is float:
        return isinstance(value, int | float) and not isinstance(value, bool)
    if wanted is object:
        return True
    if wanted in _LISTS:
        return isinstance(value, list | tuple)
    return type(value) is wanted


def _finite(value: object) -> bool:
    """Whether no number in it is infinite or none at all."""
    if isinstance(value, list | tuple):
        return all(_finite(one) for one in value)
    if isinstance(value, Mapping):
        return all(_finite(one) for one in value.values())
    return not isinstance(value, float) or math.isfinite(value)
