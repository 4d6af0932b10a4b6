"""Lines typed at a virtual node wait for their time and go between the host's own."""

from prkbench.sim.console import Console, State
from prkbench.sim.typed_lines import TypedLines


class Line:
    """A public line that has what it is given, for one read."""

    def __init__(self) -> None:
        self.sent = b""

    def read(self) -> bytes:
        data, self.sent = self.sent, b""
        return data


class Spy(Console):
    """A console that notes what it would send to the child."""

    def __init__(self, line: Line) -> None:
        super().__init__(line)  # type: ignore[arg-type]
        self.passed = b""
        self._terminal = object()  # type: ignore[assignment]
        self.state = State.NODE
        self._settled = True

    def _send(self, data: bytes) -> int:
        self.passed += data
        self.forwarded += len(data)
        return len(data)


def test_lines_come_in_order_of_time() -> None:
    lines = TypedLines([(7.5, "MARK 'b'"), (2.0, "MARK 'a'")])
    assert lines.left_us(0) == 2_000_000
    assert lines.left_us(2_500_000) == -500_000
    assert lines.next() == b"MARK 'a'\n"
    lines.done()
    assert lines.left_us(2_500_000) == 5_000_000
    lines.done()
    assert lines.left_us(2_500_000) is None


def test_a_line_goes_in_between_two_of_the_hosts() -> None:
    line = Line()
    console = Spy(line)
    line.sent = b"DATA:PO"
    console.take_input()
    assert not console.type(b"MARK 'x'\n")
    line.sent = b"INts?\n"
    console.take_input()
    assert console.type(b"MARK 'x'\n")
    assert console.passed == b"DATA:POINts?\nMARK 'x'\n"


def test_nothing_is_typed_at_a_board_that_runs_no_node() -> None:
    console = Spy(Line())
    console.state = State.REPL
    assert not console.type(b"MARK 'x'\n")
    assert console.passed == b""
