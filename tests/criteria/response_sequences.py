"""Sequences of scans with the responses that the published rules give them, each with its paragraph.

Worked by hand from the guidelines. A lesion's entry is its course: baseline first, then the visits. Numbers are
millimetres (nodes: short axis); "TS" is too small to measure, "NE" not evaluated, None not mentioned; other words are
those of the record. Visits are six weeks apart (day 42, 84 …) where no days are given.
"""

from dataclasses import dataclass, field
from typing import Any

E09, S17, C14 = "Eisenhauer 2009", "Seymour 2017", "Cheson 2014"
GONE, PROG, MORE = "absent", "unequivocal progression", "further increase"
HERE = "present"


@dataclass(frozen=True)
class Case:
    """id; the paragraph of the rule; lesions by name; what each visit and the whole must give.

    Names: T target, K target node, N non-target, L non-target node, X new.   progression: day, None for none.
    """

    id: str
    rule: str
    lesions: dict[str, list[Any]]
    visits: str
    best: str
    progression: float | None = None
    criteria: str = "RECIST 1.1"
    days: tuple[float, ...] = ()
    options: dict[str, Any] = field(default_factory=dict)
    other: dict[str, list[float | None]] = field(default_factory=dict)  # second diameters; spleen; Deauville score


CONFIRM = {"confirm": True}

RECIST = [
    Case("pr-at-30", f"{E09} 4.3.1 (30 % decrease)", {"T1": [50, 35]}, "PR", "PR"),
    Case("sd-at-29", f"{E09} 4.3.1 (neither PR nor PD)", {"T1": [100, 71]}, "SD", "SD"),
    Case("pd-needs-5-mm", f"{E09} 4.3.1 (absolute increase of 5 mm)", {"T1": [20, 24]}, "SD", "SD"),
    Case("pd-at-20-percent-and-5-mm", f"{E09} 4.3.1 (20 % and 5 mm)", {"T1": [25, 30]}, "PD", "PD", 42),
    Case("pd-from-nadir-not-baseline", f"{E09} 4.3.1 (smallest sum on study)", {"T1": [100, 60, 73]}, "PR PD", "PR",
         84),
    Case("nadir-is-baseline", f"{E09} 4.3.1 (baseline sum if smallest)", {"T1": [40, 44, 47, 48]}, "SD SD PD", "SD",
         126),
    Case("slow-growth-adds-up", f"{E09} 4.3.1 (reference is the nadir, not the last scan)",
         {"T1": [50, 40, 43, 46, 48]}, "SD SD SD PD", "SD", 168),
    Case("sum-of-lesions", f"{E09} 4.3.1 (sum of diameters)", {"T1": [30, 15], "T2": [20, 20]}, "PR", "PR"),
    Case("one-grows-one-shrinks", f"{E09} 4.3.1 (sum of diameters)", {"T1": [30, 10], "T2": [20, 32]}, "SD", "SD"),
    Case("cr-all-gone", f"{E09} 4.3.1 (disappearance of all)", {"T1": [30, 0], "T2": [12, 0]}, "CR", "CR"),
    Case("cr-node-9", f"{E09} 4.3.1 (nodes below 10 mm)", {"K1": [22, 9]}, "CR", "CR"),
    Case("node-10-is-no-cr", f"{E09} 4.3.1 (nodes below 10 mm)", {"K1": [22, 10]}, "PR", "PR"),
    Case("node-after-cr-regrows-a-little", f"{E09} 4.3.2 (nodes; sum may be above nought at CR)",
         {"T1": [20, 0, 0], "K1": [15, 8, 9]}, "CR CR", "CR"),
    Case("node-after-cr-grows-5-mm", f"{E09} 4.3.1 (20 % and 5 mm above the nadir)",
         {"T1": [20, 0, 0], "K1": [15, 8, 13]}, "CR PD", "CR", 84),
    Case("too-small-counts-5", f"{E09} 4.3.2 (too small to measure: 5 mm)", {"T1": [10, "TS"]}, "PR", "PR"),
    Case("too-small-is-no-cr", f"{E09} 4.3.2 (too small to measure: 5 mm)", {"T1": [40, "TS"]}, "PR", "PR"),
    Case("from-gone-to-too-small", f"{E09} Table 3, footnote (disease seen again after CR)",
         {"T1": [20, 0, "TS"]}, "CR PD", "CR", 84),
    Case("one-of-two-comes-back", f"{E09} 4.3.2 (reappearing without overall CR adds to the sum)",
         {"T1": [20, 0, 4], "T2": [30, 20, 20]}, "PR PR", "PR"),
    Case("new-lesion", f"{E09} 4.3.5 (new lesion)", {"T1": [40, 40], "X1": [None, HERE]}, "PD", "PD", 42),
    Case("new-lesion-beats-cr", f"{E09} Table 1 (new lesion: PD)", {"T1": [40, 0], "X1": [None, 12]}, "PD", "PD", 42),
    Case("non-target-keeps-cr-away", f"{E09} Table 1 (CR, non-CR/non-PD: PR)", {"T1": [40, 0], "N1": [HERE, HERE]},
         "PR", "PR"),
    Case("non-target-not-evaluated", f"{E09} Table 1 (CR, not evaluated: PR)", {"T1": [40, 0], "N1": [HERE, "NE"]},
         "PR", "PR"),
    Case("pr-with-non-target-not-seen", f"{E09} Table 1 (PR, not all evaluated: PR)",
         {"T1": [40, 20], "N1": [HERE, "NE"]}, "PR", "PR"),
    Case("unequivocal-progression", f"{E09} 4.3.4 (non-target progression)", {"T1": [40, 20], "N1": [HERE, PROG]},
         "PD", "PD", 42),
    Case("both-gone", f"{E09} Table 1 (CR, CR: CR)", {"T1": [40, 0], "N1": [HERE, GONE]}, "CR", "CR"),
    Case("non-target-back-after-cr", f"{E09} Table 3, footnote (disease seen again after CR)",
         {"T1": [40, 0, 0], "N1": [HERE, GONE, HERE]}, "CR PD", "CR", 84),
    Case("non-target-node-normal", f"{E09} 4.3.3 (non-target nodes below 10 mm)", {"T1": [40, 0], "L1": [12, 9]},
         "CR", "CR"),
    Case("non-target-node-still-enlarged", f"{E09} 4.3.3 (non-target nodes below 10 mm)",
         {"T1": [40, 0], "L1": [12, 11]}, "PR", "PR"),
    Case("non-target-only-cr", f"{E09} Table 2 (CR)", {"N1": [HERE, GONE]}, "CR", "CR"),
    Case("non-target-only-stays", f"{E09} Table 2 (non-CR/non-PD)", {"N1": [HERE, HERE]}, "SD", "SD"),
    Case("non-target-only-one-unseen", f"{E09} Table 2 (not all evaluated: NE)",
         {"N1": [HERE, GONE], "N2": [HERE, "NE"]}, "NE", "NE"),
    Case("non-target-only-pd", f"{E09} Table 2 (unequivocal PD)", {"N1": [HERE, PROG]}, "PD", "PD", 42),
    Case("missed-lesion", f"{E09} 4.4.2 (missing assessment: NE)", {"T1": [40, 20], "T2": [30, "NE"]}, "NE", "NE"),
    Case("missed-lesion-cannot-hide-pd", f"{E09} 4.4.2 (assigned change could not alter the response)",
         {"T1": [40, 90], "T2": [30, "NE"]}, "PD", "PD", 42),
    Case("missed-visit-between", f"{E09} 4.4.2 (no assessment: NE)", {"T1": [40, 26, "NE", 25]}, "PR NE PR", "PR"),
    Case("nadir-leaves-out-partial-sums", f"{E09} 4.4.2 (incomplete sums)",
         {"T1": [40, 30, 30], "T2": [30, "NE", 30]}, "NE SD", "SD"),
    Case("confirmed-pr", f"{E09} 4.6.1 (confirmation after 4 weeks)", {"T1": [50, 30, 30]}, "PR PR", "PR",
         options=CONFIRM),
    Case("pr-then-sd", f"{E09} Table 3 (PR, SD: SD)", {"T1": [50, 34, 36]}, "PR SD", "SD", options=CONFIRM),
    Case("pr-then-pd", f"{E09} Table 3 (PR, PD: SD where it lasted)", {"T1": [50, 34, 45]}, "PR PD", "SD", 84,
         options=CONFIRM),
    Case("pr-too-early-then-pd", f"{E09} Table 3 (PR, PD: PD before the minimum for SD)", {"T1": [50, 34, 45]}, "PR PD",
         "PD", 70, days=(28, 70), options=CONFIRM),
    Case("pr-then-ne", f"{E09} Table 3 (PR, NE: SD)", {"T1": [50, 34, "NE"]}, "PR NE", "SD", options=CONFIRM),
    Case("cr-then-ne-then-cr", f"{E09} 4.4.3 (not evaluated between two responses)", {"T1": [50, 0, "NE", 0]},
         "CR NE CR", "CR", options=CONFIRM),
    Case("pr-then-cr-once", f"{E09} Table 3 (PR, CR: PR)", {"T1": [50, 30, 0]}, "PR CR", "PR", options=CONFIRM),
    Case("pr-cr-cr", f"{E09} Table 3 (CR, CR: CR)", {"T1": [50, 30, 0, 0]}, "PR CR CR", "CR", options=CONFIRM),
    Case("cr-once", f"{E09} Table 3 (CR, NE: SD)", {"T1": [50, 0]}, "CR", "SD", options=CONFIRM),
    Case("confirmation-too-soon", f"{E09} 4.6.1 (not less than 4 weeks)", {"T1": [50, 30, 30]}, "PR PR", "SD",
         days=(42, 63), options=CONFIRM),
    Case("sd-too-short", f"{E09} 4.6.1 (minimum interval for SD)", {"T1": [50, 50]}, "SD", "NE", days=(35,)),
    Case("sd-too-short-then-pd", f"{E09} 4.4.3 (SD before its time, then PD)", {"T1": [50, 50, 70]}, "SD PD", "PD", 63,
         days=(35, 63)),
    Case("after-pd-nothing-counts", f"{E09} 4.4.3 (from the start until progression)", {"T1": [50, 65, 20]}, "PD PR",
         "PD",
         42),
    Case("best-is-not-last", f"{E09} 4.4.3 (best response)", {"T1": [50, 30, 33, 36]}, "PR PR PD", "PR", 126),
]  # fmt: skip

IRECIST = [
    Case("i-target-confirmed-at-5-mm", f"{S17} Table 2 (further increase of 5 mm)", {"T1": [50, 60, 65]}, "iUPD iCPD",
         "iCPD", 42),
    Case("i-target-4-mm-is-not-enough", f"{S17} Table 2 (further increase of 5 mm)", {"T1": [50, 60, 64]}, "iUPD iUPD",
         "iUPD"),
    Case("i-increases-add-up", f"{S17}; criteria's answers (sequential increases are additive)", {"T1": [50, 60, 64,
         66]},
         "iUPD iUPD iCPD", "iCPD", 42),
    Case("i-too-soon", f"{S17} (confirmation at 4 to 8 weeks)", {"T1": [50, 60, 70, 70]}, "iUPD iUPD iCPD", "iCPD", 42,
         days=(42, 56, 84)),
    Case("i-pseudoprogression", f"{S17} Table 3, example 4", {"T1": [50, 62, 45, 30]}, "iUPD iSD iPR", "iPR"),
    Case("i-to-complete", f"{S17} Table 3, example 2", {"T1": [50, 62, 30, 0]}, "iUPD iPR iCR", "iCR"),
    Case("i-response-then-progression", f"{S17} Table 3, example 1", {"T1": [50, 0, 12, 20]}, "iCR iUPD iCPD", "iCR",
         84),
    Case("i-reset-uses-the-nadir", f"{S17} (the bar is reset)", {"T1": [50, 61, 40, 48, 54]}, "iUPD iSD iUPD iCPD",
         "iSD",
         126),
    Case("i-ne-between", f"{S17} Table 3 (not evaluable between iUPD and iCPD)", {"T1": [50, 61, "NE", 67]},
         "iUPD NE iCPD", "iCPD", 42),
    Case("i-non-target-any-growth", f"{S17} Table 2 (further increase of non-target disease)",
         {"T1": [40, 40, 40], "N1": [HERE, PROG, MORE]}, "iUPD iCPD", "iCPD", 42),
    Case("i-non-target-unchanged", f"{S17} Table 2 (remains iUPD)", {"T1": [40, 40, 40], "N1": [HERE, PROG, PROG]},
         "iUPD iUPD", "iUPD"),
    Case("i-non-target-resolves", f"{S17} (iSD after iUPD: reset)", {"T1": [40, 40, 40], "N1": [HERE, PROG, HERE]},
         "iUPD iSD", "iSD"),
    Case("i-other-category-target", f"{S17} (progression in another category)",
         {"T1": [40, 40, 50], "N1": [HERE, PROG, PROG]}, "iUPD iCPD", "iCPD", 42),
    Case("i-other-category-non-target", f"{S17} (progression in another category)",
         {"T1": [40, 50, 50], "N1": [HERE, HERE, PROG]}, "iUPD iCPD", "iCPD", 42),
    Case("i-new-lesion-grows-5-mm", f"{S17} Table 2 (new lesion target, 5 mm)",
         {"T1": [40, 40, 40], "X1": [None, 12, 17]}, "iUPD iCPD", "iCPD", 42),
    Case("i-small-new-lesion-grows-at-all", f"{S17} Table 2 (new lesion non-target, any increase)",
         {"T1": [40, 40, 40], "X1": [None, 8, 9]}, "iUPD iCPD", "iCPD", 42),
    Case("i-unmeasured-new-lesion-larger", f"{S17} Table 2 (new lesion non-target, any increase)",
         {"T1": [40, 40, 40], "X1": [None, HERE, MORE]}, "iUPD iCPD", "iCPD", 42),
    Case("i-new-lesion-gone", f"{S17} (iSD after iUPD: reset)", {"T1": [40, 40, 40], "X1": [None, 12, GONE]},
         "iUPD iSD",
         "iSD"),
    Case("i-new-lesion-and-shrinkage", f"{S17}, scenario B (iPR in spite of a new lesion)",
         {"T1": [40, 36, 20], "X1": [None, 12, 12]}, "iUPD iPR", "iPR"),
    Case("i-next-new-lesion-after-that", f"{S17}; criteria's answers (further new lesions: iUPD anew)",
         {"T1": [40, 36, 20, 20], "X1": [None, 12, 12, 12], "X2": [None, None, None, 11]}, "iUPD iPR iUPD", "iPR"),
    Case("i-confirmed-before-it-shrank", f"{S17} Table 3, example 6 (iCPD, then any)", {"T1": [50, 60, 66, 30]},
         "iUPD iCPD iPR", "iCPD", 42),
    Case("i-never-confirmed", f"{S17} Table 3, example 8", {"T1": [50, 60, "NE", "NE"]}, "iUPD NE NE", "iUPD"),
]  # fmt: skip

LUGANO = [
    Case("l-node-15-is-normal", f"{C14} Table 3 (CR: nodes at most 1.5 cm)", {"K1": [30, 15]}, "CR", "CR"),
    Case("l-node-16-is-pr", f"{C14} Table 3 (PR: products halved)", {"K1": [30, 16]}, "PR", "PR"),
    Case("l-half-the-product", f"{C14} Table 3 (PR: 50 % decrease in the sum of products)", {"K1": [40, 40]}, "PR",
         "PR",
         other={"K1": [30, 15]}),
    Case("l-less-than-half", f"{C14} Table 3 (SD)", {"K1": [40, 30]}, "SD", "SD", other={"K1": [30, 30]}),
    Case("l-small-node-grows-5-mm", f"{C14} Table 3 (PD: 0.5 cm up to 2 cm)", {"K1": [18, 23]}, "PD", "PD", 42),
    Case("l-large-node-needs-10-mm", f"{C14} Table 3 (PD: 1.0 cm above 2 cm)", {"K1": [24, 31]}, "SD", "SD"),
    Case("l-large-node-grows-10-mm", f"{C14} Table 3 (PD: 1.0 cm above 2 cm)", {"K1": [24, 34]}, "PD", "PD", 42),
    Case("l-one-node-is-enough", f"{C14} Table 3 (PD: an individual lesion)", {"K1": [60, 20], "K2": [18, 24]}, "PD",
         "PD",
         42),
    Case("l-from-its-nadir", f"{C14} Table 3 (PD: from the nadir of the product)", {"K1": [40, 20, 26]}, "PR PD",
         "PR", 84),
    Case("l-new-lesion", f"{C14} Table 3 (PD: new lesion)", {"K1": [40, 20], "X1": [None, 16]}, "PD", "PD", 42),
    Case("l-extranodal-remains", f"{C14} Table 3 (CR: no extralymphatic site)", {"T1": [30, 6]}, "PR", "PR"),
    Case("l-spleen-to-13-cm", f"{C14} Table 3 (CR: spleen normal)", {"K1": [30, 14]}, "CR", "CR",
         other={"spleen length": [160, 130]}),
    Case("l-spleen-still-large", f"{C14} Table 3 (PR: spleen by more than half of its excess)", {"K1": [30, 14]}, "PR",
         "PR", other={"spleen length": [170, 145]}),
    Case("l-spleen-16-from-15", f"{C14} Table 3 (PD: a 15 cm spleen beyond 16 cm)", {"K1": [30, 30]}, "PD", "PD", 42,
         other={"spleen length": [150, 161]}),
    Case("l-spleen-2-cm-longer", f"{C14} Table 3 (PD: 2 cm where it was normal)", {"K1": [30, 30]}, "PD", "PD", 42,
         other={"spleen length": [120, 140]}),
    Case("l-score-3-with-a-mass", f"{C14} Table 3 (CMR: score 1 to 3, residual mass or not)", {"K1": [60, 40]}, "CR",
         "CR",
         other={"Deauville score": [5, 3]}),
    Case("l-score-falls-to-4", f"{C14} Table 3 (PMR: score 4 or 5, reduced)", {"K1": [60, 60]}, "PR", "PR",
         other={"Deauville score": [5, 4]}),
    Case("l-score-stays", f"{C14} Table 3 (NMR: no change in uptake)", {"K1": [60, 20]}, "SD", "SD",
         other={"Deauville score": [5, 5]}),
    Case("l-score-back-up", f"{C14} Table 3 (PMD: score 4 or 5, increased)", {"K1": [60, 20, 20]}, "CR PD", "CR", 84,
         other={"Deauville score": [5, 2, 4]}),
]  # fmt: skip
LUGANO = [Case(**{**vars(one), "criteria": "Lugano"}) for one in LUGANO]
IRECIST = [Case(**{**vars(one), "criteria": "iRECIST"}) for one in IRECIST]
CASES = [*RECIST, *IRECIST, *LUGANO]
