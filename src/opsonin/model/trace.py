"""Laws called once on symbols: from then on they are SymPy expressions."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from difflib import get_close_matches
from pathlib import PurePath
from typing import Any

import sympy

from opsonin.errors import ModelError
from opsonin.model.checks import TIME
from opsonin.model.law_names import place, read_names
from opsonin.model.laws import Reading
from opsonin.model.parts import Law, Part


def trace_law(law: Law, names: Mapping[str, Any], part: Part, module: str) -> Any:
    """What the law gives when called with the symbols it names as arguments.

    names: symbol of every name a law may use. An argument with a default keeps it.
    Raises: ModelError naming the part, the module and the unknown name with close matches, or what the law raised.
    """
    given = []
    for name in read_names(law, part, module):
        if name not in names:
            raise ModelError(f"{place(part, module)}{written_at(law)} uses {name!r}, {unknown(name, names)}")
        given.append(names[name])
    try:
        expression = sympy.sympify(law(*given), strict=True)
    except Exception as problem:  # a law is the author's own code and may raise anything
        raise ModelError(
            f"{place(part, module)}{written_at(law)} could not be evaluated on symbols: {type(problem).__name__}: "
            f"{problem}. A law is called once with symbols in place of numbers: use opsonin.model.laws (exp, log, "
            "maximum, where, …) in place of math, numpy, `max` and `if`."
        ) from problem
    if not isinstance(expression, sympy.Expr):
        raise ModelError(f"{place(part, module)}{written_at(law)} gives {expression!r}, which is no number.")
    if expression.has(sympy.I):
        raise ModelError(
            f"{place(part, module)}{written_at(law)} gives {expression}, which is no real number; look for the root of "
            "a negative one."
        )
    foreign = expression.free_symbols - set(given)
    if foreign:
        raise ModelError(
            f"{place(part, module)}{written_at(law)} holds the symbols {listed(map(str, foreign))}, which it did not "
            "receive; a law uses its arguments and numbers only."
        )
    return expression


def listed(names: Iterable[str], most: int = 20) -> str:
    """Names in alphabetical order; beyond `most` only how many more there are."""
    every = sorted(names)
    if not every:
        return "none"
    return ", ".join(every[:most]) + (f" and {len(every) - most} more" if len(every) > most else "")


def written_at(law: Law) -> str:
    """Where a law stands, for messages: " (my_drug.py, line 12)"; empty where that cannot be told."""
    code = getattr(law.function if isinstance(law, Reading) else law, "__code__", None)
    return f" ({PurePath(code.co_filename).name}, line {code.co_firstlineno})" if code else ""


def unknown(name: str, known: Mapping[str, Any]) -> str:
    """The end of a message about a name that nothing defines, with the nearest ones that something does."""
    hint = _near(name, known) or f"known are {listed(known)}."
    end = f" Time is {TIME!r}, in days." if name in ("time", "T", "day", "days") else ""
    return f"which the model does not define; {hint}{end}"


def undeclared(name: str, signals: Mapping[str, Any]) -> str:
    """The end of a message about a signal that no module declares."""
    hint = _near(name, signals)
    more = " `opsonin explain full-core` says of every one what it acts on." if len(signals) > 20 else ""
    return (
        f"which the model does not define; {f'{hint} ' if hint else ''}Declared signals: {listed(signals)}.{more} What "
        "acts on a receptor that none of them stands for may declare a Signal of its own, or act through a signal "
        "further on."
    )


def _near(name: str, known: Mapping[str, Any]) -> str:
    near = get_close_matches(name, list(known), n=3, cutoff=0.6)
    return f"did you mean {' or '.join(map(repr, near))}?" if near else ""
