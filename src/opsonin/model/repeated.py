"""Modules repeated at further sites: lesions, clones, organs. Only names change; laws stay the author's own.

What a repeated module defines gets the site's name ("C_at_lesion_2" in laws, "growth at lesion 2" in text) unless it is
shared. What it only reads or modulates elsewhere keeps its name. A part that touches nothing of the site (the supply of
a shared species) is shared too, or two sites would supply it twice.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import fields, replace
from typing import TYPE_CHECKING, Any

from opsonin.errors import ModelError
from opsonin.model.checks import describe
from opsonin.model.law_names import place, read_names
from opsonin.model.laws import reading
from opsonin.model.parts import SYMBOLS, Administration, Modulation, Part
from opsonin.model.trace import unknown

if TYPE_CHECKING:
    from opsonin.model.module import Module

SPECIES_FIELDS = ("consumes", "produces", "do", "into", "signal")  # fields that hold names of species or signals


def repeated(modules: Sequence[Module], site: str, shared: Iterable[str | type]) -> list[Module]:
    """The modules at a site; what one of them defines is the site's for all of them.

    Raises: ModelError for a site that is no plain text, a shared name that nothing defines, and for shared parts that
    use what belongs to the site.
    """
    _check_site(site)
    every = [(part, module.name) for module in modules for part in module.parts]
    defined = {part.name: part for part, _ in every if isinstance(part, SYMBOLS)}
    used = {name: None for part, module in every for name in names_used(part, module)}
    common = _common(shared, defined, used, site)
    own = {name: f"{name}_at_{site.replace(' ', '_')}" for name in defined if name not in common}
    made = []
    for module in modules:
        parts = [_at(part, site, own, module.name) for part in module.parts]
        if all(new is old for new, old in zip(parts, module.parts, strict=True)):
            made.append(module)
        else:
            title = module.title and f"{module.title}, {site}"
            made.append(replace(module, name=f"{module.name} at {site}", parts=parts, title=title))
    return made


def replaced(module: Module, parts: Sequence[Any]) -> Module:
    """The module with some of its parts given anew. Raises: ModelError for a part it has not."""
    given = {(type(part), part.name): part for part in parts}
    kept = [given.pop((type(part), part.name), part) for part in module.parts]
    if given:
        missing = next(iter(given.values()))
        names = {part.name: None for part in module.parts if isinstance(part, type(missing))}
        raise ModelError(
            f"module {module.name!r} is to have another {describe(missing)}, {unknown(missing.name, names)}"
        )
    return replace(module, parts=kept)


def _check_site(site: str) -> None:
    words = site.split(" ")
    if not all(word.isalnum() and f"x{word}".isidentifier() for word in words):
        raise ModelError(
            f"site {site!r}: names in laws are made of it, so it must be words of letters and digits with single "
            "spaces between, such as 'lesion 2'."
        )


def _common(shared: Iterable[str | type], defined: Mapping[str, Part], used: Mapping[str, None], site: str) -> set[str]:
    """Names that all sites have in common; a kind (Parameter) stands for all of that kind."""
    if isinstance(shared, str):
        raise ModelError(f"shared at {site!r} is the text {shared!r}; give a list of names: [{shared!r}].")
    common = set()
    for item in shared:
        if isinstance(item, type):
            common |= {name for name, part in defined.items() if isinstance(part, item)}
        elif item in defined or item in used:
            common.add(item)
        else:
            raise ModelError(f"{site!r} is to share {item!r}, {unknown(item, {**defined, **used})}")
    return common


def _at(part: Any, site: str, own: Mapping[str, str], module: str) -> Any:
    """The part at the site; itself where it touches nothing of the site."""
    is_symbol = isinstance(part, SYMBOLS)
    changed: dict[str, Any] = {}
    for field in fields(part):
        value = getattr(part, field.name)
        new = _renamed(value, own, part, module, field.name in SPECIES_FIELDS)
        if new is not value:
            changed[field.name] = new
    if is_symbol and part.name not in own:
        if changed:
            names = sorted({name for name in own if name in names_used(part, module)})
            raise ModelError(
                f"{place(part, module)} is shared by the sites but uses {', '.join(names)}, which {site!r} has of its "
                "own; share that too, or leave this to the site."
            )
        return part
    if not is_symbol and not changed:
        if isinstance(part, Modulation):
            raise ModelError(
                f"{place(part, module)} uses nothing of its own at {site!r}, so that every site would modulate the "
                "shared signal once more; put it into a module that is not repeated, or leave the signal to the site."
            )
        return part
    if part.meaning:
        changed["meaning"] = f"{part.meaning}, {site}"
    if isinstance(part, Administration):
        if "into" in changed:
            changed["route"] = f"{part.route} at {site}"
    elif not isinstance(part, Modulation):
        changed["name"] = own[part.name] if is_symbol else f"{part.name} at {site}"
    return replace(part, **changed)


def _renamed(value: Any, own: Mapping[str, str], part: Any, module: str, holds_species: bool) -> Any:
    """A field's value with the site's names; the same object where none occurs in it."""
    if isinstance(value, str):
        return own.get(value, value) if holds_species else value
    if callable(value):
        return _law(value, own, part, module)
    if holds_species and isinstance(value, Mapping):
        new = {own.get(name, name): _renamed(each, own, part, module, False) for name, each in value.items()}
        same = list(new) == list(value) and all(new[name] is value[name] for name in value)
        return value if same else new
    if holds_species and isinstance(value, Sequence):
        new = [own.get(name, name) for name in value]
        return value if new == list(value) else new
    return value


def _law(law: Callable[..., Any], own: Mapping[str, str], part: Any, module: str) -> Any:
    names = read_names(law, part, module)
    if not any(name in own for name in names):
        return law
    function = getattr(law, "function", law)
    return reading(function, *(own.get(name, name) for name in names))


def names_used(part: Any, module: str) -> set[str]:
    """Every name that a part's laws and ends use."""
    found: set[str] = set()
    for field in fields(part):
        value = getattr(part, field.name)
        if field.name in SPECIES_FIELDS and value is not None:
            found |= {value} if isinstance(value, str) else set(value)
        for each in value.values() if isinstance(value, Mapping) else [value]:
            if callable(each):
                found |= set(read_names(each, part, module))
    return found
