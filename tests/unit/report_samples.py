"""Outcomes as an analysis would hand them to the report, from a closed-form decay."""

from typing import Any

import numpy as np

from prkbench.analysis.outcome import BudgetLine, Check, EventNote, Outcome, Series

K_PER_S = 1.0955e-4
"""1 lb/day of the PrK at an acceleration of 100."""


def decay_series(count: int = 720, seed: int = 5, step_h: float = 1 / 60) -> Series:
    """120 kPa leaking to 100 kPa, a room that breathes, a repress half-way, noise."""
    rng = np.random.default_rng(seed)
    t_h = (np.arange(count) + 0.5) * step_h
    half = t_h[-1] / 2 if count else 0.0
    since_h = np.where(t_h < half, t_h, t_h - half)
    reference = 1e5 + 40 * t_h + 15 * np.sin(t_h)
    fit = 1e5 + 2e4 * np.exp(-K_PER_S * 3600 * since_h)
    residual = rng.normal(0, 0.6, count) + 2 * np.sin(t_h * 5)
    used = since_h > 0.5
    residual = np.where(used, residual, residual + 60 * np.exp(-since_h / 0.1))
    p_t = fit + residual
    temperature = 295 + 0.3 * np.sin(t_h * 2 * np.pi / 0.4) + 0.05 * t_h
    se = K_PER_S * 0.4 / np.maximum(t_h, 0.05) ** 1.5
    k = K_PER_S + 0.5 * se * np.sin(t_h * 9)
    return Series(
        t_h=t_h,
        pressure_pa=p_t * temperature / 295,
        reference_pa=reference,
        temperature_k=temperature,
        p_t_pa=p_t,
        fit_pa=np.where(used, fit, np.nan),
        residual_pa=residual,
        used=used,
        k_t_h=t_h,
        k_per_s=k,
        k_se_per_s=se,
    )


def outcome(**changes: Any) -> Outcome:
    """A verified demo of a 1 lb/day leak; ``changes`` replace fields."""
    fields: dict[str, Any] = {
        "title": "Demo: doubled leak, bench scale",
        "verdict": "LEAK",
        "sentence": "The chamber leaks 1.004 lb/day (95 %: 0.982 to 1.026), as predicted.",
        "k_per_s": 1.0999e-4,
        "k_se_per_s": 1.2e-6,
        "rate_lb_per_day": 1.004,
        "rate_kg_per_day": 0.4554,
        "interval95_lb_per_day": (0.982, 1.026),
        "interval95_with_volume_lb_per_day": (0.516, 1.898),
        "upper_limit95_lb_per_day": 1.022,
        "law": {"name": "linear", "assumed": False, "exponent": 1.03, "interval95": [0.97, 1.09]},
        "conditions": "4.0 m³ at 101.325 kPa and 295 K into vacuum, acceleration 100",
        "samples": 86400,
        "blocks": 720,
        "gaps": 0,
        "duration_s": 43200.0,
        "reasons": ["The lower bound of the rate is above zero by 90 standard errors."],
        "checks": [
            Check("Integrity", True, "every sequence unbroken, every CRC and the chain right"),
            Check("Replay", True, "720 of 720 results bit-exact"),
            Check("Independent estimate", True, "k differs by 0.3 standard errors"),
            Check("Prediction", False, "E_n = 1.21 where at most 1 was expected"),
            Check("Calibration date", None, "no calibrated element in this rig"),
        ],
        "budget": [
            BudgetLine("Scatter of p_T (correlated)", 0.0092, "GLS, 60 min"),
            BudgetLine("Difference p − p_ref", 0.0015, "30 Pa, not nulled"),
            BudgetLine("Chamber volume", 0.004, "5.00 L by expansion"),
        ],
        "events": [
            EventNote(6.0, "REPRESS", "recognised by the node"),
            EventNote(8.2, "MARK", "door opened by the cleaner"),
        ],
        "en": 0.42,
        "u_over_x": 0.041,
        "k_predicted_per_s": 1.0955e-4,
        "k_predicted_se_per_s": 1.5e-6,
        "rate_true_lb_per_day": 1.0,
        "replay_exact": True,
        "device": {
            "short": {
                "k_per_s": 1.0997e-4,
                "k_se_per_s": 1.3e-6,
                "rate_lb_per_day": 1.0038,
                "se_lb_per_day": 0.0119,
                "basis": "BATCH",
                "rows": 360,
                "window_min": 360,
            }
        },
        "simulated": True,
        "head": "9f2c5b71d2a4e8830c6d1b7f4e5a9c2038d7f6e1b4a5c9d8e7f60123456789ab",
        "provenance": {"prkbench": "0.1.0", "interpreter": "MicroPython 1.28.0 (unix)"},
        "series": decay_series(),
    }
    return Outcome(**{**fields, **changes})
