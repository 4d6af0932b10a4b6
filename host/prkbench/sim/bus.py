"""Devices on the simulated buses of a node, and what passes over the bridge to a virtual one."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Protocol

from prkbench.sim.faults import HUNG, Fault, FaultyChip, acknowledged, kinds_at


class Device(Protocol):
    """A chip on the simulated bus, driven in absolute microseconds."""

    def advance(self, us: int) -> None:
        """Bring the chip to this time."""

    def read_burst(self, reg: int, n: int) -> bytes:
        """Read with side effects."""

    def peek_burst(self, reg: int, n: int) -> bytes:
        """Read without side effects."""

    def write(self, reg: int, value: int) -> None:
        """Write one register."""

    def power_on_reset(self) -> None:
        """Reset, as after a dip of the supply."""

    def freeze(self, frozen: bool = True, raw: tuple[int, int] | None = None) -> None:
        """Stick, or do so no longer: every conversion gives these counts, or those of the last."""

    def save(self) -> object:
        """All that can change, for restore()."""

    def restore(self, saved: object) -> None:
        """Go back to what save() gave."""


class BusDevice:
    """A chip at an address, with the faults between it and the bus; see faults.

    faults is to be filled before the first transfer. transfers: how many there have been; hung:
    whether the present one never ends.
    """

    def __init__(self, chip: Device, faults: Iterable[Fault] = ()) -> None:
        self.chip = chip
        self.faults = list(faults)
        self.transfers = 0
        self.hung = False
        self._faulty = FaultyChip(chip)

    @property
    def device(self) -> Device:
        """What the bus finds at the address."""
        return self._faulty if self.faults else self.chip

    def acknowledges(self) -> bool:
        """Count one transfer; whether somebody takes it, perhaps never to end it (hung)."""
        n = self.transfers
        self.transfers = n + 1
        if not self.faults:
            return True
        kinds = kinds_at(self.faults, n)
        self.hung = HUNG in kinds
        self._faulty.expect(kinds)
        return acknowledged(kinds)

    def listens(self) -> bool:
        """Whether somebody is at the address, without counting a transfer."""
        return acknowledged(kinds_at(self.faults, self.transfers))


Address = tuple[int, int]
Saved = dict[Address, tuple[object, int]]


@dataclass(frozen=True)
class Read:
    """One burst read; head: how it is announced to the child, where its count has to fit a byte."""

    bus: int
    address: int
    register: int
    count: int
    head: bytes

    @classmethod
    def of(cls, entry: bytes) -> Read:
        """From what the child posts: bus, address, register and a 16-bit count."""
        count = entry[-2] | entry[-1] << 8
        head = bytes((*entry[:3], count & 0xFF))
        return cls(entry[0], entry[1], entry[2], count, head)


@dataclass
class Step:
    """Writes, a time to pass, and the reads that follow it."""

    posted: bytes
    us: int
    reads: list[Read]
