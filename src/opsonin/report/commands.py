"""The commands that make a cohort's, a plan's or an explanation's results again."""

import shlex
from typing import Any

PLAN = {
    "group": "--group",
    "weight": "--weight",
    "null_rate": "--null",
    "target_rate": "--target",
    "control_median_months": "--control-median",
    "control_events": "--control-events",
    "planned_ratio": "--ratio",
    "alpha": "--alpha",
    "goal": "--power",
    "accrual_months": "--accrual",
    "follow_up_months": "--follow-up",
    "dropout_per_year": "--dropout",
    "prior_sd": "--doubt",
    "largest": "--largest",
    "enrich": "--enrich",
    "day": "--day",
    "cut": "--cut",
    "trials": "--trials",
}


def plan_command(asked: dict[str, Any], seed: int | None) -> str:
    """`opsonin plan` as it was called, RESULTS standing for its folder."""
    parts = ["opsonin plan RESULTS", f"--endpoint {shlex.quote(str(asked.get('endpoint', 'PFS')))}"]
    for name, option in PLAN.items():
        value = asked.get(name)
        if name in asked and value is None and name == "prior_sd":
            parts.append("--doubt 0")
        elif value is not None:
            parts.append(f"{option} {shlex.quote(str(value))}")
    return " ".join([*parts, *_seed(seed)])


def cohort_command(asked: dict[str, Any], data: str, seed: int | None) -> str:
    """`opsonin cohort` as it was called.   data: what stands for its data, the mapping with it."""
    parts = [f"opsonin cohort {data}"]
    for name, option in (("outcome", "--outcome"), ("markers", "--markers"), ("adjust", "--adjust")):
        parts += _option(option, asked.get(name))
    parts += _option("--categories", asked.get("categories"))
    parts += _option("--at", asked.get("at_months"))
    return " ".join([*parts, *_seed(seed)])


def why_command(asked: dict[str, Any], seed: int | None) -> str:
    """`opsonin why` as it was called, study.toml standing for its study."""
    parts = ["opsonin why study.toml"]
    for text in asked.get("change") or []:
        parts += _option("--change", text)
    for name, usual in (("outcome", "response"), ("level", 1), ("early", None)):
        if asked.get(name, usual) != usual:
            parts += _option(f"--{name}", asked[name])
    return " ".join([*parts, *_seed(seed), "--out results/again"])


def _option(option: str, value: Any) -> list[str]:
    text = ",".join(map(str, value)) if isinstance(value, list | tuple) else "" if value is None else str(value)
    return [f"{option} {shlex.quote(text)}"] if text else []


def _seed(seed: int | None) -> list[str]:
    return [] if seed is None else [f"--seed {seed}"]
