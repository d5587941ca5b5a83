"""Designs by the name a study file gives them, with the rules that are added to any of them."""

from __future__ import annotations

import math
import types
import typing
from collections.abc import Callable, Iterator, Mapping, Sequence
from importlib import import_module
from inspect import signature
from typing import Any, ClassVar

from opsonin.designs.base import Design
from opsonin.designs.evidence import EFFICACY
from opsonin.errors import DesignError


def _loaded(home: str) -> Callable[..., Design]:
    """What stands in a module of this room, "module:name", loaded when it is asked for: nobody needs all designs."""
    module, _, name = home.partition(":")
    return getattr(import_module(f"opsonin.designs.{module}"), name)


class _Designs(Mapping[str, Callable[..., Design]]):
    """What makes each design, by name."""

    _HOMES: ClassVar[dict[str, str]] = {
        "3+3": "three_plus_three:ThreePlusThree",
        "blrm": "blrm:Blrm",
        "blrm-pair": "blrm_pair:BlrmPair",
        "boin": "boin:Boin",
        "boin-comb": "boin_comb:BoinComb",
        "boin-et": "boin_et:BoinEt",
        "boin12": "boin12:Boin12",
        "crm": "crm:Crm",
        "efftox": "efftox:EffTox",
        "gboin": "gboin:GBoin",
        "i3+3": "i3plus3:I3Plus3",
        "keyboard": "keyboard:Keyboard",
        "mtpi": "mtpi:Mtpi",
        "mtpi-2": "mtpi:Mtpi2",
        "pocrm": "pocrm:Pocrm",
        "rolling-six": "rolling_six:RollingSix",
        "table": "own_table:OwnTable",
        "tite-boin": "tite_boin:TiteBoin",
        "tite-boin-et": "tite_boin_et:TiteBoinEt",
        "tite-boin12": "tite_boin12:TiteBoin12",
        "tite-crm": "tite_crm:TiteCrm",
        "u-boin": "u_boin:UBoin",
        "waterfall": "waterfall:Waterfall",
    }

    def __getitem__(self, name: str) -> Callable[..., Design]:
        return _loaded(self._HOMES[name])

    def __contains__(self, name: object) -> bool:
        return name in self._HOMES

    def __iter__(self) -> Iterator[str]:
        return iter(self._HOMES)

    def __len__(self) -> int:
        return len(self._HOMES)


REGISTRY: Mapping[str, Callable[..., Design]] = _Designs()


def _rule(home: str, **always: Any) -> Callable[[Design, Any], Design]:
    """A rule that takes a design and the option's value."""
    return lambda inner, value: _loaded(home)(inner, value, **always)


def _switch(home: str) -> Callable[[Design, Any], Design]:
    """A rule that is on or off."""
    return lambda inner, on: _loaded(home)(inner) if on else inner


# rules that any design may be given, from the innermost to the outermost: option → (kind, what it makes of a design)
RULES: dict[str, tuple[type, Callable[[Design, Any], Design]]] = {
    "saturating": (object, _rule("saturating:with_saturating")),
    "cohorts": (tuple, _rule("wrappers:with_cohorts")),
    "one_step_up": (bool, _switch("wrappers:OneStepUp")),
    "coherent": (
        bool,
        lambda inner, on: _loaded("wrappers:Coherent")(inner, down=EFFICACY not in inner.needs) if on else inner,
    ),
    "no_skipping": (bool, _switch("wrappers:NoSkipping")),
    "accelerated": (object, _rule("accelerated:with_acceleration")),
    "stop_when_here": (int, _rule("limits:StopWhenHere", stays=True)),
    "stop_when_precise": (float, _rule("stopping:StopWhenPrecise")),
    "stop_when_too_toxic": (float, _rule("stopping:StopWhenTooToxic")),
    "stop_when_treated": (int, _rule("limits:StopWhenTreated")),
    "min_patients": (int, _rule("limits:MinPatients")),
    "start": (int, _rule("wrappers:StartAt")),
    "patients": (int, _rule("limits:MaxPatients")),
    "backfill": (object, _rule("backfill:with_backfill")),
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
