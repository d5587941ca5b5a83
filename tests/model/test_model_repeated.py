"""A module repeated at further sites: its own names get the site's, what is shared stays one."""

import numpy as np
import pytest

from opsonin.errors import ModelError
from opsonin.model import (
    Administration,
    Hazard,
    Model,
    Modulation,
    Module,
    Observable,
    Parameter,
    Process,
    Quantity,
    Signal,
    Species,
    laws,
)
from small_models import parameter

SITES = ("lesion 1", "lesion 2", "lesion 3")


def tumour():
    """Cells that grow, are killed by T cells from blood, and draw them in."""
    return Module(
        "tumour",
        [
            parameter("growth", 0.02, "1/day", meaning="of the tumour"),
            parameter("kill", 1e-9, "1/day"),
            parameter("supply", 5.0, "1/day"),
            Signal("appetite", meaning="factor on killing"),
            Species("C", "1", 1e6, meaning="tumour cells"),
            Species("T", "1", 100.0, meaning="T cells in blood"),
            Quantity("contacts", lambda C, T: C * T, "dimensionless"),
            Process("division", lambda C, growth: growth * C, produces="C"),
            Process("killing", lambda contacts, kill, appetite: kill * contacts * appetite, consumes="C"),
            Process("thymus", lambda supply: supply, produces="T"),
            Hazard("bleeding", lambda C, kill: kill * C, "tumour haemorrhage"),
            Observable("lesion diameter", "lesions", lambda C: C, "dimensionless"),
            Administration("virus", "intratumoural", into="C"),
        ],
        title="Tumour",
    )


def common():
    return Module("common", [Signal("burden", "sum", meaning="cells of all lesions")])


def with_sites(shared):
    counted = [*tumour().parts, Modulation("burden", lambda C: C)]
    module = Module("tumour", counted, title="Tumour")
    return Model([common(), *(module.at(site, shared) for site in SITES)])


def test_every_name_of_the_module_gets_the_sites():
    made = tumour().at("lesion 2")
    assert made.name == "tumour at lesion 2"
    assert made.title == "Tumour, lesion 2"
    assert [part.name for part in made.parts] == [
        "growth_at_lesion_2", "kill_at_lesion_2", "supply_at_lesion_2", "appetite_at_lesion_2", "C_at_lesion_2",
        "T_at_lesion_2", "contacts_at_lesion_2", "division at lesion 2", "killing at lesion 2", "thymus at lesion 2",
        "bleeding at lesion 2", "lesion diameter at lesion 2", "virus, intratumoural at lesion 2",
    ]  # fmt: skip
    parts = list(made.parts)
    assert parts[4].meaning == "tumour cells, lesion 2"
    assert parts[10].term == "tumour haemorrhage"


def test_a_repeated_module_alone_behaves_as_the_module_itself():
    times = np.array([0.0, 10.0, 50.0])
    once, moved = Model([tumour()]), Model([tumour().at("brain")])
    assert moved.reference(moved.symbolic.typical, [], times) == pytest.approx(
        once.reference(once.symbolic.typical, [], times), rel=1e-12
    )


def test_what_is_shared_is_one_and_a_part_that_touches_only_that_is_one_too():
    made = with_sites([Parameter, "T", "appetite"])
    symbolic = made.symbolic
    assert symbolic.species == ("C_at_lesion_1", "T", "C_at_lesion_2", "C_at_lesion_3")
    assert symbolic.constants == ("growth", "kill", "supply")
    assert [part.name for part, _ in made.parts(Signal)] == ["burden", "appetite"]
    assert [name for name in symbolic.stoichiometry if "thymus" in name] == ["thymus"]
    states = made.reference(symbolic.typical, [], np.array([0.0, 10.0]))
    assert states[-1, 1] == pytest.approx(100 + 5 * 10)


def test_one_modulation_of_a_shared_signal_reaches_every_site():
    drug = Module("drug", [parameter("twice", 2.0, ""), Modulation("appetite", lambda twice: twice)])
    made = Model([with_sites([Parameter, "T", "appetite"]), drug])
    for site in ("1", "2", "3"):
        name = f"C_at_lesion_{site}"
        rate = made.symbolic.rates[made.symbolic.species.index(name)]
        values = dict.fromkeys(made.symbolic.state_symbols, 1.0) | {
            symbol: {"twice": 2.0, "kill": 1.0, "growth": 0.0, "supply": 0.0}[symbol.name]
            for symbol in made.symbolic.constant_symbols
        }
        assert float(rate.xreplace(values)) == -2.0


def test_a_shared_sum_adds_up_what_the_sites_contribute():
    made = with_sites([Parameter, "T", "appetite"])
    assert str(made.symbolic.coherent["signal burden"]) == "C_at_lesion_1 + C_at_lesion_2 + C_at_lesion_3"
    burden = Module("seen", [Observable("burden", "measurements", lambda burden: burden, "dimensionless")])
    seen = Model([made, burden])
    states = np.zeros((1, 1, len(seen.symbolic.states)))
    states[0, 0, [0, 2, 3]] = [1.0, 20.0, 300.0]
    assert seen.observe(["burden"], states, seen.symbolic.typical[None, :], np.zeros(1))[0, 0, 0] == 321.0
    row = next(row for row in seen.explain()["signals"] if row["name"] == "burden")
    assert row["equation"] == "C_at_lesion_1 + C_at_lesion_2 + C_at_lesion_3"
    assert [contribution["module"] for contribution in row["modulations"]] == [f"tumour at {site}" for site in SITES]


def test_contributions_to_a_sum_may_be_in_units_of_their_own():
    signal = Module("common", [Signal("loss", "sum", "mg/day")])
    shed = Module("site", [parameter("shed", 3.0, "µg/h"), Modulation("loss", lambda shed: shed)])
    out = Module("out", [Species("a", "mg"), Process("loss", lambda loss: loss, produces="a")])
    made = Model([signal, shed.at("left"), shed.at("right"), out])
    assert made.reference(made.symbolic.typical, [], np.array([0.0, 1.0]))[-1, 0] == pytest.approx(2 * 0.003 * 24)


def test_a_sum_that_nothing_adds_to_is_nought_in_its_unit():
    signal = Module("common", [Signal("loss", "sum", "mg/day")])
    out = Module("out", [Species("a", "mg", 2.0), Process("loss", lambda loss: loss, produces="a")])
    assert Model([signal, out]).symbolic.rates[0] == 0


def test_modules_repeated_together_know_each_other_at_the_site():
    t_cells = Module("t cells", [Species("E", "1", 5.0), Process("entry", lambda growth, C: growth * C, produces="E")])
    made = Model([tumour(), t_cells]).at("liver", ["T"])
    assert [module.name for module in made.modules] == ["tumour at liver", "t cells at liver"]
    assert "C_at_liver" in {symbol.name for symbol in made.symbolic.written["process entry at liver"].free_symbols}


def test_what_a_module_only_reads_keeps_its_name():
    seen = Module("seen", [Quantity("half", lambda C: C / 2, "1")]).at("left")
    assert str(Model([tumour(), seen]).symbolic.written["quantity half_at_left"]) == "C/2"


def test_a_site_may_have_numbers_of_its_own():
    slow = tumour().replacing(parameter("growth", 0.001, "1/day")).at("lesion 2", ["T", "kill", "supply", "appetite"])
    made = Model([tumour(), slow])
    typical = dict(zip(made.symbolic.constants, made.symbolic.typical, strict=True))
    assert typical == {"growth": 0.02, "kill": 1e-9, "supply": 5.0, "growth_at_lesion_2": 0.001}
    with pytest.raises(ModelError, match=r"module 'tumour' .* parameter 'grwth'.*did you mean 'growth'"):
        tumour().replacing(parameter("grwth", 0.001, "1/day"))


def test_sites_may_be_nested_and_chains_repeated():
    chain = Module("delay", [parameter("time", 2.0, "day"), laws.transit("step", 2, "time", "mg")])
    made = Model([chain.at("clone A").at("liver", ["time_at_clone_A"])])
    assert made.symbolic.species == ("step_1_at_clone_A_at_liver", "step_2_at_clone_A_at_liver")
    assert made.symbolic.constants == ("time_at_clone_A",)


def test_the_order_in_which_sites_are_declared_does_not_matter_to_any():
    shared = [Parameter, "T", "appetite"]
    one = Model([common(), *(tumour().at(site, shared) for site in SITES)])
    other = Model([*(tumour().at(site, shared) for site in reversed(SITES)), common()])
    times = np.array([0.0, 30.0])
    first = dict(zip(one.symbolic.states, one.reference(one.symbolic.typical, [], times)[-1], strict=True))
    second = dict(zip(other.symbolic.states, other.reference(other.symbolic.typical, [], times)[-1], strict=True))
    assert first == pytest.approx(second, rel=1e-9)


@pytest.mark.parametrize("site", ["", "lesion-2", "two  spaces", " left", "left_right"])
def test_a_site_that_makes_no_name_is_refused(site):
    with pytest.raises(ModelError, match="words of letters and digits"):
        tumour().at(site)


def test_what_cannot_be_shared_is_named():
    with pytest.raises(ModelError, match=r"'left' is to share 'aptite', .*did you mean 'appetite'"):
        tumour().at("left", ["aptite"])
    with pytest.raises(ModelError, match=r"give a list of names: \['T'\]"):
        tumour().at("left", "T")
    with pytest.raises(ModelError, match=r"quantity 'contacts' .* is shared by the sites but uses C, which 'left'"):
        tumour().at("left", ["contacts", "T"])
    again = Module("again", [*tumour().parts, Modulation("appetite", lambda T: 1 + T)])
    with pytest.raises(ModelError, match=r"modulation of 'appetite' .* uses nothing of its own at 'left'"):
        again.at("left", ["appetite", "T"])
