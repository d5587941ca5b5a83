"""The type checker of the tests: beartype, with Python's numeric tower (an int may stand for a float)."""

from beartype import BeartypeConf, beartype

check = beartype(conf=BeartypeConf(is_pep484_tower=True))
