"""What the published readings of the PrK give at 4.0 m3: name, choked and viscous lb/day."""

import pytest

PAIRS = pytest.mark.parametrize(
    ("name", "choked", "viscous"),
    [
        ("prk_2020_dec", 2.30, 2.60),
        ("prk_2021_feb", 1.58, 2.08),
        ("prk_2021_mar", 1.63, 1.76),
    ],
)
