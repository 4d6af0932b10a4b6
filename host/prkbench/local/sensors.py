"""The sensors on a bridge: which there are, how fast it reaches them, and the node they make."""

from __future__ import annotations

import hashlib
import statistics
import time
from dataclasses import dataclass
from typing import Any

from prkbench.errors import DeviceError, UsageError
from prkbench.local.register_bus import RegisterBus
from prkbench.node_setup import node_config
from prkbench.rig import Rig
from prknode.bmp390 import BMP388_ID, BMP390_ID, conversion_us
from prknode.catalogue import defaults
from prknode.settings import ADAFRUIT, FASTEST_FORCED_MHZ, SettingError, Settings

ADDRESSES = (0x76, 0x77)
TRANSFERS = 4
"""What a reading by Adafruit's library takes: trigger, status, data, and our look at the event."""

_CHIP_ID, _NVM, _NVM_SIZE = 0x00, 0x31, 21
_TIMED = 5
_SPARE = 1.25
"""The bridge shares its USB line with others, and its computer with other programs."""
_POLL_US = 1200
_ROLES = ("CHAMBER", "AMBIENT")
_DEFAULTS: dict[str, Any] = defaults()


@dataclass(frozen=True)
class Found:
    """Sensors by address with their trim bytes; transfer_s: how long a register read takes."""

    trims: dict[int, bytes]
    transfer_s: float

    @property
    def unique_id(self) -> str:
        """The node's name: the chips' trim bytes are theirs alone, whatever bridge they are on."""
        digest = hashlib.sha256(b"".join(self.trims.values())).hexdigest()
        return f"i2c-{digest[:12]}"

    def fastest_mhz(self, count: int, osr_p: int, osr_t: int) -> int:
        """Highest rate in millihertz at which the bridge reads that many sensors."""
        converting = 1.0625 * conversion_us(osr_p, osr_t) + _POLL_US
        period_us = converting + _SPARE * TRANSFERS * count * self.transfer_s * 1e6
        return min(FASTEST_FORCED_MHZ, int(1e9 / period_us))


def find(bus: RegisterBus) -> Found:
    """Look for sensors at both addresses; DeviceError when there is none."""
    trims = {}
    times = []
    for address in ADDRESSES:
        try:
            one = bytearray(1)
            bus.readfrom_mem_into(address, _CHIP_ID, one)
            if one[0] not in (BMP390_ID, BMP388_ID):
                continue
            trim = bytearray(_NVM_SIZE)
            bus.readfrom_mem_into(address, _NVM, trim)
            for _ in range(_TIMED):
                before = time.perf_counter()
                bus.readfrom_mem_into(address, _CHIP_ID, one)
                times.append(time.perf_counter() - before)
        except OSError:
            continue
        trims[address] = bytes(trim)
    if not trims:
        raise DeviceError(
            "no BMP390 or BMP388 answers at 0x76 or 0x77 on the bridge; "
            "check wiring, supply and that CSB is high"
        )
    return Found(trims, statistics.median(times))


def config_for(found: Found, rig: Rig | None) -> dict[str, Any]:
    """config.json of a node with these sensors on this rig, or with the defaults.

    DeviceError when the rig has more sensors than were found, UsageError for a rate that the bridge
    cannot keep up with.
    """
    if rig is None:
        count = len(found.trims)
        fastest = found.fastest_mhz(count, _DEFAULTS["osr_p"], _DEFAULTS["osr_t"])
        config: dict[str, Any] = {
            "rate_mhz": min(fastest, _DEFAULTS["rate_mhz"]),
            "sensors": [{"role": role} for role in _ROLES[:count]],
        }
    else:
        config = node_config(rig)
        _check(found, config)
    for sensor, address in zip(config["sensors"], found.trims, strict=False):
        sensor["bus"], sensor["address"] = 0, address
    config["driver"] = ADAFRUIT
    try:
        Settings(config)
    except SettingError as error:
        raise UsageError(f"{error}; lower node.rate in the rig file") from None
    return config


def _check(found: Found, config: dict[str, Any]) -> None:
    wanted = len(config["sensors"])
    if wanted > len(found.trims):
        there = ", ".join(f"{address:#x}" for address in found.trims)
        raise DeviceError(
            f"the rig file names {wanted} sensors, the bridge has {len(found.trims)} ({there}); "
            "wire the others to the free address, or make node.roles in the rig file match"
        )
    rate = config["rate_mhz"]
    fastest = found.fastest_mhz(wanted, config["osr_p"], config["osr_t"])
    if rate > fastest:
        raise UsageError(
            f"node.rate is {rate / 1000:g} Hz; this bridge takes {found.transfer_s * 1e3:.1f} ms a "
            f"transfer, so {fastest / 1000:.2f} Hz at the most with {wanted} sensors; lower "
            "node.rate in the rig file"
        )
