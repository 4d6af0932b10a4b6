"""Faults between a simulated chip and its bus, set off by the count of transfers and so repeatable.

A transfer is one write or one burst read of the chip's address, as the node asks for it; they are
counted from power-on, refused ones included. In text a fault is KIND@FIRST+COUNT: `nack@120+5`
refuses transfers 120 to 124. Without +COUNT it stays for ever (a reset happens once), without
@FIRST it is there from the start. One chip's faults are separated by commas and follow its address,
on bus 1 with that bus before it: `0x76:por@500,trim@500+30`, `1/0x77:absent`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from prkbench.errors import UsageError
from prkbench.sim import bmp390_model as chip

if TYPE_CHECKING:
    from prkbench.sim.bus import Address, BusDevice, Device

ABSENT, NACK, HUNG = "absent", "nack", "hung"
STUCK, RANGE, POR, LATE = "stuck", "range", "por", "late"
WRONG_ID, TRIM, CONF, FRAME = "id", "trim", "conf", "frame"

KINDS = {
    ABSENT: "nobody acknowledges the address",
    NACK: "the chip does not acknowledge",
    HUNG: "a transfer never ends: the bus times out",
    STUCK: "conversions give the same raw counts over and over",
    RANGE: "conversions give the largest count there is",
    POR: "the chip's supply dips and it resets itself",
    LATE: "no data are ever ready",
    WRONG_ID: "another chip's identity",
    TRIM: "a trim byte does not match its checksum",
    CONF: "the chip refuses its configuration",
    FRAME: "the FIFO gives bytes that are no frames",
}
"""What each kind does."""

_NOBODY = frozenset((ABSENT, NACK))
_FROZEN = frozenset((STUCK, RANGE))
_SATURATED = (0xFFFFFF, 0xFFFFFF)
_STRANGE_ID, _STRANGE_HEADER = 0x58, 0x55
_READY = chip.DRDY_PRESS | chip.DRDY_TEMP

_SPOILT: dict[str, dict[int, Callable[[int], int]]] = {
    LATE: {
        chip.STATUS: lambda byte: byte & ~_READY,
        chip.FIFO_LENGTH: lambda _: 0,
        chip.FIFO_LENGTH + 1: lambda _: 0,
    },
    WRONG_ID: {chip.CHIP_ID: lambda _: _STRANGE_ID},
    TRIM: {chip.NVM + 5: lambda byte: byte ^ 0x10},
    CONF: {chip.ERR_REG: lambda byte: byte | chip.CONF_ERR},
    FRAME: {chip.FIFO_DATA: lambda _: _STRANGE_HEADER},
}
"""Kind -> register -> what becomes of its byte on the way."""


@dataclass(frozen=True)
class Fault:
    """One of KINDS, at the transfers first .. first + count - 1 of a chip; count None: for ever."""

    kind: str
    first: int = 0
    count: int | None = None

    def hits(self, transfer: int) -> bool:
        """Whether it is there at that transfer."""
        return self.first <= transfer and (self.count is None or transfer < self.first + self.count)


class FaultyChip:
    """A chip whose bytes and conversions suffer from faults; acknowledging is not its business.

    expect() says which kinds are there at the transfer that follows.
    """

    def __init__(self, device: Device) -> None:
        self._chip = device
        self._kinds: frozenset[str] = frozenset()
        self._frozen: frozenset[str] = frozenset()
        self._dips = False

    def expect(self, kinds: frozenset[str]) -> None:
        """Take in what is wrong from now on."""
        self._kinds = kinds
        self._dips = POR in kinds

    def advance(self, us: int) -> None:
        """Bring the chip to this time, and do there what the faults do to it."""
        self._chip.advance(us)
        if self._dips:
            self._dips = False
            self._chip.power_on_reset()
        frozen = self._kinds & _FROZEN
        if frozen != self._frozen:
            self._frozen = frozen
            self._chip.freeze(bool(frozen), _SATURATED if RANGE in frozen else None)

    def read_burst(self, reg: int, n: int) -> bytes:
        """Read with side effects, spoilt."""
        return self._spoilt(reg, self._chip.read_burst(reg, n))

    def peek_burst(self, reg: int, n: int) -> bytes:
        """Read without side effects, spoilt in the same way."""
        return self._spoilt(reg, self._chip.peek_burst(reg, n))

    def _spoilt(self, reg: int, data: bytes) -> bytes:
        spoils = [_SPOILT[kind] for kind in self._kinds if kind in _SPOILT]
        if not spoils:
            return data
        changed = bytearray(data)
        for spoil in spoils:
            for register, change in spoil.items():
                if reg <= register < reg + len(data):
                    changed[register - reg] = change(changed[register - reg])
        return bytes(changed)

    def write(self, reg: int, value: int) -> None:
        """Write one register."""
        self._chip.write(reg, value)

    def power_on_reset(self) -> None:
        """Reset the chip."""
        self._chip.power_on_reset()

    def freeze(self, frozen: bool = True, raw: tuple[int, int] | None = None) -> None:
        """Make the chip stick."""
        self._chip.freeze(frozen, raw)

    def save(self) -> object:
        """All that can change of the chip; its faults go by transfers, which others count."""
        return self._chip.save()

    def restore(self, saved: object) -> None:
        """Go back to what save() gave."""
        self._chip.restore(saved)


def kinds_at(faults: Iterable[Fault], transfer: int) -> frozenset[str]:
    """Kinds of the faults that are there at that transfer."""
    return frozenset(fault.kind for fault in faults if fault.hits(transfer))


def acknowledged(kinds: frozenset[str]) -> bool:
    """Whether a chip with these faults acknowledges; one that hangs does, and then never ends."""
    return not kinds & _NOBODY


# In text ----------------------------------------------------------------------------------

_CHIP = re.compile(r"(?:(?P<bus>[01])/)?(?P<address>0x[0-9a-fA-F]{1,2}):(?P<faults>.+)")
_FAULT = re.compile(r"(?P<kind>[a-z]+)(?:@(?P<first>\d{1,9}))?(?:\+(?P<count>\d{1,9}))?")


def parse_faults(text: str) -> list[Fault]:
    """Faults of one chip from text such as `nack@120+5,por@300`; UsageError says what is wrong."""
    return [_parse_fault(part.strip()) for part in text.split(",")]


def _parse_fault(text: str) -> Fault:
    match = _FAULT.fullmatch(text)
    if match is None or match["kind"] not in KINDS or match["count"] in ("0", "00"):
        raise UsageError(
            f"fault {text!r}: expected KIND@FIRST+COUNT such as nack@120+5, KIND one of "
            + ", ".join(KINDS)
        )
    count = int(match["count"]) if match["count"] else None
    if match["kind"] == POR and count is None:
        count = 1
    return Fault(match["kind"], int(match["first"] or 0), count)


def parse_chip_faults(text: str) -> tuple[Address, list[Fault]]:
    """(bus, address) and faults from text such as `0x76:stuck@500+40`; UsageError if it is not."""
    match = _CHIP.fullmatch(text.strip())
    if match is None:
        raise UsageError(
            f"fault {text!r}: expected [BUS/]ADDRESS:KIND@FIRST+COUNT such as 0x76:stuck@500+40"
        )
    return (int(match["bus"] or 0), int(match["address"], 16)), parse_faults(match["faults"])


def inject(devices: Mapping[Address, BusDevice], texts: Iterable[str]) -> None:
    """Give these chips the faults that the texts say, before the node starts.

    UsageError when there is no such chip.
    """
    for text in texts:
        at, faults = parse_chip_faults(text)
        if at not in devices:
            known = ", ".join(f"{bus}/{address:#x}" for bus, address in devices)
            raise UsageError(f"fault {text!r}: no chip there, expected one of {known}")
        devices[at].faults.extend(faults)
