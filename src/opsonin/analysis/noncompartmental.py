"""Non-compartmental analysis of one concentration–time profile.

Conventions are those of Phoenix WinNonlin, as the R package NonCompart tests them: terminal slope by the best adjusted
R² of the last three or more positive points after Tmax (from Tmax for a bolus), the longest of those within 0.0001 of
the best; trapezoids linear, or linear up and logarithmic down. Source: Gabrielsson & Weiner (2016), Pharmacokinetic and
Pharmacodynamic Data Analysis, 5th ed., ch. 2; Kim, Han, Cho, Yoon & Bae (2018), Transl Clin Pharmacol 26:10.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, fields

import numpy as np
from jaxtyping import Float

from opsonin.errors import AnalysisError

Points = Float[np.ndarray, " time"]
NAN = math.nan
TIE = 1e-4  # adjusted R² this near the best counts as equal, and the longer fit wins


@dataclass(frozen=True)
class Nca:
    """What one profile says; NaN where it cannot. Units follow the input: time t, concentration c, dose d.

    For an extravascular dose `clearance` and the volumes are divided by the unknown bioavailability (CL/F, V/F).
    """

    cmax: float  # c
    tmax: float  # t, the first time of the highest concentration
    tlag: float  # t, the last time before the first measurable concentration; extravascular only
    c0: float  # c, extrapolated back to the bolus
    tlast: float  # t of the last positive concentration
    clast: float  # c
    auc_last: float  # c·t, to tlast
    auc_all: float  # c·t, to the last sample, with the triangle from tlast to the first zero
    auc_inf_obs: float  # c·t, extrapolated from the observed clast
    auc_inf_pred: float  # c·t, extrapolated from the fitted clast
    extrapolated_percent_obs: float
    extrapolated_percent_pred: float
    back_extrapolated_percent_obs: float
    back_extrapolated_percent_pred: float
    aumc_last: float  # c·t²
    aumc_inf_obs: float
    aumc_inf_pred: float
    aumc_extrapolated_percent_obs: float
    aumc_extrapolated_percent_pred: float
    mrt_last: float  # t; half the infusion time is taken off
    mrt_inf_obs: float
    mrt_inf_pred: float
    lambda_z: float  # 1/t
    half_life: float  # t
    r2: float
    r2_adjusted: float
    correlation: float
    n_lambda_z: int
    lambda_z_from: float  # t
    lambda_z_to: float  # t
    cmax_per_dose: float
    auc_inf_per_dose_obs: float
    auc_inf_per_dose_pred: float
    clearance_obs: float  # d/(c·t)
    clearance_pred: float
    vz_obs: float  # d/c
    vz_pred: float
    vss_obs: float  # d/c; not after an extravascular dose
    vss_pred: float

    def to_dict(self) -> dict[str, float]:
        """Every parameter by name."""
        return {f.name: float(getattr(self, f.name)) for f in fields(self)}


def nca(
    time: np.ndarray,
    concentration: np.ndarray,
    dose: float | int = 0.0,
    route: str = "extravascular",
    infusion: float | int = 0.0,
    method: str = "linear",
    min_r2_adjusted: float | int = 0.0,
) -> Nca:
    """Non-compartmental parameters of one profile after one dose at time 0.

    time: increasing, not negative.  concentration: not negative; what is below the limit of quantification is 0; NaN
    are left out.  route: extravascular, bolus or infusion.  method: "linear" or "linear-up log-down".
    dose: 0 where unknown: clearance and volumes are then NaN.  infusion: its length, in the unit of `time`.
    min_r2_adjusted: below it the terminal slope, and all that needs it, is NaN.
    Raises: AnalysisError for a profile that cannot be one.
    """
    t, c = _checked(time, concentration, route, infusion, method)
    if not c.size or not (c > 0).any():
        return _empty(t, c)
    bolus = route == "bolus"
    c0 = _back_extrapolated(t, c) if bolus else NAN
    full_t, full_c = t, c
    if t[0] > 0:
        full_t, full_c = np.r_[0.0, t], np.r_[c0 if bolus else 0.0, c]
    last = int(np.flatnonzero(c > 0)[-1])
    end = last + (full_t.size - t.size)
    log_down = method != "linear"
    areas, moments = _trapezoids(full_t, full_c, log_down)
    auc, aumc = float(areas[:end].sum()), float(moments[:end].sum())
    after = full_c.size > end + 1  # a zero follows the last positive concentration
    auc_all = auc + (float((full_t[end + 1] - full_t[end]) * full_c[end] / 2) if after else 0.0)
    slope = terminal_slope(t, c, from_tmax=bolus)
    if not slope.r2_adjusted >= min_r2_adjusted:
        slope = NO_SLOPE
    rate, tlast, clast = slope.rate, float(t[last]), float(c[last])
    found: dict[str, float] = {}
    first_area = float(areas[0]) if bolus and t[0] > 0 else (0.0 if bolus else NAN)
    shift = float(infusion) / 2 if route == "infusion" else 0.0
    for kind, end_value in (("obs", clast), ("pred", math.exp(slope.intercept - rate * tlast) if rate > 0 else NAN)):
        total = auc + end_value / rate if rate > 0 else NAN
        total_moment = aumc + end_value * tlast / rate + end_value / rate**2 if rate > 0 else NAN
        residence = total_moment / total - shift
        clearance = dose / total if dose > 0 else NAN
        found |= {
            f"auc_inf_{kind}": total,
            f"extrapolated_percent_{kind}": 100 * (total - auc) / total,
            f"back_extrapolated_percent_{kind}": 100 * first_area / total,
            f"aumc_inf_{kind}": total_moment,
            f"aumc_extrapolated_percent_{kind}": 100 * (total_moment - aumc) / total_moment,
            f"mrt_inf_{kind}": residence,
            f"auc_inf_per_dose_{kind}": total / dose if dose > 0 else NAN,
            f"clearance_{kind}": clearance,
            f"vz_{kind}": clearance / rate if rate > 0 else NAN,
            f"vss_{kind}": NAN if route == "extravascular" else residence * clearance,
        }
    top = int(np.argmax(c))
    return Nca(
        cmax=float(c[top]),
        tmax=float(t[top]),
        tlag=_lag(full_t, full_c) if route == "extravascular" else NAN,
        c0=c0,
        tlast=tlast,
        clast=clast,
        auc_last=auc,
        auc_all=auc_all,
        aumc_last=aumc,
        mrt_last=aumc / auc - shift if auc > 0 else NAN,
        lambda_z=rate,
        half_life=math.log(2) / rate if rate > 0 else NAN,
        r2=slope.r2,
        r2_adjusted=slope.r2_adjusted,
        correlation=-math.sqrt(slope.r2),
        n_lambda_z=slope.points,
        lambda_z_from=slope.start,
        lambda_z_to=slope.stop,
        cmax_per_dose=float(c[top]) / dose if dose > 0 else NAN,
        **found,
    )


@dataclass(frozen=True)
class TerminalSlope:
    """A line through the logarithm of the last concentrations: log c = intercept − rate · time."""

    rate: float
    intercept: float
    r2: float
    r2_adjusted: float
    points: int
    start: float
    stop: float


NO_SLOPE = TerminalSlope(NAN, NAN, NAN, NAN, 0, NAN, NAN)


def terminal_slope(time: Points, concentration: Points, from_tmax: bool = False) -> TerminalSlope:
    """The terminal slope by best adjusted R² over the last 3, 4, … positive points after (or from) Tmax.

    Returns NO_SLOPE where fewer than three points are left or no slope falls.
    """
    positive = concentration > 0
    t, c = time[positive], concentration[positive]
    start = int(np.argmax(c)) + (0 if from_tmax else 1) if c.size else 0
    fits = [_line(t[i:], np.log(c[i:])) for i in range(start, t.size - 2)]
    falling = [f for f in fits if f.rate > 0 and math.isfinite(f.r2_adjusted)]
    if not falling:
        return NO_SLOPE
    best = max(f.r2_adjusted for f in falling)
    return max((f for f in falling if best - f.r2_adjusted < TIE), key=lambda f: f.points)


def _line(t: Points, y: Points) -> TerminalSlope:
    n = t.size
    dt, dy = t - t.mean(), y - y.mean()
    stt, sty, syy = float(dt @ dt), float(dt @ dy), float(dy @ dy)
    if stt == 0 or syy == 0:
        return NO_SLOPE
    rate = -sty / stt
    r2 = sty * sty / (stt * syy)
    adjusted = 1 - (1 - r2) * (n - 1) / (n - 2)
    return TerminalSlope(rate, float(y.mean()) + rate * float(t.mean()), r2, adjusted, n, float(t[0]), float(t[-1]))


def _trapezoids(t: Points, c: Points, log_down: bool) -> tuple[np.ndarray, np.ndarray]:
    """Area and first moment of each interval; logarithmic where it falls and `log_down`, else linear."""
    dt, a, b = np.diff(t), c[:-1], c[1:]
    area, moment = dt * (a + b) / 2, dt * (t[:-1] * a + t[1:] * b) / 2
    if log_down:
        down = (b < a) & (b > 0)
        k = np.log(a[down] / b[down]) / dt[down]
        area[down] = (a[down] - b[down]) / k
        moment[down] = (t[:-1][down] * a[down] - t[1:][down] * b[down]) / k + area[down] / k
    return area, moment


def _back_extrapolated(t: Points, c: Points) -> float:
    """C0 of a bolus: the log line through the first two samples where it falls, else the first positive sample."""
    if t[0] == 0:
        return float(c[0])
    if c.size > 1 and c[0] > c[1] > 0:
        return float(np.exp(np.log(c[0]) + t[0] * np.log(c[0] / c[1]) / (t[1] - t[0])))
    return float(c[c > 0][0])


def _lag(t: Points, c: Points) -> float:
    """The last time before the first positive concentration (0 where the first sample is already positive)."""
    first = int(np.flatnonzero(c > 0)[0])
    return float(t[first - 1]) if first else 0.0


def _checked(time: np.ndarray, concentration: np.ndarray, route: str, infusion: float | int, method: str):
    t, c = np.asarray(time, dtype=float), np.asarray(concentration, dtype=float)
    if t.ndim != 1 or t.shape != c.shape:
        raise AnalysisError(f"a profile has one time for each concentration; shapes {t.shape} and {c.shape} given.")
    if route not in ("extravascular", "bolus", "infusion"):
        raise AnalysisError(f"the route {route!r} is unknown; use 'extravascular', 'bolus' or 'infusion'.")
    if method not in ("linear", "linear-up log-down"):
        raise AnalysisError(f"the method {method!r} is unknown; use 'linear' or 'linear-up log-down'.")
    if route == "infusion" and not infusion > 0:
        raise AnalysisError("an infusion needs its length: infusion > 0, in the unit of time.")
    there = np.isfinite(t) & np.isfinite(c)
    t, c = t[there], c[there]
    if (c < 0).any():
        raise AnalysisError(f"the concentration {c[c < 0][0]:g} is negative; give 0 below the limit of quantification.")
    if t.size and (t[0] < 0 or (np.diff(t) <= 0).any()):
        raise AnalysisError("times must increase and not be negative; sort the profile and average repeated samples.")
    return t, c


def _empty(t: Points, c: Points) -> Nca:
    """A profile with nothing measurable: zero exposure, nothing else known."""
    values: dict = {f.name: NAN for f in fields(Nca)}
    zero = 0.0 if c.size else NAN
    return Nca(**(values | {"cmax": zero, "auc_last": zero, "auc_all": zero, "aumc_last": zero, "n_lambda_z": 0}))
