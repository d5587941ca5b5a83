"""The heavy libraries of discovery, loaded where they are used, with an error that says how to install them."""

from __future__ import annotations

import warnings
from importlib import import_module
from types import ModuleType

from opsonin.errors import DiscoveryError

EXTRA = ("anndata", "decoupler", "h5py", "igraph", "pydeseq2", "scanpy")
# under the GPL, and so not a part of the extra: for the user to install or not
OWN_CHOICE = {"harmonypy": "GPL-3.0"}


def library(name: str, use: str = "") -> ModuleType:
    """The module, for `use` ("finding clusters").

    Raises: DiscoveryError where it is not installed, with the command that installs it.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of the libraries' own insides, which nobody here can mend
            return import_module(name)
    except ImportError as problem:
        what = f"{use or 'this'} needs {name.partition('.')[0]}, which is not installed"
        top = name.partition(".")[0]
        if top in OWN_CHOICE:
            raise DiscoveryError(
                f"{what}; it is under the {OWN_CHOICE[top]} and therefore no part of Opsonin's extras: install it with "
                f"`pip install {top}`, or choose another way."
            ) from problem
        raise DiscoveryError(f"{what}; install it with: pip install 'opsonin[discovery]'") from problem
