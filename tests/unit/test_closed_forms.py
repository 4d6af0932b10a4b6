"""The simulator against closed forms, to the digits at which they were worked out.

Tolerances are half a unit in the last digit given, unless a comment says otherwise. R = 287.05
J/(kg K), gamma = 1.4, 295 K.
"""

import math

import numpy as np
import pytest

from prkbench.sim.chamber import Bench, BenchSpec
from prkbench.sim.elements import LinearConductance, Orifice, Sealed, ViscousCapillary
from prkbench.sim.gas import CV_AIR, PSI, R_AIR
from prkbench.sim.plant import Fill, Passage, Plant, PlantSpec, Reservoir, Vessel
from prkbench.sim.surroundings import Surroundings
from prkbench.sim.transducer import Transducer, TransducerSpec, lag_response

INF = math.inf
STILL = Surroundings(weather_pa_per_sqrt_h=0.0, room_swing=False)


def plant(vessels, passages=(), reservoirs=(), **given):
    return Plant(PlantSpec(vessels, passages, reservoirs, **{"surroundings": STILL, **given}), 1)


def blowdown(element, outside, t_s, p0=1.2e5, gas_tau_s=0.0):
    """One 5 L chamber, its wall held, leaking into a place; its state then, and at first."""
    chamber = Vessel("chamber", 5e-3, p0, gas_tau_s=gas_tau_s, wall_tau_s=INF)
    leak = Passage("leak", element, "chamber", "outside")
    made = plant((chamber,), (leak,), (Reservoir("outside", outside),))
    return made.at(t_s)["chamber"], made.at(0.0)["chamber"]


def test_choked_isothermal_blowdown_is_exponential():
    hole = Orifice(50e-6, cd=1.0)
    tau = 5e-3 / (0.25 * math.pi * 50e-6**2 * PSI * math.sqrt(R_AIR * 295.0))
    assert tau == pytest.approx(12779.98, abs=0.005)
    end, _ = blowdown(hole, "vacuum", 600.0)
    assert end.pressure_pa == pytest.approx(114496.39, abs=0.005)


def test_choked_adiabatic_blowdown_cools():
    end, start = blowdown(Orifice(1e-3, cd=1.0), "vacuum", 60.0, gas_tau_s=INF)
    assert end.pressure_pa / 1.2e5 == pytest.approx(0.107296, abs=5e-7)
    assert end.gas_k == pytest.approx(155.8998, abs=5e-5)
    assert end.mass_kg / start.mass_kg == pytest.approx(0.203029, abs=5e-7)


@pytest.mark.parametrize(
    ("outside", "p0", "t_s", "expected"),
    [
        ("ambient", 1.2e5, 3600.0, 116184.344),
        ("ambient", 3e4, 600.0, 31465.380),
        ("vacuum", 1.2e5, 600.0, 117714.088),
    ],
)
def test_viscous_leak_follows_coth_tanh_and_the_hyperbola(outside, p0, t_s, expected):
    tube = ViscousCapillary(0.1e-3, 50e-3, viscosity_pa_s=1.82e-5)
    kappa = math.pi * 0.1e-3**4 / (256.0 * 1.82e-5 * 50e-3 * 5e-3)
    assert kappa == pytest.approx(2.697109e-10, abs=5e-17)
    end, _ = blowdown(tube, outside, t_s, p0)
    assert end.pressure_pa == pytest.approx(expected, abs=5e-4)


def test_two_volumes_equalise_exponentially():
    large, small = (
        Vessel(name, volume, pressure, gas_tau_s=0.0, wall_tau_s=INF)
        for name, volume, pressure in (("large", 5e-3, 1.2e5), ("small", 2e-3, 1e5))
    )
    joined = plant((large, small), (Passage("path", LinearConductance(1e-7), "large", "small"),))
    later = joined.at(1e4)
    assert later["large"].pressure_pa == pytest.approx(117123.345, abs=5e-4)
    assert later["small"].pressure_pa == pytest.approx(107191.639, abs=5e-4)
    # After 70 time constants nothing is left of the difference.
    end = joined.at(1e6)
    assert end["large"].pressure_pa == pytest.approx(114285.714, abs=5e-4)
    assert end["small"].pressure_pa == pytest.approx(114285.714, abs=5e-4)


def test_sensor_lags_a_step_of_the_gas():
    chamber = Vessel("chamber", 5e-3, 1.2e5, gas_tau_s=150.0, wall_tau_s=INF, wall_k=296.0)
    times = np.arange(0.0, 400.0, 0.5)
    history = plant((chamber,)).series(times)["chamber"]
    at_300 = 600
    assert history["pressure_pa"][at_300] == pytest.approx(120351.728, abs=5e-4)
    assert history["gas_k"][at_300] == pytest.approx(295.864665, abs=5e-7)
    sensor = lag_response(history["gas_k"], 0.5, 240.0, 295.0)
    # The lag sees straight lines of 0.5 s: h^2/(12 tau^2) = 1e-6 of the 1 K step.
    assert sensor[at_300] == pytest.approx(295.461546, abs=1.5e-6)
    error = history["gas_k"] - sensor
    peak = int(error.argmax())
    assert error[peak] == pytest.approx(0.456878, abs=1.5e-6)
    assert times[peak] == 188.0
    assert error[peak] * 1.2e5 / 295.0 == pytest.approx(185.849, abs=1e-3)


def test_two_paths_settle_between_station_and_vacuum():
    volume, a, day = 4.0, 6.268e-7, 86400.0
    paths = (
        Passage("crack", LinearConductance(a * volume), "tunnel", "space"),
        Passage("hatch", LinearConductance(3.0 * a * volume), "station", "tunnel"),
    )
    places = Reservoir("station", 101325.0), Reservoir("space", "vacuum")

    def tunnel(start_pa):
        return plant((Vessel("tunnel", volume, start_pa, gas_tau_s=0.0),), paths, places)

    from_half = tunnel(101325.0 / 2.0)
    assert from_half.at(2.0 * day)["tunnel"].pressure_pa == pytest.approx(59568.913, abs=5e-4)
    # 21 time constants of 4.616 d leave 1e-5 Pa.
    assert from_half.at(100.0 * day)["tunnel"].pressure_pa == pytest.approx(75993.75, abs=5e-3)
    for start, sign in ((101325.0, -1.0), (101325.0 / 2.0, 1.0)):
        # Over 1 s the slope changes by 2.5e-6 of itself; 1 ulp of a pressure is 1e-11 Pa.
        rise = tunnel(start).at(1.0)["tunnel"].pressure_pa - start
        assert rise * 3600.0 == pytest.approx(sign * 228.637836, rel=5e-6)


def test_adiabatic_repress_heats_and_then_cools_back():
    chamber = Vessel("chamber", 5e-3, 5e4, wall_tau_s=INF)
    filled = plant((chamber,), events=(Fill(100.0, "chamber", 101325.0),))
    assert filled.at(99.9)["chamber"].pressure_pa == pytest.approx(5e4)
    assert filled.at(100.0)["chamber"].pressure_pa == pytest.approx(101325.0)
    assert filled.at(100.0)["chamber"].gas_k == pytest.approx(344.9184, abs=5e-5)
    # Forty of the heavier gas's own time constants (1.7 x 150 s) later nothing is left.
    end = filled.at(100.0 + 10200.0)["chamber"]
    assert end.pressure_pa == pytest.approx(86660.714, abs=5e-4)


def test_moving_reference_is_followed_exactly():
    k, volume = 6.268e-7, 5e-3
    moving = Surroundings(weather_pa_per_sqrt_h=0.0, room_swing=False, ambient_ramp_pa_per_h=50.0)
    chamber = Vessel("chamber", volume, 1.2e5, gas_tau_s=0.0, wall_tau_s=INF)
    leaking = plant(
        (chamber,),
        (Passage("leak", LinearConductance(k * volume), "chamber", "room"),),
        (Reservoir("room"),),
        surroundings=moving,
    )
    end = leaking.at(6 * 3600.0)["chamber"].pressure_pa
    ambient, _ = leaking.surroundings.at(6 * 3600.0)
    assert end - ambient == pytest.approx(19433.06887, abs=5e-6)


def test_slope_error_of_an_hour_at_25_hz_is_that_of_white_noise():
    n, rate, sigma = 90000, 25.0, 0.64
    t = np.arange(n) / rate
    spread = math.sqrt(float(np.sum((t - t.mean()) ** 2)))
    assert sigma / spread == pytest.approx(2.052801e-6, abs=5e-13)
    source = Bench(
        BenchSpec(Sealed(), gas_tau_s=0.0, wall_tau_s=INF, surroundings=STILL, residual_rms_k=0.0),
        1,
    ).source("chamber")
    quiet = TransducerSpec(
        offset_pa=0.0,
        tempco_pa_per_k=0.0,
        flicker_pa=0.0,
        noise_pa=sigma,
        lag_s=0.0,
        self_heating_k=0.0,
    )
    sensor = Transducer(source, 5, quiet)
    p = np.array([sensor.measure(x, 16, 2)[0] for x in t.tolist()])
    slope, level = np.polyfit(t - t.mean(), p, 1)
    residual = p - level - slope * (t - t.mean())
    found = math.sqrt(float(np.sum(residual**2)) / (n - 2)) / spread
    # A standard deviation from n values is known to 1/sqrt(2 n) = 0.24 %; four of those.
    assert found == pytest.approx(2.0528e-6, rel=0.01)
    assert abs(slope) < 4.0 * 2.0528e-6


@pytest.mark.parametrize("until_s", [30.0, 86400.0])
def test_a_closed_system_keeps_its_mass_and_energy(until_s):
    hot = Vessel("hot", 5e-3, 1.2e5, 350.0, gas_tau_s=INF)
    cold = Vessel("cold", 2e-3, 4e4, 250.0, gas_tau_s=INF)
    closed = plant(
        (hot, cold),
        (
            Passage("hole", Orifice(1e-3), "hot", "cold"),
            Passage("tube", ViscousCapillary(5e-4, 0.5), "cold", "hot"),
        ),
    )
    both = closed.series(np.linspace(0.0, until_s, 61)).values()
    mass = sum(one["mass_kg"] for one in both)
    # p V = (gamma - 1) U in each.
    energy = sum(one["mass_kg"] * one["air_k"] for one in both) * CV_AIR
    assert np.ptp(mass) < 1e-9 * mass[0]
    assert np.ptp(energy) < 1e-9 * energy[0]
    # Gas did move, and in the end is level: the test is about a process, not about rest.
    end = closed.at(until_s)
    assert end["cold"].mass_kg > 1.2 * closed.at(0.0)["cold"].mass_kg
    assert end["cold"].pressure_pa == pytest.approx(end["hot"].pressure_pa, abs=0.01)
