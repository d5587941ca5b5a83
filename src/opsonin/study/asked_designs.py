"""Designs as they are asked for in one line, or in a file: names, each with options of its own."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from inspect import signature
from pathlib import Path
from typing import TYPE_CHECKING, Any

from opsonin.errors import DesignError
from opsonin.study.dose_finding import study_design

if TYPE_CHECKING:
    from opsonin.designs import Design
    from opsonin.study.study import Study

_ITEM = re.compile(r"(?:(?P<label>[^=:()]+?)\s*[:=]\s*)?(?P<name>[^=:()\s]+)\s*(?:\((?P<options>.*)\))?", re.DOTALL)
_BARE = re.compile(r"(=\s*|[\[,]\s*)(?!true\b|false\b|inf\b|nan\b)([A-Za-z][\w.-]*)(?=\s*(?:[,\]]|$))")
FORM = 'write them as "boin, crm(target=0.25), careful = boin(target=0.2)", or in a TOML file with a table each'


def read_designs(given: str) -> dict[str, dict[str, Any]]:
    """Designs by the label they go by, each as a table of name and options.

    given: names between commas, with options in brackets and a label before them where wanted; or a TOML file with one
    table a design, whose heading is the label and, without `name`, the design.
    Raises: DesignError for what cannot be read, none at all, and a label given twice.
    """
    if given.strip().endswith(".toml"):
        return _from_file(Path(given.strip()))
    made: dict[str, dict[str, Any]] = {}
    for item in _items(given):
        match = _ITEM.fullmatch(item)
        if match is None:
            raise DesignError(f"the design {item!r} cannot be read; {FORM}.")
        label = match["label"] or re.sub(r"\s+", " ", item)
        if label in made:
            raise DesignError(f"the design {label!r} is named twice; name each once, or give labels: {FORM}.")
        made[label] = {"name": match["name"], **_options(match["options"] or "", item)}
    if not made:
        raise DesignError("name the designs to compare, between commas: --designs boin,crm,3+3.")
    return made


def compared_design(
    study: Study, asked: Mapping[str, Any], usual: Mapping[str, Any], wanted: Mapping[str, Any] | None = None
) -> Design:
    """A design for the study's levels. Its own options count first, then `wanted`, then those of the study's design
    where it is that one, then `usual`; the latter ones where the design has such an option.

    Raises: DesignError for an unknown design or option.
    """
    from opsonin.designs.registry import ENDS, REGISTRY

    name = asked["name"]
    own = signature(REGISTRY[name]).parameters if name in REGISTRY else {}
    rules = () if name in ENDS else ("patients",)

    def fitting(options: Mapping[str, Any]) -> dict[str, Any]:
        return {key: value for key, value in options.items() if key in own or key in rules}

    mine = study.file.escalation.design
    planned = mine if mine["name"] == name else {}
    return study_design(study, {**fitting(usual), **planned, **fitting(wanted or {}), **asked})


def _items(text: str) -> list[str]:
    """What stands between commas that are in no brackets."""
    found, depth, start = [], 0, 0
    for place, sign in enumerate(text):
        depth += (sign in "([") - (sign in ")]")
        if sign == "," and depth <= 0:
            found.append(text[start:place])
            start = place + 1
    found.append(text[start:])
    if depth:
        raise DesignError(f"the brackets of the designs {text!r} do not match; {FORM}.")
    return [item.strip() for item in found if item.strip()]


def _options(inside: str, item: str) -> dict[str, Any]:
    """Options as TOML has them; a word needs no quotes."""
    try:
        return tomllib.loads(f"options = {{{_BARE.sub(_quoted, inside)}}}")["options"]
    except tomllib.TOMLDecodeError:
        raise DesignError(f"the options of the design {item!r} cannot be read; {FORM}.") from None


def _quoted(match: re.Match[str]) -> str:
    return f'{match[1]}"{match[2]}"'


def _from_file(path: Path) -> dict[str, dict[str, Any]]:
    try:
        tables = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as problem:
        raise DesignError(f"the designs in {path} cannot be read: {problem.strerror}.") from problem
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as problem:
        raise DesignError(f"{path} is no TOML: {problem}.") from problem
    wrong = [label for label, table in tables.items() if not isinstance(table, dict)]
    if wrong or not tables:
        what = f"{wrong[0]!r} is no table" if wrong else "it is empty"
        raise DesignError(f"{path} holds one table for each design, such as [boin] with target = 0.25; {what}.")
    return {label: {"name": label, **table} for label, table in tables.items()}
