import math

import pytest
from inprocess_node import bench_rig

from prkbench.analysis.conversion import Conversion
from prkbench.analysis.prediction import decay_constant, predict
from prkbench.rig import Rig, default_rig
from prkbench.sim.elements import LinearConductance, ViscousCapillary

VISCOUS_KAPPA = 2.697109e-10
"""pi d^4/(256 mu L V) of 0.1 mm x 50 mm on 5 L at mu = 1.82e-5 Pa s: a closed form of physics."""


def rig(element: dict[str, object], mode: str = "A", **chamber: object) -> Rig:
    return Rig.model_validate(
        {
            "rig": {"name": "test", "mode": mode},
            "chamber": {"volume": "5.0 L", "temperature": "295 K", **chamber},
            "element": element,
        }
    )


def test_a_conductance_over_the_volume_is_the_decay_constant() -> None:
    predicted = predict(rig({"law": "linear", "conductance": "5e-8 m3/s"}))
    # k = C/V = 5e-8/5e-3.
    assert predicted.k_per_s == pytest.approx(1e-5, rel=1e-12)


def test_a_capillarys_k_is_twice_kappa_times_the_norm_pressure() -> None:
    """dp/dt = -kappa (p^2 - p_ref^2) = -k (p^2 - p_ref^2)/(2 p_N), so k = 2 kappa p_N."""
    bench = rig({"law": "viscous", "diameter": "0.1 mm", "length": "50 mm"})
    capillary = ViscousCapillary(1e-4, 0.05, viscosity_pa_s=1.82e-5)
    k = decay_constant(capillary, bench, 5e-3)
    assert bench.norm_pressure_pa == 110000.0
    assert k == pytest.approx(2.0 * VISCOUS_KAPPA * 110000.0, rel=1e-6)


def test_a_choked_hole_empties_the_chamber_with_the_closed_forms_time_constant() -> None:
    """tau = V/(Cd A psi sqrt(R T)) = 12779.98 s for 50 um, Cd 1 on 5 L at 295 K."""
    bench = rig(
        {"law": "choked", "diameter": "0.05 mm", "cd": 1.0}, "C", reference_pressure="1 hPa"
    )
    assert predict(bench).k_per_s == pytest.approx(1.0 / 12779.98, rel=1e-6)


def test_no_element_means_no_leak_and_no_uncertainty_of_it() -> None:
    predicted = predict(rig({"law": "sealed"}))
    assert (predicted.k_per_s, predicted.u_per_s, predicted.parts) == (0.0, 0.0, ())


def test_uncertainties_add_in_quadrature() -> None:
    predicted = predict(
        rig(
            {"law": "linear", "conductance": "5e-8 m3/s", "uncertainty": "3 %"},
            volume_uncertainty="4 %",
        )
    )
    parts = dict(predicted.parts)
    assert parts["leak element"] == 0.03
    assert parts["chamber volume"] == 0.04
    # A conductance does not know the temperature: Q is pV flow, which leaves V and k alone.
    assert parts["element temperature, 1 K"] == pytest.approx(0.0, abs=1e-12)
    assert predicted.u_per_s == pytest.approx(0.05 * predicted.k_per_s, rel=1e-9)


def test_a_degree_changes_a_capillary_by_the_viscosity_of_air() -> None:
    predicted = predict(bench_rig())
    # Sutherland at 295 K: d ln mu/d ln T = 0.77, so 0.77/295 = 0.26 % per kelvin.
    assert dict(predicted.parts)["element temperature, 1 K"] == pytest.approx(0.0026, abs=2e-4)


def test_the_prks_own_volume_stays_out_of_the_benchs_prediction() -> None:
    bench = bench_rig()
    other = Rig.model_validate(
        {**bench.model_dump(by_alias=True, mode="json", exclude_none=True),
         "prk": {"volume": "2.5 m3"}}
    )  # fmt: skip
    assert predict(other) == predict(bench)


@pytest.mark.parametrize("lb_per_day", [0.2, 1.0, 2.4, 3.7])
def test_the_demos_element_leaks_what_was_asked_for(lb_per_day: float) -> None:
    bench = bench_rig(lb_per_day)
    predicted = predict(bench)
    rate = Conversion.from_rig(bench).rate_lb_per_day(predicted.k_per_s)
    # The bore is written to nine digits: four times that in the flow.
    assert rate == pytest.approx(lb_per_day, rel=1e-7)


def test_the_documented_bench_leaks_one_pound_a_day() -> None:
    bench = default_rig()
    rate = Conversion.from_rig(bench).rate_lb_per_day(predict(bench).k_per_s)
    assert rate == pytest.approx(1.0, abs=0.001)


def test_a_leak_inward_has_a_positive_decay_constant() -> None:
    bench = rig({"law": "linear", "conductance": "5e-8 m3/s"}, "B", pressure="500 hPa")
    assert predict(bench).k_per_s == pytest.approx(1e-5, rel=1e-12)
    assert decay_constant(LinearConductance(5e-8), bench, 10e-3) == pytest.approx(5e-6)
    assert math.isfinite(predict(bench).u_per_s)
