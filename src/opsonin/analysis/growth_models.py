"""Growth and shrinkage rates of a tumour under treatment, from a few scans of each patient, all patients at once.

A part of the tumour shrinks at rate d while another grows at rate g; of four models that is the simplest the scans
support. Source: Stein 2008, Oncologist 13:1046; Stein 2011, Clin Cancer Res 17:907 (gd, gx, dx); Wilkerson 2017, Lancet
Oncol 18:143 (gdphi, and the choice among the four).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Int

MODELS = ("gx", "dx", "gd", "gdphi")
_PARAMETERS = {"gx": ("g",), "dx": ("d",), "gd": ("g", "d"), "gdphi": ("g", "d", "phi")}
_STARTS = {
    "gx": ((0.001,), (0.01,)),
    "dx": ((0.001,), (0.01,)),
    "gd": ((0.002, 0.005), (0.0005, 0.02), (0.01, 0.002)),
    "gdphi": ((0.002, 0.01, 0.5), (0.0005, 0.03, 0.8), (0.005, 0.005, 0.2)),
}
SIGNIFICANT = 0.1  # every rate of a model must be this clearly above nought for the model to be taken
# no sum is read better than to this part of baseline (one reader errs by 6 % of a lesion: Yoon 2016, Eur J Cancer 53:5)
RULER = 0.01
_ITERATIONS = 120
_LOWEST, _HIGHEST = -16.0, 1.5  # natural logarithm of a rate a day: from none to a tumour that is new every hour


@dataclass(frozen=True, eq=False)
class GrowthFits:
    """One row a patient; NaN where a model has no such parameter or no model was taken.

    model: index into MODELS, −1 where none.   g, d: rates of growth and shrinkage (1/day);   phi: part that shrinks.
    g_se, d_se: their standard errors.   error: residual standard deviation, as a part of baseline.   n: scans.
    """

    model: Int[np.ndarray, " patient"]
    g: Float[np.ndarray, " patient"]
    d: Float[np.ndarray, " patient"]
    phi: Float[np.ndarray, " patient"]
    g_se: Float[np.ndarray, " patient"]
    d_se: Float[np.ndarray, " patient"]
    aic: Float[np.ndarray, " patient"]
    error: Float[np.ndarray, " patient"]
    n: Int[np.ndarray, " patient"]


def fit_growth(days: Float[np.ndarray, "patient scan"], size: Float[np.ndarray, "patient scan"]) -> GrowthFits:
    """The model of each patient with the lowest AIC among those whose every rate differs from nought (p < 0.1).

    days: since baseline;   size: over that at baseline; both NaN beyond a patient's last scan. The baseline itself is
    no datum: every model passes through 1 there. A model is tried where there are more scans than parameters.
    """
    from scipy.special import stdtr

    known = ~(np.isnan(days) | np.isnan(size)) & (days > 0)
    t, y = np.where(known, days, 0.0), np.where(known, size, 1.0)
    n = known.sum(axis=1)
    patients = len(n)
    best = {name: np.full(patients, np.nan) for name in ("g", "d", "phi", "g_se", "d_se", "error")}
    aic, chosen = np.full(patients, np.inf), np.full(patients, -1)
    for index, model in enumerate(MODELS):
        names = _PARAMETERS[model]
        rows = np.flatnonzero(n > len(names))
        if not len(rows):
            continue
        value, se, rss = _fit(model, t[rows], y[rows], known[rows])
        free = n[rows] - len(names)
        with np.errstate(divide="ignore", invalid="ignore"):
            p = 2 * stdtr(free[:, None], -value / se)
            own = n[rows] * np.log(np.maximum(rss / n[rows], RULER**2)) + 2 * (len(names) + 1)
        sound = np.isfinite(se).all(axis=1) & (p < SIGNIFICANT).all(axis=1) & (own < aic[rows])
        here = rows[sound]
        aic[here], chosen[here] = own[sound], index
        for one in best.values():
            one[here] = np.nan
        for k, name in enumerate(names):
            best[name][here] = value[sound, k]
            if name != "phi":
                best[f"{name}_se"][here] = se[sound, k]
        best["error"][here] = np.sqrt(rss[sound] / free[sound])
    return GrowthFits(chosen, **best, aic=np.where(chosen < 0, np.nan, aic), n=n)


def predicted(fits: GrowthFits, days: Float[np.ndarray, "patient scan"]) -> Float[np.ndarray, "patient scan"]:
    """Size over baseline that each patient's model gives on these days."""
    made = np.full(days.shape, np.nan)
    for index, model in enumerate(MODELS):
        rows = np.flatnonzero(fits.model == index)
        if len(rows):
            names = _PARAMETERS[model]
            made[rows] = _curve(model, np.stack([getattr(fits, k)[rows] for k in names], axis=1), days[rows])[0]
    return made


def nadir_day(fits: GrowthFits) -> Float[np.ndarray, " patient"]:
    """The day of the smallest size by the model: 0 where it only grows, inf where it only shrinks, NaN without one."""
    g, d, phi = fits.g, fits.d, np.where(np.isnan(fits.phi), 0.5, fits.phi)
    with np.errstate(divide="ignore", invalid="ignore"):
        both = np.maximum(np.log(d * phi / (g * (1 - phi))) / (g + d), 0.0)
    return np.select([fits.model == 0, fits.model == 1, fits.model >= 2], [0.0, np.inf, both], default=np.nan)


def _curve(
    model: str, value: Float[np.ndarray, "patient parameter"], t: Float[np.ndarray, "patient scan"]
) -> tuple[Float[np.ndarray, "patient scan"], Float[np.ndarray, "patient scan parameter"]]:
    """Size over baseline, and its derivatives by the parameters."""
    one = [value[:, [k]] for k in range(value.shape[1])]
    up = np.exp(np.minimum(one[0] * t, 50.0)) if model != "dx" else np.ones(t.shape)
    if model == "gx":
        return up, (t * up)[..., None]
    down = np.exp(-(one[0] if model == "dx" else one[1]) * t)
    if model == "dx":
        return down, (-t * down)[..., None]
    if model == "gd":
        return down + up - 1, np.stack([t * up, -t * down], axis=-1)
    phi = one[2]
    slopes = np.stack([(1 - phi) * t * up, -phi * t * down, down - up], axis=-1)
    return (1 - phi) * up + phi * down, slopes


def _natural(model: str, free: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Rates from their logarithms, the part phi from its logit; and the derivatives."""
    value = np.exp(np.clip(free, _LOWEST, _HIGHEST))
    slope = value.copy()
    if model == "gdphi":
        phi = 1 / (1 + np.exp(-np.clip(free[:, 2], -30, 30)))
        value[:, 2], slope[:, 2] = phi, phi * (1 - phi)
    return value, slope


def _fit(
    model: str, t: np.ndarray, y: np.ndarray, known: Bool[np.ndarray, "patient scan"]
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Least squares by Levenberg–Marquardt from several starts: estimates, standard errors, residual sum of squares."""
    tried = [_descend(model, np.array(start), t, y, known) for start in _STARTS[model]]
    rss = np.stack([one[1] for one in tried])
    best = rss.argmin(axis=0)
    free = np.stack([one[0] for one in tried])[best, np.arange(len(t))]
    value, _ = _natural(model, free)
    slopes = np.where(known[..., None], _curve(model, value, t)[1], 0.0)
    squares = np.einsum("ptk,ptl->pkl", slopes, slopes)
    spread = np.maximum(rss.min(axis=0) / np.maximum(known.sum(axis=1) - value.shape[1], 1), RULER**2)
    with np.errstate(invalid="ignore"):
        sound = np.linalg.cond(squares) < 1e14
    squares[~sound] = np.eye(value.shape[1])
    variance = np.linalg.inv(squares).diagonal(axis1=1, axis2=2) * spread[:, None]
    return value, np.where(sound[:, None], np.sqrt(np.maximum(variance, 0.0)), np.inf), rss.min(axis=0)


def _descend(
    model: str, start: np.ndarray, t: np.ndarray, y: np.ndarray, known: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    free = np.tile(np.log(start), (len(t), 1))
    if model == "gdphi":
        free[:, 2] = np.log(start[2] / (1 - start[2]))
    damping = np.full(len(t), 1e-2)

    def residual(free: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        value, slope = _natural(model, free)
        made, slopes = _curve(model, value, t)
        gap = np.where(known, y - made, 0.0)
        return gap, np.where(known[..., None], slopes * slope[:, None], 0.0), (gap**2).sum(axis=1)

    gap, slopes, rss = residual(free)
    identity = np.eye(free.shape[1])
    for _ in range(_ITERATIONS):
        squares = np.einsum("ptk,ptl->pkl", slopes, slopes)
        scale = np.einsum("pkk->pk", squares) + 1e-12
        damped = squares + (damping[:, None] * scale)[:, :, None] * identity
        step = np.linalg.solve(damped, np.einsum("ptk,pt->pk", slopes, gap)[..., None])[..., 0]
        tried = np.clip(free + np.clip(step, -2.0, 2.0), _LOWEST, 30.0)
        new_gap, new_slopes, new_rss = residual(tried)
        better = new_rss < rss
        done = better & (rss - new_rss <= 1e-12 * (rss + 1e-12))
        free = np.where(better[:, None], tried, free)
        gap = np.where(better[:, None], new_gap, gap)
        slopes = np.where(better[:, None, None], new_slopes, slopes)
        rss = np.where(better, new_rss, rss)
        damping = np.clip(np.where(better, damping / 3, damping * 4), 1e-9, 1e9)
        if np.all(done | (damping >= 1e8)):
            break
    return free, rss
