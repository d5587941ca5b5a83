"""Small FCS files of a made-up NK panel, and a Gating-ML strategy that finds every population of it."""

from pathlib import Path

import numpy as np

CHANNELS = ["FSC-A", "CD3-A", "CD56-A", "HLADR-A", "TRAIL-A", "BEAD-A"]
NAMES = ["", "CD3", "CD56", "HLA-DR", "TRAIL", "beads"]
# channel means (raw fluorescence) of each population: FSC, CD3, CD56, HLA-DR, TRAIL, beads
DIM, BRIGHT, LOW, HIGH = 3e3, 3e4, 100.0, 1e4
POPULATIONS = {
    "debris": (5e3, LOW, LOW, LOW, LOW, LOW),
    "T": (5e4, HIGH, LOW, LOW, LOW, LOW),
    "dim": (5e4, LOW, DIM, LOW, LOW, LOW),
    "dim HLA-DR+": (5e4, LOW, DIM, HIGH, LOW, LOW),
    "bright": (5e4, LOW, BRIGHT, LOW, LOW, LOW),
    "bright HLA-DR+ TRAIL+": (5e4, LOW, BRIGHT, HIGH, HIGH, LOW),
    "beads": (5e4, LOW, LOW, LOW, LOW, 5e4),
}

_GATE = """  <gating:RectangleGate gating:id="{name}"{parent}>
{dimensions}  </gating:RectangleGate>
"""
_DIMENSION = """    <gating:dimension{minimum}{maximum} gating:compensation-ref="uncompensated"{transform}>
      <data-type:fcs-dimension data-type:name="{channel}"/>
    </gating:dimension>
"""
_HEADER = """<?xml version="1.0" encoding="UTF-8"?>
<gating:Gating-ML
    xmlns:gating="http://www.isac-net.org/std/Gating-ML/v2.0/gating"
    xmlns:transforms="http://www.isac-net.org/std/Gating-ML/v2.0/transformations"
    xmlns:data-type="http://www.isac-net.org/std/Gating-ML/v2.0/datatypes">
  <transforms:transformation transforms:id="asinh">
    <transforms:fasinh transforms:T="262144" transforms:M="4.5" transforms:A="0"/>
  </transforms:transformation>
"""


def asinh(value: float) -> float:
    """The Gating-ML transform of the strategy: asinh(x sinh(M ln 10) / T) / (M ln 10)."""
    decades = 4.5 * np.log(10)
    return float(np.arcsinh(value * np.sinh(decades) / 262144) / decades)


def strategy() -> str:
    """Cells and beads; NK among cells; dim, bright, HLA-DR+ among NK; TRAIL+ among bright NK."""
    low, middle = asinh(1e3), asinh(1e4)
    gates = [
        ("Beads", "", [("BEAD-A", low, None, True)]),
        ("Cells", "", [("FSC-A", 2e4, None, False), ("BEAD-A", None, low, True)]),
        ("NK", "Cells", [("CD3-A", None, low, True), ("CD56-A", low, None, True)]),
        ("T", "Cells", [("CD3-A", low, None, True)]),
        ("Dim", "NK", [("CD56-A", None, middle, True)]),
        ("Bright", "NK", [("CD56-A", middle, None, True)]),
        ("HLA-DRpos", "NK", [("HLADR-A", low, None, True)]),
        ("TRAILpos", "Bright", [("TRAIL-A", low, None, True)]),
    ]
    text = _HEADER
    for name, parent, dimensions in gates:
        inner = "".join(
            _DIMENSION.format(
                channel=channel,
                minimum=f' gating:min="{lower}"' if lower is not None else "",
                maximum=f' gating:max="{upper}"' if upper is not None else "",
                transform=' gating:transformation-ref="asinh"' if transformed else "",
            )
            for channel, lower, upper, transformed in dimensions
        )
        text += _GATE.format(name=name, parent=f' gating:parent_id="{parent}"' if parent else "", dimensions=inner)
    return text + "</gating:Gating-ML>\n"


def write_fcs(path: Path, counts: dict[str, int], seed: int = 1, **keywords: str) -> None:
    """One tube with so many events of each population; they lie within 10 % of its means, so that no gate errs."""
    from flowio import create_fcs

    rng = np.random.default_rng(seed)
    events = np.concatenate(
        [np.array(POPULATIONS[name]) * rng.uniform(0.9, 1.1, (n, len(CHANNELS))) for name, n in counts.items()]
    )
    rng.shuffle(events)
    with path.open("wb") as file:
        create_fcs(file, events.astype(np.float32).ravel().tolist(), CHANNELS, NAMES, metadata_dict=keywords or None)
