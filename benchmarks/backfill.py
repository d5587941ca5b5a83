"""BF-BOIN against the characteristics its authors print, in their twelve scenarios.

    python benchmarks/backfill.py [--trials 10000]

Source: Zhao, Yuan, Korn & Freidlin (2024), Clin Cancer Res 30:673, tables 3 (scenarios) and 4 (characteristics): target
25 %, ten cohorts of three, an end at nine patients where the trial would stay, three patients and a window of a month.
"""

import argparse

from opsonin.designs import Accrual, Backfill, Boin, MaxPatients, Scenario, StopWhenHere, simulate

DLT = {
    "A": [0.25, 0.41, 0.45, 0.49, 0.53],
    "B": [0.12, 0.25, 0.42, 0.49, 0.55],
    "C": [0.04, 0.12, 0.25, 0.43, 0.63],
    "D": [0.02, 0.06, 0.10, 0.25, 0.40],
    "E": [0.02, 0.05, 0.08, 0.11, 0.25],
}
# scenario: curve of DLT rates, response rates; published with backfill and (once a curve) without: right dose %, too
# toxic dose %, patients below, at and above the MTD, months
PUBLISHED = {
    1: ("A", [0.30, 0.40, 0.45, 0.50, 0.55], (79.9, 13.5, 0.0, 10.8, 6.1, 8.4), (77.0, 16.7, 0.0, 8.7, 6.2, 8.8)),
    2: ("B", [0.20, 0.30, 0.40, 0.50, 0.60], (57.8, 10.9, 10.4, 10.3, 4.8, 12.1), (55.6, 14.5, 7.2, 8.4, 5.1, 12.3)),
    3: ("C", [0.10, 0.20, 0.30, 0.45, 0.58], (57.6, 9.7, 16.9, 9.8, 4.2, 14.3), (56.7, 12.3, 11.4, 8.0, 4.6, 14.3)),
    4: ("D", [0.05, 0.10, 0.15, 0.30, 0.45], (56.7, 13.6, 20.4, 9.6, 3.7, 15.6), (53.3, 17.1, 14.0, 7.7, 4.0, 15.5)),
    5: ("E", [0.05, 0.10, 0.15, 0.20, 0.30], (62.8, 0.0, 27.2, 7.2, 0.0, 15.5), (63.9, 0.0, 17.6, 7.3, 0.0, 15.1)),
    6: ("B", [0.30, 0.35, 0.36, 0.36, 0.36], (57.5, 10.8, 11.1, 10.3, 4.8, 12.1), None),
    7: ("C", [0.15, 0.30, 0.35, 0.36, 0.36], (57.1, 9.6, 18.3, 9.9, 4.2, 14.3), None),
    8: ("D", [0.10, 0.20, 0.30, 0.35, 0.35], (57.0, 13.2, 23.5, 9.7, 3.6, 15.6), None),
    9: ("E", [0.10, 0.15, 0.20, 0.30, 0.35], (62.9, 0.0, 29.5, 7.2, 0.0, 15.5), None),
    10: ("C", [0.30, 0.32, 0.35, 0.36, 0.36], (57.2, 9.5, 20.1, 9.8, 4.2, 14.3), None),
    11: ("D", [0.10, 0.30, 0.32, 0.35, 0.36], (57.0, 13.1, 24.3, 9.7, 3.5, 15.6), None),
    12: ("E", [0.10, 0.15, 0.30, 0.32, 0.35], (62.8, 0.0, 30.0, 7.1, 0.0, 15.5), None),
}
MONTH = 30.0


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--trials", type=int, default=10_000)
    trials = parser.parse_args().trials
    alone = MaxPatients(StopWhenHere(Boin(5, 0.25, one_of_three_stays=True), 9, stays=True), 30)
    print("scenario  design    right   too toxic   below      at   above   months   on backfill  (published below)")
    for number, (curve, responses, *published) in PUBLISHED.items():
        truth = Scenario(DLT[curve], efficacy=responses, window_days=MONTH, efficacy_window_days=MONTH)
        right, over = truth.dlt == 0.25, truth.dlt > 0.25
        for name, design, theirs in zip(("BF-BOIN", "BOIN"), (Backfill(alone), alone), published, strict=True):
            if theirs is None:
                continue
            found = simulate(design, truth, trials, seed=5, accrual=Accrual(MONTH / 3))
            patients, days = found.patients.mean(axis=0), found.days.mean()
            mine = [
                100 * found.select[right].sum(),
                100 * found.select[over].sum(),
                *(patients[which].sum() for which in (~right & ~over, right, over)),
                days / MONTH,
            ]
            beside = 0.0 if found.backfilled is None else found.backfilled.sum(axis=1).mean()
            print(f"{number:8}  {name:8}{''.join(f'{value:8.1f}' for value in mine)}{beside:14.1f}")
            print(f"{'':18}{''.join(f'{value:8.1f}' for value in theirs)}")


if __name__ == "__main__":
    main()
