from opsonin import trial
from trial import small


def test_what_is_taken_for_granted_carries_the_protocols_own_numbers():
    text = " ".join(a["sentence"] for a in trial.assumptions(small.small_protocol()))
    for phrase in ("fatigue >= 3", "for 21 days", "14 days on average", "6.1%", "need no confirmation", "are replaced"):
        assert phrase in text
    alone = trial.assumptions(small.small_protocol(replace="nobody", tumour=None))
    assert not any("reader" in a["sentence"] for a in alone)
    assert any("count as without" in a["sentence"] for a in alone)


def test_public_names_are_there():
    for name in trial.__all__:
        assert callable(getattr(trial, name)), name
