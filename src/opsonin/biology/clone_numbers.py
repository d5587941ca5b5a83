"""The numbers of the tumour's cancer cells, each with its source."""

from __future__ import annotations

from opsonin.biology.lesions import baseline_diameters, new_lesion_rate
from opsonin.model import LogitNormal, LogNormal, Parameter

QSP = "as tabulated in the QSP-IO model of triple-negative breast cancer (Wang 2022, iScience 25:104702)"


def clone_numbers() -> list:
    """Growth, death, escape, persistence, and the lesions at baseline."""
    return [
        Parameter(
            "net_growth_rate",
            0.0080,
            "1/day",
            "assumed: volume doubles in 87 days, faster than hepatocellular carcinomas at diagnosis (Nathani 2021, "
            "Gut 70:401: 140 days), as disease under trial has progressed; each indication has its own",
            LogNormal(0.6),
            lower=0.001,
            upper=0.08,
            meaning="net growth rate of the tumour at baseline, untreated",
        ),
        Parameter(
            "natural_death",
            0.02,
            "1/day",
            "assumed: solid tumours lose most of the cells they make; a fiftieth a day gives 17 % dead cells",
            meaning="death of cancer cells from other causes",
        ),
        Parameter(
            "dead_clearance",
            0.1,
            "1/day",
            f"assumed: {QSP}, estimated there",
            meaning="rate at which dead cells are cleared",
        ),
        Parameter(
            "cell_density",
            206.0,
            "Mcell/ml",
            f"Del Monte 2009, Cell Cycle 8:505, {QSP}",
            meaning="cancer cells, alive or dead, in a volume of tumour",
        ),
        Parameter(
            "stroma_share",
            0.2,
            "dimensionless",
            "assumed: a fifth of a tumour is not cancer cells and does not go when they do; with it, killing every "
            "cancer cell is at first a partial response",
            LogitNormal(0.5),
            meaning="share of the volume at baseline that is stroma",
        ),
        Parameter(
            "stroma_turnover",
            0.004,
            "1/day",
            "assumed: a scar shrinks over half a year",
            meaning="rate at which stroma follows the cells",
        ),
        Parameter(
            "untargeted_share",
            0.5,
            "dimensionless",
            "assumed: lesions that are not measured add half of the measured volume",
            meaning="volume of lesions not measured, relative to that of target lesions",
        ),
        Parameter(
            "slowing_volume",
            1000.0,
            "ml",
            "assumed: tumours slow down as they grow (Hahnfeldt 1999, Cancer Res 59:4770); a litre grows half as fast",
            meaning="volume at which want of vessels halves growth",
        ),
        Parameter(
            "vessel_turnover",
            0.03,
            "1/day",
            "assumed: vessels follow the tumour within weeks",
            meaning="loss of vessels",
        ),
        Parameter(
            "escape_share",
            0.03,
            "dimensionless",
            "assumed: cells that T cells do not see, for they have lost the antigen or its presentation or lie where "
            "none comes; half a hundredth to a sixth of the tumour in four patients of five",
            LogitNormal(1.5),
            meaning="share of cells at baseline that T cells do not see",
        ),
        Parameter(
            "escape_mutation",
            1e-7,
            "1/day",
            "assumed: loss of a gene's two copies is rare; a typical rate a division is 1e-7",
            meaning="rate at which cells lose the antigen",
        ),
        Parameter(
            "escape_visibility",
            0.1,
            "dimensionless",
            "assumed: cells that have lost a part of what T cells see show the rest, and some die beside those that "
            "are seen (Upadhyay 2021, Cancer Discov 11:599, for the direction)",
            meaning="T-cell killing of escaped cells relative to the others",
        ),
        Parameter(
            "missing_self",
            3.0,
            "dimensionless",
            "assumed: natural killer cells kill cells without MHC class I about threefold (Kärre 1986, Nature 319:675: "
            "missing self)",
            meaning="natural killer cells' killing of escaped cells relative to the others",
        ),
        Parameter(
            "persister_share",
            0.003,
            "dimensionless",
            "Sharma 2010, Cell 141:69 (0.3 % of PC9 cells survive as drug-tolerant persisters); spread assumed",
            LogNormal(1.0),
            upper=0.2,
            meaning="share of cells that are tolerant of targeted drugs before any is given",
        ),
        Parameter(
            "persister_return_rate",
            0.05,
            "1/day",
            "assumed: drug-free tolerant cells resume growth and are sensitive again within a few doublings "
            "(Sharma 2010, Cell 141:69)",
            meaning="rate at which persisters return to the cycle",
        ),
        new_lesion_rate(),
        *baseline_diameters(),
    ]
