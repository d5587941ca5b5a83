"""The type checker of the tests: beartype, with Python's numeric tower (an int may stand for a float).

jaxtyping's own decorator compares the shapes of all arrays of a call, which takes a third of the tests' time where it
wraps every function; here it wraps those that have an array in their annotations, and beartype alone the others.
"""

import re
from functools import partial
from inspect import isfunction
from typing import Any

import jaxtyping
from beartype import BeartypeConf, beartype
from jaxtyping._decorator import _destring_annotation

check = beartype(conf=BeartypeConf(is_pep484_tower=True))
_whole = jaxtyping.jaxtyped
_ARRAY = re.compile(r"\b(Float|Int|UInt|Bool|Integer|Inexact|Real|Num|Complex|Shaped|Key)\d*\[")


def checked(fn: Any = None, *, typechecker: Any) -> Any:
    """What jaxtyping's decorator does, in less time for functions without arrays."""
    if fn is None:
        return partial(checked, typechecker=typechecker)
    if not isfunction(fn):
        return _whole(fn, typechecker=typechecker)
    # a name that is not there, as those of type checking alone, stands for anything; an alias may stand for an array
    found = {name: _destring_annotation(one, fn.__globals__) for name, one in fn.__annotations__.items()}
    if any(_ARRAY.search(str(one)) for one in (*fn.__annotations__.values(), *found.values())):
        return _whole(fn, typechecker=typechecker)
    fn.__annotations__ = found
    return check(fn)


jaxtyping.jaxtyped = checked
