"""Shape checks are on in every test: jaxtyping reads the array annotations, beartype checks them at each call."""

import os
import warnings

os.environ.setdefault("NUMBA_NUM_THREADS", "2")

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    from jaxtyping import install_import_hook

    install_import_hook("opsonin", "shape_checks.check")

from hypothesis import HealthCheck, settings

settings.register_profile("opsonin", deadline=None, suppress_health_check=[HealthCheck.too_slow], derandomize=True)
settings.load_profile("opsonin")
