"""Elements in a rig file: built, written back, mistakes located, and the law the node is set to."""

import pytest

from prkbench.errors import UsageError
from prkbench.law import nearest_law
from prkbench.rig import Rig, parse_rig
from prkbench.sim.elements import (
    CalibratedTable,
    LaminarSlot,
    LinearConductance,
    MolecularTube,
    Orifice,
    Parallel,
    Sealed,
    Series,
    TransitionTube,
    ViscousCapillary,
    needle,
)
from prkbench.sim.rig_element import decay_constant, element_of

MODES = {"A": (120000, 100000), "B": (30000, 100000), "C": (101300, 500)}
COMBINED = """law = "parallel"
[[element.elements]]
law = "viscous"
diameter = "0.1 mm"
length = "1 m"
[[element.elements]]
law = "series"
[[element.elements.elements]]
law = "orifice"
diameter = "0.02 mm"
[[element.elements.elements]]
law = "linear"
conductance = "1e-7 m3/s"
"""


def rig_text(element: str, mode: str = "A") -> str:
    inside, outside = MODES[mode]
    return (
        f'[rig]\nname = "x"\nmode = "{mode}"\n[chamber]\npressure = "{inside} Pa"\n'
        f'reference_pressure = "{outside} Pa"\n[element]\n{element}'
    )


def rig_of(element: str, mode: str = "A") -> Rig:
    return parse_rig(rig_text(element, mode), "rig.toml")


@pytest.mark.parametrize(
    ("text", "element"),
    [
        ('law = "linear"\nconductance = "1e-7 m3/s"', LinearConductance(1e-7)),
        ('law = "viscous"\ndiameter = "0.5 m"\nlength = "2 m"', ViscousCapillary(0.5, 2.0)),
        (
            'law = "viscous"\ndiameter = "0.5 m"\nlength = "2 m"\nends = true',
            ViscousCapillary(0.5, 2.0, ends=True),
        ),
        ('law = "needle"\ngauge = "34G"\nlength = "0.5 m"', needle("34G", 0.5)),
        (
            'law = "slot"\nwidth = "0.25 m"\ngap = "0.5 m"\nlength = "2 m"\nends = true',
            LaminarSlot(0.25, 0.5, 2.0, ends=True),
        ),
        ('law = "molecular"\ndiameter = "0.5 m"\nlength = "2 m"', MolecularTube(0.5, 2.0)),
        ('law = "transition"\ndiameter = "0.5 m"\nlength = "2 m"', TransitionTube(0.5, 2.0)),
        ('law = "choked"\ndiameter = "0.5 m"\ncd = 0.7', Orifice(0.5, 0.7)),
        ('law = "orifice"\ndiameter = "0.5 m"', Orifice(0.5, 0.8)),
        (
            'law = "table"\ndifferences = ["10 Pa", "30000 Pa"]\nthroughputs = ["0.5 Pa m3/s", '
            '"2 Pa m3/s"]\nuncertainty = "3 %"\ntemperature = "290 K"\ndownstream = "100000 Pa"',
            CalibratedTable((10.0, 30000.0), (0.5, 2.0), 0.03, 290.0, 100000.0),
        ),
        (
            COMBINED,
            Parallel(
                (
                    ViscousCapillary(1e-4, 1.0),
                    Series((Orifice(2e-5), LinearConductance(1e-7))),
                )
            ),
        ),
        ('law = "sealed"', Sealed()),
    ],
)
def test_each_table_builds_its_element_and_reads_back_equal(text, element):
    rig = rig_of(text)
    assert element_of(rig) == element
    again = parse_rig(rig.to_toml(), "again")
    assert again == rig
    assert element_of(again) == element


SLOT = 'law = "slot"\nwidth = "1 mm"\ngap = "20 um"\nlength = "2 mm"'
TABLE = (
    'law = "table"\ndifferences = ["100 hPa", "1100 hPa"]\n'
    'throughputs = ["1e-3 Pa m3/s", "11e-3 Pa m3/s"]'
)


@pytest.mark.parametrize(
    ("text", "laws"),
    [
        ('law = "linear"\nconductance = "1e-7 m3/s"', "linear linear linear"),
        ('law = "viscous"\ndiameter = "0.1 mm"\nlength = "1 m"', "viscous viscous viscous"),
        ('law = "needle"\ngauge = "34G"\nlength = "12.7 mm"', "viscous viscous viscous"),
        (SLOT, "viscous viscous viscous"),
        ('law = "molecular"\ndiameter = "1 um"\nlength = "1 mm"', "linear linear linear"),
        ('law = "transition"\ndiameter = "5 um"\nlength = "1 mm"', "viscous viscous viscous"),
        ('law = "transition"\ndiameter = "5 nm"\nlength = "1 mm"', "linear linear linear"),
        ('law = "orifice"\ndiameter = "0.02 mm"', "linear viscous choked"),
        (
            COMBINED.replace("0.1 mm", "0.01 mm").replace("e-7 m3/s", "e-6 m3/s"),
            "linear viscous choked",
        ),
        (TABLE, "linear linear linear"),
    ],
)
def test_the_node_is_set_to_the_nearest_law(text, laws):
    for mode, law in zip("ABC", laws.split(), strict=True):
        rig = rig_of(text, mode)
        assert rig.law == law, mode
        assert decay_constant(element_of(rig), rig, 5e-3) > 0.0


def test_stated_laws_stay_as_they_are_stated():
    assert rig_of('law = "choked"\ndiameter = "0.02 mm"').law == "choked"
    assert rig_of('law = "sealed"').law == "sealed"


def test_the_nearest_law_is_the_law_itself_where_the_flow_obeys_one():
    p = [1.2e5, 1.15e5, 1.1e5, 1.06e5]
    for choked in (False, True):
        squares = [x * x - 1e10 for x in p]
        assert nearest_law(p, 1e5, squares, 1.1e5, choked=choked) == "viscous"
        straight = [3.0 * (x - 1e5) for x in p]
        assert nearest_law(p, 1e5, straight, 1.1e5, choked=choked) == "linear"
    assert nearest_law(p, 1e4, [2.0 * x for x in p], 6e4, choked=True) == "choked"
    # Nearly the same flow, but not from a throat that is choked; and choked on its way in.
    assert nearest_law(p, 1e4, [2.0 * x for x in p], 6e4, choked=False) == "linear"
    rising = [3e4, 4.75e4, 6.5e4, 7.9e4]
    assert nearest_law(rising, 1e5, [1.0] * 4, 6.5e4, choked=True) == "viscous"


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        (
            COMBINED.replace("0.02 mm", "2"),
            ["line 17: element.elements.1.elements.0.diameter: '2'"],
        ),
        (
            COMBINED.replace("conductance", "condutance"),
            ["element.elements.1.elements.1", "missing"],
        ),
        (
            COMBINED.replace('length = "1 m"', 'lenth = "1 m"'),
            ["element.elements.0", "missing"],
        ),
        (
            COMBINED.replace('length = "1 m"', 'length = "1 m"\nlenth = "1 m"'),
            ["line 13: element.elements.0.lenth: unknown key, did you mean 'length'?"],
        ),
        (COMBINED.replace('"orifice"', '"orifce"'), ["'orifce'", "orifice, table"]),
        (
            COMBINED + 'uncertainty = "1 %"\n',
            ["element.elements.1", "element 2 states an uncertainty", "once, for the whole"],
        ),
        ('law = "parallel"\nelements = []', ["line 7: element: Parallel: 0 elements"]),
        ('law = "needle"\ngauge = "99G"\nlength = "1 cm"', ["line 7: element: ", "'99G'", "34G"]),
        (TABLE.replace("11e-3", "1e-4"), ["line 7: element: ", "throughput_pa_m3_s", "larger"]),
        (TABLE.replace("1100 hPa", "110 hPa"), ["calibrated to 11000 Pa", "20000 Pa apart"]),
        ('law = "orifice"\ndiameter = "0.1 mm"\ncd = 1.5', ["line 10: element.cd: found 1.5"]),
        ('law = "slot"\nwidth = "0 mm"\ngap = "1 um"\nlength = "1 mm"', ["element.width"]),
    ],
)
def test_a_mistake_in_an_element_is_located(text, parts):
    with pytest.raises(UsageError) as caught:
        rig_of(text)
    message = str(caught.value)
    assert message.startswith("rig.toml: ")
    assert "\n" not in message
    for part in parts:
        assert part in message


def test_a_choked_inflow_is_no_decay():
    with pytest.raises(UsageError, match=r"constant rate.*law = 'orifice'"):
        rig_of('law = "choked"\ndiameter = "0.02 mm"', "B")
