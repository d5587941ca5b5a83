"""What a law reads, by its arguments; known without SymPy, as modules ask it when they are built."""

from __future__ import annotations

import inspect

from opsonin.errors import ModelError
from opsonin.model.checks import describe
from opsonin.model.laws import Reading
from opsonin.model.parts import Law, Part


def read_names(law: Law, part: Part, module: str) -> tuple[str, ...]:
    """The names of the arguments without a default, in order."""
    if isinstance(law, Reading):
        return law.names
    try:
        arguments = inspect.signature(law).parameters.values()
    except (TypeError, ValueError) as problem:  # functions written in C may not tell their arguments
        raise ModelError(
            f"{place(part, module)} is {law!r}, whose arguments have no names; write a function."
        ) from problem
    names = []
    for argument in arguments:
        if argument.kind not in (argument.POSITIONAL_ONLY, argument.POSITIONAL_OR_KEYWORD):
            if argument.kind is argument.KEYWORD_ONLY and argument.default is not argument.empty:
                continue
            raise ModelError(
                f"{place(part, module)} takes {argument}; a law receives what it uses by plain argument names. "
                "Where the names are only known when the module is built, use laws.reading(function, *names)."
            )
        if argument.default is argument.empty:
            names.append(argument.name)
    return tuple(names)


def place(part: Part, module: str) -> str:
    """Where a message points: "process 'elimination' of module 'imatinib'"."""
    return f"{describe(part)} of module {module!r}"
