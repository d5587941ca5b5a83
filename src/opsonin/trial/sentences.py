"""What a virtual trial takes for granted, in sentences for the manifest and the report."""

from __future__ import annotations

from typing import Any

from opsonin.trial.policy_words import listed, policy_words, recovery_words
from opsonin.trial.protocol import Protocol, TumourPlan


def assumptions(protocol: Protocol) -> list[dict[str, Any]]:
    """The manifest's `assumptions` that the trial itself makes (a model's parameters make further ones)."""
    sentences = [
        *_treatment(protocol),
        *_limiting(protocol),
        "Each adverse event happens at most once a patient, with rising grades; events are collected until "
        f"{protocol.event_follow_up_days:g} days after treatment.",
        _accrual(protocol),
        "Patients do not influence one another, and nothing drifts with calendar time. How one patient's outcomes at "
        "different doses hang together cannot be known from data; here it follows from the patient's own parameters.",
        "Every visit takes place on its day until death or drop-out; blood for drug levels is taken while treated.",
        "Who drops out is lost to follow-up: survival is censored on that day, progression at the last scan before it.",
    ]
    if protocol.tumour is not None:
        tumour = protocol.tumour
        round_ = " Lesions are taken to be round." if "Lugano" in tumour.used else ""
        confirmed = "must be confirmed" if tumour.confirm else "need no confirmation"
        sentences.append(
            f"One reader measures every target lesion with a coefficient of variation of {tumour.measurement_cv:.1%} "
            "(Yoon 2016, Eur J Cancer 53:5), to the millimetre; no scan is made after "
            f"{_proven(tumour)}. {listed(tumour.used)} responses {confirmed}; stable disease counts from "
            f"{tumour.minimum_stable_days:g} days.{round_}{_each(protocol)}"
        )
    return [{"sentence": sentence, "parameters": []} for sentence in sentences]


def _limiting(protocol: Protocol) -> list[str]:
    """What limits the dose, where one is looked for."""
    if protocol.arms is not None:
        return []
    rules = ", ".join(rule.text for rule in protocol.dlt) or "none"
    return [
        f"Dose-limiting toxicities ({rules}) count from protocol day 1 for {protocol.dlt_window_days:g} days. "
        + _replacement(protocol)
    ]


def _accrual(protocol: Protocol) -> str:
    """How patients come."""
    arms = protocol.arms
    if arms is None:
        return (
            f"While a cohort is open the next eligible patient comes after {protocol.accrual_days:g} days on average "
            f"(exponential waits); a cohort opens when the one before can be judged.{_watched(protocol)}"
        )
    where = " of an indication" if len(arms.indications) > 1 else ""
    said = f"The next patient{where} comes after {protocol.accrual_days:g} days on average (exponential waits)."
    if arms.count > 1:
        said += " Arms are drawn in permuted blocks; nobody knows them beforehand or changes them."
    if arms.stages > 1:
        said += (
            f" Enrolment pauses at a look until everybody was followed for {arms.response_days:g} days, responded, "
            "progressed or left."
        )
    return f"{said} Everybody is followed for the same time, whenever they came."


def _watched(protocol: Protocol) -> str:
    """How long patients of a cohort wait for those ahead of them."""
    waits = ("the second patient of a cohort", "the first"), ("each further one", "the one ahead")
    said = [
        f"{who} is dosed {days:g} days after {ahead} or later"
        for (who, ahead), days in zip(waits, protocol.gaps, strict=True)
        if days
    ]
    if not said:
        return ""
    text = ", ".join(said) if protocol.sentinel_days else f"from the third of a cohort, {said[0]}"
    return f" {text[0].upper()}{text[1:]}."


def _each(protocol: Protocol) -> str:
    """Which indication is judged by which criteria, where they differ."""
    tumour, arms = protocol.tumour, protocol.arms
    if tumour is None or arms is None or len(tumour.used) == 1:
        return ""
    said = [f"{name} by {one}" for name, one in zip(arms.indications, tumour.criteria, strict=True)]
    return f" Judged are {', '.join(said)}."


def _proven(tumour: TumourPlan) -> str:
    if tumour.used == ("iRECIST",):
        return "progression is confirmed (iRECIST)"
    return "progression (by iRECIST, once it is confirmed)" if "iRECIST" in tumour.used else "progression"


def _treatment(protocol: Protocol) -> list[str]:
    """When treatment stops, and what else is done with doses."""
    if not protocol.policies:
        return [
            f"Treatment stops at once for {_toxic(protocol)}death and for drop-out; for "
            f"{_proven(protocol.tumour) if protocol.tumour else 'progression'} it stops at the scan that "
            "shows it. Doses are not reduced or delayed."
        ]
    recovery = recovery_words(protocol)
    said = [f"{sentence[0].upper()}{sentence[1:]}" for sentence in policy_words(protocol)]
    return [
        "Policies: " + " ".join(said),
        *([recovery] if recovery else []),
        "Readings that a policy looks at are known at the visit itself; visits keep their days though doses are put "
        "off." + _counting(protocol),
    ]


def _counting(protocol: Protocol) -> str:
    if protocol.arms is not None:
        return ""
    return (
        " Patients whose doses were held, reduced or put off count for dose-limiting toxicity like the others; who was "
        "taken off the escalated agent within the window without one does not."
    )


def _toxic(protocol: Protocol) -> str:
    return "an adverse event that meets a DLT rule, in any cycle, for " if protocol.arms is None else ""


def _replacement(protocol: Protocol) -> str:
    if protocol.replace == "nobody":
        return "Patients who leave before the end of the window without one count as without."
    return "Patients who leave or stop treatment before the end of the window without one are replaced."
