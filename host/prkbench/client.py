"""The node's SCPI commands as calls, its records as bytes whose CRC has been checked."""

from __future__ import annotations

import contextlib
import math
import secrets
import struct
import zlib
from dataclasses import dataclass

from prkbench.errors import DataError, DeviceError, LineLost, LineSpoilt
from prkbench.transport import Transport
from prknode import PROTOCOL, __version__
from prknode.answers import MAX_RECORDS
from prknode.records import ANSWER_HEAD, ANSWER_HEAD_SIZE

_TRIES = 3
_LARGEST_BLOCK = 1 << 20
_INFINITY, _NOT_A_NUMBER = 9.899e37, 9.909e37
"""From here on SCPI-1999 means what no number can say."""
_STALE = 100
"""Lines that may still be on their way from a node somebody else was talking to."""
EMULATED = b"emul"
"""How the serial number of an emulated board begins: its runs must not pass for measurements."""
MOST_RECORDS = MAX_RECORDS
"""Records that one answer holds at the most."""


class GarbledAnswer(LineLost):
    """An answer that is none to what was asked: noise on the line, a restart, or not our node."""


class ScpiRefusal(DeviceError):
    """The node refused a command; `number` is its SCPI error."""

    def __init__(self, message: str, number: int) -> None:
        super().__init__(message)
        self.number = number


@dataclass(frozen=True)
class Identity:
    """*IDN? in its parts; simulated: a virtual node says so itself."""

    maker: str
    model: str
    unique_id: str
    version: str

    @property
    def simulated(self) -> bool:
        """Whether this is a virtual node or one on an emulated board."""
        return self.unique_id.startswith(("virtual", EMULATED.hex()))


@dataclass(frozen=True)
class Points:
    """What the node holds: (oldest, next) of samples, blocks, results and events of a run."""

    run_id: int
    samples: tuple[int, int]
    blocks: tuple[int, int]
    results: tuple[int, int]
    events: tuple[int, int]


@dataclass(frozen=True)
class Records:
    """One answer of records: where it begins, how many, their bytes."""

    run_id: int
    first: int
    count: int
    size: int
    payload: bytes


class NodeClient:
    """One node on one line; retries counts answers that came spoilt and were asked for again."""

    def __init__(self, transport: Transport) -> None:
        self._line = transport
        self.retries = 0

    @classmethod
    def connect(
        cls, port: str, timeout_s: float = 3.0, patience_s: float | None = None
    ) -> NodeClient:
        """Open the port and make sure that a node of our protocol answers there.

        patience_s: how long it may take to answer once it is known to be one; else timeout_s.
        """
        line = Transport(port, timeout_s)
        client = cls.over(line)
        if patience_s is not None:
            line.timeout_s = patience_s
        return client

    @classmethod
    def over(cls, transport: Transport) -> NodeClient:
        """The node on an open line, which is closed again when none of our protocol answers."""
        try:
            client = cls(transport)
            client._greet()
        except BaseException:
            transport.close()
            raise
        return client

    @property
    def port(self) -> str:
        """Where the node is."""
        return self._line.port

    def close(self) -> None:
        """Close the line."""
        self._line.close()

    # One exchange -------------------------------------------------------------------------

    def write(self, command: str) -> None:
        """Send a command that has no answer."""
        self._line.write(command.encode("ascii") + b"\n")

    def query(self, command: str) -> str:
        """Send a query and return its answer."""
        self.write(command)
        return self._line.read_line().decode("ascii", "replace")

    def figures(self, query: str, count: int) -> list[float | None]:
        """What the node answers as numbers: None for each that is none, infinity for SCPI's."""
        found = [_number(part) for part in self.query(query).split(",")]
        return found if len(found) == count else [None] * count

    def query_block(self, command: str) -> bytes:
        """Send a query whose answer is one definite-length block, and return the block's bytes."""
        self.write(command)
        lead = self._line.read(2)
        if lead[:1] != b"#" or not b"1" <= lead[1:] <= b"9":
            rest = self._line.drain()
            raise GarbledAnswer(
                f"{self.port}: {command}: a block was expected, {(lead + rest)[:60]!r} came"
            )
        digits = self._line.read(int(lead[1:]))
        if not digits.isdigit() or int(digits) > _LARGEST_BLOCK:
            self._line.drain()
            raise GarbledAnswer(f"{self.port}: {command}: no such block length: {digits!r}")
        block = self._line.read(int(digits))
        if self._line.read(1) != b"\n":
            self._line.drain()
            raise GarbledAnswer(f"{self.port}: {command}: the block does not end where it says")
        return block

    def check(self, what: str) -> None:
        """Raise ScpiRefusal with the node's oldest error, if it has one; the others are cleared."""
        answer = self.query("SYSTem:ERRor?")
        number, _, text = answer.partition(",")
        try:
            code = int(number)
        except ValueError:
            raise GarbledAnswer(f"{self.port}: SYSTem:ERRor? answered {answer[:60]!r}") from None
        if code:
            self.write("*CLS")
            refusal = text.strip('"')
            raise ScpiRefusal(f"{self.port}: the node refused {what}: {code}, {refusal}", code)

    def command(self, command: str) -> None:
        """Send a command and raise ScpiRefusal if the node refuses it."""
        self.write(command)
        self.check(command)

    # Who is there -------------------------------------------------------------------------

    def _greet(self) -> None:
        # An empty line ends whatever half a command the line may hold.
        self._line.write(b"\n")
        rest = self._line.drain()
        try:
            self.write("*CLS")
            self.identity = self._identify(self._first_identity())
            self._synchronise()
        except DeviceError as error:
            if b">>>" in rest or "'>>> " in str(error) or ">>>" in str(error):
                raise DeviceError(
                    f"{self.port}: a MicroPython prompt answers, not the node; start it with "
                    "Ctrl-D in a serial terminal, or install the firmware"
                ) from error
            raise
        protocol = self.query("SYSTem:PROTocol?")
        if protocol != str(PROTOCOL):
            raise DeviceError(
                f"{self.port}: the node's firmware {self.identity.version} speaks protocol "
                f"{protocol[:20]}, this host {__version__} speaks {PROTOCOL}; "
                "install the firmware that came with this host"
            )

    def _first_identity(self) -> str:
        """The answer to *IDN?, or the one before it: a slow node may still owe it to somebody."""
        answer = self.query("*IDN?")
        if answer.startswith("prkbench,"):
            return answer
        later = self._line.drain().decode("ascii", "replace").splitlines()
        return next((line for line in later if line.startswith("prkbench,")), answer)

    def _synchronise(self) -> None:
        """Read on until what comes is the answer to what is asked.

        The node's error queue gives back a header that nobody else can have sent. What never does
        so is not a node of ours, which the next question will show.
        """
        token = f"SYNC{secrets.token_hex(4).upper()}"
        self.write(token)
        self.write("SYSTem:ERRor?")
        with contextlib.suppress(DeviceError):
            for _ in range(_STALE):
                if token.encode() in self._line.read_line():
                    break
        self.write("*CLS")

    def _identify(self, answer: str) -> Identity:
        parts = answer.split(",")
        if len(parts) != 4 or parts[0] != "prkbench":
            raise DeviceError(f"{self.port}: not a prkbench node; *IDN? answered {answer[:60]!r}")
        return Identity(*parts)

    # Records ------------------------------------------------------------------------------

    def setup(self) -> bytes:
        """The set-up of the present run as JSON bytes."""
        return self.query_block("DATA:SETup?")

    def points(self) -> Points:
        """What the node holds now."""
        answer = self.query("DATA:POINts?")
        try:
            run, *ends = (int(part) for part in answer.split(","))
            pairs = list(zip(ends[0::2], ends[1::2], strict=True))
            return Points(run, pairs[0], pairs[1], pairs[2], pairs[3])
        except (ValueError, IndexError):
            raise GarbledAnswer(f"{self.port}: DATA:POINts? answered {answer[:60]!r}") from None

    def free_heap(self) -> int | None:
        """Bytes of the node's memory that were free after its last collection, if it says so."""
        parts = self.query("SYSTem:MEMory?").split(",")
        free = int(parts[1]) if len(parts) == 2 and parts[1].isdigit() else 0
        return free or None

    def uptime_us(self) -> int:
        """Microseconds since the node was started."""
        answer = self.query("SYSTem:TIME?")
        try:
            return int(answer.split(",")[0])
        except ValueError:
            raise GarbledAnswer(f"{self.port}: SYSTem:TIME? answered {answer[:60]!r}") from None

    def run_time_us(self) -> int | None:
        """Microseconds since INITiate by the node's clock, or None when it is not measuring."""
        answer = self.query("SYSTem:TIME?")
        try:
            run = int(answer.split(",")[1])
        except (ValueError, IndexError):
            raise GarbledAnswer(f"{self.port}: SYSTem:TIME? answered {answer[:60]!r}") from None
        return None if run < 0 else run

    def records(self, command: str, run_id: int, first: int, count: int) -> Records:
        """Records from `first` on; asked again when the answer is garbled or its CRC is wrong.

        Asking again loses nothing: records are asked for by number. LineSpoilt when every answer
        was.
        """
        problem = ""
        for _ in range(_TRIES):
            try:
                block = self.query_block(f"{command} {first},{count},{run_id}")
                return _parse_records(block)
            except (DataError, GarbledAnswer) as error:
                problem = str(error).removeprefix(f"{self.port}: {command}: ")
                self.retries += 1
                self._line.drain()
        raise LineSpoilt(
            f"{self.port}: {command} {first}: {problem}, {_TRIES} times in a row; "
            "check the cable and who else talks to the node"
        )


def _parse_records(block: bytes) -> Records:
    if len(block) < ANSWER_HEAD_SIZE + 4:
        raise DataError(f"answer of {len(block)} bytes is too short")
    body, crc = block[:-4], int.from_bytes(block[-4:], "little")
    if zlib.crc32(body) != crc:
        raise DataError("CRC-32 of the answer does not match")
    run_id, first, count, size = struct.unpack_from(ANSWER_HEAD, body)
    payload = body[ANSWER_HEAD_SIZE:]
    if len(payload) != count * size:
        raise DataError("length of the answer does not match its header")
    return Records(run_id, first, count, size, payload)


def _number(text: str) -> float | None:
    """A number as SCPI-1999 writes it: 9.91E37 is none, 9.9E37 infinity."""
    try:
        value = float(text)
    except ValueError:
        return None
    if value >= _INFINITY:
        return math.inf if value < _NOT_A_NUMBER else None
    return value
