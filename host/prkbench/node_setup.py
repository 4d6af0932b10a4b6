"""From a rig file to the node's settings, and back from a run's set-up to Settings."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from prkbench.analysis.conversion import Conversion
from prkbench.errors import DataError, UsageError
from prkbench.law import driving_pressure_pa
from prkbench.sim.rig_element import decay_constant, element_of
from prknode.settings import SettingError, Settings

if TYPE_CHECKING:
    from prkbench.client import NodeClient
    from prkbench.rig import Rig

ADDRESSES = ((0, 0x76), (0, 0x77), (1, 0x76), (1, 0x77))
"""Bus and address of the first to the fourth sensor."""

_NODE_LAW = {"linear": "LINEAR", "viscous": "VISCOUS", "choked": "CHOKED", "sealed": "LINEAR"}
# What Settings takes; a run's set-up says more (versions, trims).
_SETTING_KEYS = frozenset(Settings({"sensors": [{"role": "CHAMBER"}]}).values)


_TRIM_SIZE = 21


def correlation(tau_s: float, step_s: float = 60.0) -> int:
    """Lag-1 correlation times 1024 of rows step_s apart with that correlation time."""
    return min(1020, round(1024 * math.exp(-step_s / tau_s))) if tau_s > 0.0 else 0


def correlation_time_s(rho1024: int, step_s: float = 60.0) -> float:
    """Correlation time that a lag-1 correlation means; a minute where there is none."""
    return -step_s / math.log(rho1024 / 1024) if rho1024 > 376 else step_s


def node_values(rig: Rig) -> dict[str, int | str]:
    """The node's settings (keys of settings.defaults()) that this rig asks for."""
    node = rig.node
    reference = rig.chamber.reference_pressure_pa
    values: dict[str, int | str] = {
        "rate_mhz": round(node.rate_hz * 1000),
        "osr_p": node.oversampling_pressure,
        "osr_t": node.oversampling_temperature,
        "law": _NODE_LAW[rig.law],
        "norm_pa": round(rig.norm_pressure_pa),
        "reference_pa": round(reference),
        "t_ref_mk": round(rig.chamber.temperature_k * 1000),
        "rho1024": correlation(node.correlation_time_s),
        "lag_s": round(node.lag_s),
        "window_min": round(node.window_s / 60),
    }
    sealed_se = sealed_se_per_s(rig)
    if sealed_se:
        values["sealed_se"] = round(sealed_se * 1e18)
    planned = planned_k(rig)
    if planned:
        values["planned"] = round(planned * 1e18)
    if rig.hold is not None:
        values["valve_ms"] = round(rig.hold.opening_limit_s * 1000)
        values["represses_h"] = rig.hold.represses_per_hour
    return values


def sealed_se_per_s(rig: Rig) -> float | None:
    """The sealed-run error for the node's window, 1/s: the rig file's own, else its sealed run's.

    The sealed run's is brought from its pressures to the rig's nominal ones, and widened by
    Student's quantile, since whoever reads the node multiplies its error by 1.96.
    """
    node, sealed = rig.node, rig.sealed_run
    if node.sealed_se_per_s is not None or sealed is None:
        return node.sealed_se_per_s
    chamber = rig.chamber
    inside, outside = chamber.pressure_pa, chamber.reference_pressure_pa
    drive = abs(float(driving_pressure_pa(rig.law, inside, outside, rig.norm_pressure_pa)))
    pressures = chamber.pressure_pa / sealed.pressure_pa
    pressures *= sealed.temperature_k / chamber.temperature_k * sealed.driving_pressure_pa / drive
    return sealed.se_at(node.window_s) * sealed.widening_at(node.window_s) * pressures


def planned_k(rig: Rig) -> float:
    """The decay constant the rig is planned for (its element's, or its limit's), 0 if none."""
    if rig.limit.rate_kg_per_s is not None:
        return Conversion.from_rig(rig).k_per_s(rig.limit.rate_kg_per_s)
    return decay_constant(element_of(rig), rig, rig.chamber.volume_m3)


def node_config(rig: Rig) -> dict[str, Any]:
    """config.json for a node on this rig; UsageError for what no node can be set to."""
    offsets = rig.node.offsets_pa or (0.0,) * len(rig.node.roles)
    sensors = [
        {
            "bus": bus,
            "address": address,
            "role": role.upper(),
            "offset_mpa": round(offset * 1000),
        }
        for (bus, address), role, offset in zip(ADDRESSES, rig.node.roles, offsets, strict=False)
    ]
    config: dict[str, Any] = {**node_values(rig), "sensors": sensors}
    if rig.board is not None and rig.board.valves:
        valves = [{"pin": valve.pin, "role": valve.role.upper()} for valve in rig.board.valves]
        config["board"] = {"valves": valves}
    try:
        Settings(config)
    except SettingError as error:
        raise UsageError(f"the rig cannot be put on a node: {error}; change the rig") from error
    return config


def apply_rig(client: NodeClient, rig: Rig) -> None:
    """Put a rig's settings into force on a node that is not measuring; ScpiRefusal if it cannot."""
    from prknode.catalogue import OFFSET, all_settings

    # What no node takes is the rig's fault, not this node's: said before anything is sent.
    node_config(rig)
    values = node_values(rig)
    items: list[Any] = all_settings()
    for item in items:
        if item.key in values:
            shown = item.show(values[item.key])
            client.command(f"{item.header} {shown}")
    count = int(client.query("SENSe:COUNt?"))
    roles = [role.upper() for role in rig.node.roles]
    if len(roles) != count:
        raise DataError(
            f"{client.port}: the node has {count} sensors, the rig file names {len(roles)} "
            "roles; make node.roles in the rig file match"
        )
    # Free every role first: two sensors may be about to swap.
    for n in range(count):
        client.command(f"SENSe:ROLE{n + 1} SPARE")
    offsets = rig.node.offsets_pa or (0.0,) * count
    for n, (role, offset) in enumerate(zip(roles, offsets, strict=True)):
        client.command(f"SENSe:ROLE{n + 1} {role}")
        client.command(f"CALibration:OFFSet {OFFSET.show(round(offset * 1000))},(@{n + 1})")


def start_command(rig: Rig | None) -> str:
    """What starts a run on this rig, in one line: so no simulated time lies between its parts."""
    if rig is None or rig.hold is None:
        return "INITiate"
    return f"INITiate;:SOURce:PRESsure:HOLD {rig.hold.low_pa:.0f},{rig.hold.high_pa:.0f}"


def settings_of(setup: dict[str, Any]) -> tuple[Settings, list[bytes]]:
    """Settings and trim bytes of a run's set-up; DataError if it is not one of ours."""
    try:
        config = {key: setup[key] for key in setup if key in _SETTING_KEYS}
        config["sensors"] = setup["sensors"]
        trims = [bytes.fromhex(trim) for trim in setup["trims"]]
        if [len(trim) for trim in trims] != [_TRIM_SIZE] * len(setup["sensors"]):
            raise ValueError(f"{_TRIM_SIZE} trim bytes a sensor expected")
        return Settings(config), trims
    except (KeyError, TypeError, ValueError, SettingError) as error:
        what = f"no {error}" if isinstance(error, KeyError) else str(error)
        raise DataError(
            f"the run's set-up cannot be read: {what}; restore the file from a copy"
        ) from error
