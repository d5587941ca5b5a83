"""Shape checks are on in every test: jaxtyping reads the array annotations, beartype checks them at each call."""

import os
import sys
import warnings
from typing import Any

# two workers of two threads each would wait for one another, turning
os.environ |= {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"} | os.environ
os.environ.setdefault("NUMBA_NUM_THREADS", "2")

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    from jaxtyping import install_import_hook

    import shape_checks  # noqa: F401 - takes the place of a decorator

    install_import_hook("opsonin", "shape_checks.check")

from hypothesis import HealthCheck, settings

settings.register_profile("opsonin", deadline=None, suppress_health_check=[HealthCheck.too_slow], derandomize=True)
settings.load_profile("opsonin")

# compiled kernels cannot be wrapped: their callers are checked instead
_hook: Any = next(finder for finder in sys.meta_path if type(finder).__name__ == "_JaxtypingFinder")
_watched = _hook.should_instrument
_hook.should_instrument = lambda name: _watched(name) and not name.endswith("_kernels")
