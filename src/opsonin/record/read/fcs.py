"""Instrument files of flow cytometry (FCS 2.0 to 3.1), gated by a strategy that was saved by whoever drew it.

FlowKit reads both: Gating-ML 2.0 (`.xml`) and FlowJo 10 workspaces (`.wsp`), with their compensation and transforms.
Source: Spidlen et al. (2010), Cytometry A 77A:97 (FCS 3.1); Spidlen et al. (2015), Cytometry A 87:683 (Gating-ML 2.0);
White et al. (2021), Front Immunol 12:768541 (FlowKit).
"""

from __future__ import annotations

import struct
import warnings
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

import pandas as pd

from opsonin.errors import ImportDataError
from opsonin.record.schema import near

ROOT = "root"
SEPARATOR = "/"
READABLE = "Gating-ML 2.0 (.xml) and FlowJo 10 workspaces (.wsp)"
# what FlowIO and NumPy raise for a file that was cut off or is something else
DAMAGED = (ValueError, LookupError, TypeError, AttributeError, ArithmeticError, EOFError, struct.error)


@dataclass(frozen=True)
class GatedSample:
    """Events by gate of one file.   gates: gate (path from the first gate on, joined with "/"), name, events.

    metadata: the keywords of the file's text segment, lower case without "$".
    """

    file: str
    events: int
    gates: pd.DataFrame
    metadata: dict[str, str]

    def events_in(self, gate: str, where: str) -> int:
        """Events in a gate, by its name or by the end of its path ("NK/HLA-DR+").

        Raises: ImportDataError, opening with `where`, for a gate that is not there or not the only one.
        """
        path = self.gates["gate"]
        found = self.gates[(path == gate) | path.str.endswith(SEPARATOR + gate, na=False)]
        if len(found) == 1:
            return int(found["events"].iloc[0])
        if len(found):
            there = ", ".join(repr(p) for p in found["gate"])
            raise ImportDataError(f"{where}: several gates end in {gate!r}: {there}; write more of the path.")
        names = list(dict.fromkeys(self.gates["name"]))
        raise ImportDataError(
            f"{where}: the strategy has no gate {gate!r}{near(gate, names)}; its gates are {', '.join(names)}."
        )


class Strategy:
    """A saved gating strategy.

    A FlowJo workspace holds one for each file it knows; any other file takes that of `template`, or the only one.
    """

    def __init__(self, path: str | Path, template: str | None = None):
        """Read the strategy.

        Raises: ImportDataError for a file that is missing or no strategy, or where FlowKit is not installed.
        """
        self.path, self.template = Path(path), template
        if not self.path.is_file():
            raise ImportDataError(f"the gating strategy {self.path} is not there; save it as {READABLE}.")
        kind = self.path.suffix.lower()
        if kind not in (".xml", ".wsp"):
            raise ImportDataError(f"{self.path}: a {kind or 'nameless'} file is no gating strategy; save {READABLE}.")
        self.workspace = kind == ".wsp"
        self._by_file = self._read()
        if template is not None and not self.workspace:
            raise ImportDataError(f"{self.path}: template is for FlowJo workspaces; a Gating-ML file has one strategy.")
        if template is not None and template not in self._by_file:
            raise ImportDataError(f"{self.path}: it knows no sample {template!r}{near(template, self._by_file)}.")

    def _read(self) -> dict[str, Any]:
        flowkit, exceptions = _flowkit()
        wrong = (exceptions.FlowKitException, SyntaxError, *DAMAGED)  # lxml's errors are SyntaxErrors
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                if not self.workspace:
                    return {"": flowkit.parse_gating_xml(str(self.path))}
                samples = flowkit.parse_wsp(str(self.path))["samples"]
        except wrong as problem:
            raise ImportDataError(
                f"{self.path} cannot be read as a gating strategy ({_line(problem)}); what can be read are {READABLE}."
            ) from problem
        if not samples:
            raise ImportDataError(
                f"{self.path} is a workspace without samples; gate one file in FlowJo and save again."
            )
        return {str(name): one["gating_strategy"] for name, one in samples.items()}

    def gate(self, file: str | Path) -> GatedSample:
        """Events of a file by gate.

        Raises: ImportDataError for a file that is missing, damaged, or lacks a channel that a gate asks for.
        """
        flowkit, exceptions = _flowkit()
        path = Path(file)
        sample = self._sample(flowkit, exceptions, path)
        strategy = self._for(path, str(getattr(sample, "id", "")))
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                report = strategy.gate_sample(sample).report
        except (exceptions.FlowKitException, *DAMAGED) as problem:
            channels = ", ".join(str(name) for name in sample.pnn_labels)
            raise ImportDataError(
                f"{path}: {self.path.name} cannot be applied ({_line(problem)}); the file's channels are {channels}."
            ) from problem
        names = report["gate_name"].astype(str)
        parents = report["gate_path"].map(lambda steps: [str(step) for step in steps if step != ROOT])
        paths = [SEPARATOR.join([*above, name]) for above, name in zip(parents, names, strict=True)]
        gates = pd.DataFrame({"gate": paths, "name": names.to_numpy(), "events": report["count"].to_numpy(dtype=int)})
        metadata = {str(key).lower(): str(value) for key, value in sample.get_metadata().items()}
        return GatedSample(path.name, int(sample.event_count), gates, metadata)

    def _for(self, path: Path, identity: str) -> Any:
        if not self.workspace:
            return self._by_file[""]
        for name in (path.name, identity, self.template):
            if name in self._by_file:
                return self._by_file[name]
        if len(self._by_file) == 1:
            return next(iter(self._by_file.values()))
        raise ImportDataError(
            f"{path}: the workspace {self.path.name} has no gates for it, and several samples to take them from "
            f'({", ".join(self._by_file)}); write template = "…" with the one that new files shall follow.'
        )

    def _sample(self, flowkit: Any, exceptions: Any, path: Path) -> Any:
        if not path.is_file():
            beside = [one.name for one in path.parent.iterdir()] if path.parent.is_dir() else []
            raise ImportDataError(f"the FCS file {path} is not there{near(path.name, beside)}.")
        from flowio.exceptions import FlowIOException, MultipleDataSetsError

        try:
            with path.open("rb") as file, warnings.catch_warnings():  # FlowIO leaves a damaged file open
                warnings.simplefilter("ignore")
                return flowkit.Sample(file, use_flowjo_labels=self.workspace, subsample=0)
        except MultipleDataSetsError as problem:
            raise ImportDataError(f"{path} holds several data sets; export each as a file of its own.") from problem
        except (FlowIOException, exceptions.FlowKitException, *DAMAGED) as problem:
            raise ImportDataError(
                f"{path} cannot be read as an FCS file ({_line(problem)}); it may be cut off; export it as FCS 3.1."
            ) from problem


def _flowkit() -> tuple[Any, Any]:
    try:
        return import_module("flowkit"), import_module("flowkit.exceptions")
    except ImportError as problem:
        raise ImportDataError(
            "FCS files are read with FlowKit, which is not installed; install it with: pip install 'opsonin[cytometry]'"
        ) from problem


def _line(problem: BaseException) -> str:
    """What went wrong, on one line."""
    return " ".join(str(problem).split()) or type(problem).__name__
