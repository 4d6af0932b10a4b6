"""Sensor faults by transfer count, and what a run has to show of each; for any simulated node.

Transfers of a chip: 11 to bring it up (0 to 10), then in forced mode trigger and read in turn (11,
12, ...), with its FIFO 7 to start it (11 to 17), then look and burst in turn (18, 19, ...).
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby, pairwise
from pathlib import Path

from prkbench.analysis.replay import replay_run
from prkbench.client import NodeClient
from prkbench.logger import Logger
from prkbench.runfile import Kind, Run, RunFile
from prknode.records import (
    BLOCK_FAULT,
    EV_FAULT,
    EV_MISSED,
    EV_RECOVERED,
    EVENT_SIZE,
    FLAG_FAULT,
    FLAG_LATE,
    FLAG_RESTART,
    block_size,
)
from prknode.unpack import unpack_block, unpack_event

FORCED_MHZ, FIFO_MHZ = 5000, 25000
SENSORS = 2
BRING_UP_US = 10_000
_SAMPLE = 20


@dataclass(frozen=True)
class Case:
    """Faults, and the names of each sensor's in the order in which the node tells them first."""

    name: str
    rate_mhz: int
    faults: tuple[str, ...]
    told: tuple[tuple[str, ...], tuple[str, ...]]

    def __str__(self) -> str:
        return f"{self.name} at {self.rate_mhz / 1000:g} Hz"


_ONE_SENSOR = {
    "nack of a trigger or burst": ("nack@41+5", ("NACK", "ABSENT")),
    "nack of a read or look": ("nack@42+5", ("NACK", "ABSENT")),
    "one nack": ("nack@43+1", ("NACK",)),
    "hung": ("hung@41+2", ("NACK", "ABSENT")),
    "gone, then back": ("absent@41+60", ("NACK", "ABSENT")),
    "stuck": ("stuck@41+40", ("STUCK",)),
    "out of range": ("range@41+6", ("RANGE",)),
    "reset": ("por@41", ("POR",)),
    "reset at INIT": ("por@11", ("POR",)),
    "nack at INIT": ("nack@11+2", ("NACK", "ABSENT")),
    "never ready": ("late@41+80", ("LATE",)),
    "reset, then a strange identity": ("por@41,id@42+12", ("POR", "WRONG_ID")),
    "reset, then a broken trim": ("por@41,trim@42+12", ("POR", "TRIM_CRC")),
    "reset, then refuses its configuration": ("por@41,conf@42+25", ("POR", "CONF_ERR")),
    "flapping": ("nack@41+1,nack@71+1,por@101,nack@131+1,hung@161+1", ("NACK", "POR")),
}
_FIFO_ONLY = {
    "no frames in a burst": ("frame@41+3", ("FRAME",)),
    "configuration refused at INIT": ("conf@17+1", ("CONF_ERR",)),
    "nack in the middle of starting": ("nack@14+1", ("NACK",)),
}


def _on_one(rate_mhz: int, which: dict[str, tuple[str, tuple[str, ...]]]) -> list[Case]:
    found = []
    for n, (name, (fault, told)) in enumerate(which.items()):
        # In turn the chamber's sensor, which is the time master of a FIFO run, and the other.
        if n % 2:
            found.append(Case(f"ambient: {name}", rate_mhz, (f"0x77:{fault}",), ((), told)))
        else:
            found.append(Case(f"chamber: {name}", rate_mhz, (f"0x76:{fault}",), (told, ())))
    return found


def _on_both(rate_mhz: int) -> list[Case]:
    return [
        Case("both gone at once", rate_mhz, ("0x76:nack@41+9", "0x77:nack@41+9"), _BOTH_NACK),
        Case("both reset at once", rate_mhz, ("0x76:por@41", "0x77:por@41"), (("POR",),) * 2),
        Case("two faults", rate_mhz, ("0x76:por@41", "0x77:stuck@41+40"), (("POR",), ("STUCK",))),
    ]


_BOTH_NACK = (("NACK", "ABSENT"),) * 2

CASES = [
    *_on_one(FORCED_MHZ, _ONE_SENSOR),
    *_on_both(FORCED_MHZ),
    *_on_one(FIFO_MHZ, _ONE_SENSOR | _FIFO_ONLY),
    *_on_both(FIFO_MHZ),
]

TOURS = [
    Case(
        "one fault after the other",
        rate_mhz,
        (
            "0x76:nack@41+3,por@81,late@121+40,range@201+3",
            "0x77:stuck@41+30,hung@101+1,nack@141+2,id@143+10",
        ),
        (("NACK", "ABSENT", "POR", "LATE", "RANGE"), ("STUCK", "NACK", "ABSENT", "WRONG_ID")),
    )
    for rate_mhz in (FORCED_MHZ, FIFO_MHZ)
]
"""Most faults in one run each, where starting a node takes long."""

TOUR_S = {FORCED_MHZ: 31.0, FIFO_MHZ: 15.0}
"""When a tour is over and everything works again."""

AT_BRING_UP = {
    "nack@0+3": "ABSENT",
    "nack@1+1": "ABSENT",
    "nack@4+3": "ABSENT",
    "hung@0+2": "ABSENT",
    "hung@2+1": "ABSENT",
    "id@0+8": "WRONG_ID",
    "trim@2+1": "TRIM_CRC",
    "conf@9+1": "CONF_ERR",
    "por@7": "POR",
    "absent@0+9": "ABSENT",
}
"""Faults while a sensor is being brought up, and what the node calls them."""


# What a run shows -------------------------------------------------------------------------


@dataclass(frozen=True)
class Sample:
    """Head of one sample record: microseconds since INIT, flags, and the raw bytes after it."""

    t_us: int
    flags: int
    raw: bytes

    def valid(self, sensor: int) -> bool:
        return bool(self.flags & (1 << sensor))


def log_run(port: str, path: Path, seconds: float) -> None:
    """Start a run on the node at that port and record so much of it."""
    client = NodeClient.connect(port)
    try:
        client.command("INITiate")
        with RunFile.create(path, {"source": "node", "simulated": True}) as file:
            capture = Logger(client, file, seconds).run()
            assert capture.lost == 0
    finally:
        client.close()


def samples_of(file: RunFile, run: Run) -> list[Sample]:
    data = file.payload(run.run_id, Kind.SAMPLE)
    return [
        Sample(
            int.from_bytes(data[at : at + 6], "little"),
            int.from_bytes(data[at + 6 : at + 8], "little"),
            data[at + 8 : at + _SAMPLE],
        )
        for at in range(0, len(data), _SAMPLE)
    ]


Event = tuple[int, int, int | None, int, str]


def events_of(file: RunFile, run: Run) -> list[Event]:
    data = file.payload(run.run_id, Kind.EVENT)
    return [unpack_event(data[at : at + EVENT_SIZE]) for at in range(0, len(data), EVENT_SIZE)]


def check_run(case: Case, path: Path, *, blocks: int) -> None:
    """Assert that the run shows the case's faults, gaps and recoveries, and replays exactly.

    blocks: blocks that the run has to hold; where there are none nothing can be replayed.
    """
    with RunFile.open(path) as file:
        (run,) = file.runs()
        assert len(run.setup["sensors"]) == SENSORS, json.dumps(run.setup)
        samples = samples_of(file, run)
        events = events_of(file, run)
        for sensor in range(SENSORS):
            _check_told(case, sensor, events)
            if case.told[sensor]:
                _check_gaps(case, sensor, samples, events)
            else:
                _check_undisturbed(case, sensor, samples)
        assert all(a.t_us <= b.t_us for a, b in pairwise(samples))
        # Everything works again at the end.
        assert any(s.flags & 3 == 3 for s in samples[-10:])
        assert not any(s.flags & FLAG_FAULT for s in samples[-10:])
        data = file.payload(run.run_id, Kind.BLOCK)
        size = block_size(SENSORS)
        flags = [unpack_block(data[at : at + size], SENSORS)[2] for at in range(0, len(data), size)]
        assert len(flags) >= blocks
        if blocks:
            assert flags[0] & BLOCK_FAULT
            assert not flags[-1] & BLOCK_FAULT or len(flags) == 1
            replay = replay_run(file, run)
            assert replay.exact, replay.first_difference
            assert replay.compared == len(flags)


def _check_told(case: Case, sensor: int, events: Sequence[Event]) -> None:
    """Each fault is named, and ends in a recovery."""
    mine = [e for e in events if e[2] == sensor and e[1] in (EV_FAULT, EV_RECOVERED)]
    names = [e[4] for e in mine if e[1] == EV_FAULT]
    assert tuple(dict.fromkeys(names)) == case.told[sensor], (case.name, sensor, mine)
    if mine:
        assert mine[-1][1] == EV_RECOVERED, mine


def _outages(sensor: int, events: Sequence[Event]) -> list[tuple[int, int]]:
    """(from, to) in microseconds of each time the sensor was out of order."""
    mine = [e for e in events if e[2] == sensor and e[1] in (EV_FAULT, EV_RECOVERED)]
    spells = [(code, list(spell)) for code, spell in groupby(mine, key=lambda e: e[1])]
    return [
        (faulty[1][0][0], well[1][0][0])
        for faulty, well in zip(spells[::2], spells[1::2], strict=True)
    ]


def _check_gaps(
    case: Case, sensor: int, samples: Sequence[Sample], events: Sequence[Event]
) -> None:
    """No sample claims the sensor while it was out of order, and the first one after says so."""
    period_us = 1_000_000_000 // case.rate_mhz
    for begin, end in _outages(sensor, events):
        # A frame is paired with one of the time master's, a period older at the most.
        # On a board the trigger of the sample that tells of the recovery lies a bring-up before it.
        back = end - (BRING_UP_US if case.rate_mhz == FORCED_MHZ else period_us)
        claimed = [s for s in samples if begin < s.t_us < back and s.valid(sensor)]
        assert not claimed, (case.name, sensor, begin, end, claimed[0])
        # In forced mode a read that fails is that of a sample begun before.
        missing = [s for s in samples if begin - period_us < s.t_us < back and not s.valid(sensor)]
        missed = [e for e in events if e[1] == EV_MISSED and e[0] >= begin]
        assert missing or missed, (case.name, sensor, begin, end)
        first = next(s for s in samples if s.t_us >= back and s.valid(sensor))
        assert first.flags & FLAG_RESTART, (case.name, sensor, end, first)
    flagged = [s for s in samples if s.flags & FLAG_FAULT]
    assert flagged or any(s.flags & FLAG_LATE for s in samples)
    assert all(s.raw[6 * sensor : 6 * sensor + 6] == bytes(6) for s in samples
               if not s.valid(sensor))  # fmt: skip


def _check_undisturbed(case: Case, sensor: int, samples: Sequence[Sample]) -> None:
    """The other sensor is in every sample; with FIFOs in as many as its own clock gives."""
    valid = sum(s.valid(sensor) for s in samples)
    if case.rate_mhz == FORCED_MHZ:
        assert valid == len(samples)
        steps = {b.t_us - a.t_us for a, b in pairwise(samples)}
        assert max(steps) - min(steps) <= 2000, steps
    else:
        # Clocks are 4 % apart at most; each change of the time master costs a poll of 100 ms.
        seconds = samples[-1].t_us / 1e6
        assert valid >= 0.95 * case.rate_mhz / 1000 * seconds - 20
