import math

import pytest

from prkbench.sim import gas


def test_choked_factor_and_critical_ratio_are_those_of_air():
    assert pytest.approx(0.684731, abs=5e-7) == gas.PSI
    assert pytest.approx(0.528282, abs=5e-7) == gas.CRITICAL_RATIO
    # 0.040415 in the SI form of the choked law, to its last digit.
    assert gas.PSI / math.sqrt(gas.R_AIR) == pytest.approx(0.040415, abs=5e-7)


def test_viscosity_is_1_82e_5_at_293_k_and_follows_sutherland():
    assert gas.viscosity_pa_s(293.0) == pytest.approx(1.82e-5, rel=1e-12)
    # Tabulated dry air (Kadoya 1985): 1.846e-5 at 300 K, 2.286e-5 at 400 K; Sutherland is
    # good to 2 %, the anchor at 293 K to 0.5 %.
    assert gas.viscosity_pa_s(300.0) == pytest.approx(1.846e-5, rel=0.01)
    assert gas.viscosity_pa_s(400.0) == pytest.approx(2.286e-5, rel=0.02)


def test_mean_free_path_at_room_conditions_is_66_nm_and_grows_as_pressure_falls():
    # 66 to 68 nm at 101325 Pa and 293 K in the usual tables (Jennings 1988: 65.4 nm).
    path = gas.mean_free_path_m(101325.0, 293.0)
    assert path == pytest.approx(66e-9, rel=0.03)
    assert gas.mean_free_path_m(1013.25, 293.0) == pytest.approx(100.0 * path)
    assert gas.mean_free_path_m(0.0, 293.0) == math.inf


def test_density_of_room_air():
    assert gas.density_kg_m3(101325.0, 293.15) == pytest.approx(1.204, abs=5e-4)


def test_specific_heats_differ_by_the_gas_constant():
    assert pytest.approx(gas.R_AIR, rel=1e-12) == gas.CP_AIR - gas.CV_AIR
