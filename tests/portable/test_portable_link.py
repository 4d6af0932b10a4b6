"""The serial line, with a node that only repeats what it is told."""

from runner import run

from prknode.link import ANSWER_US, PENDING, Block, Link, Listing
from prknode.scpi import ScpiError
from prknode.status import Status


class Line:
    """The board's byte streams and the hand-cranked clock."""

    def __init__(self):
        self.incoming = bytearray()
        self.sent = bytearray()
        self.takes = 1000
        self.now = (1 << 30) - 1000

    def read_into(self, buffer):
        n = min(len(buffer), len(self.incoming))
        buffer[:n] = self.incoming[:n]
        self.incoming = self.incoming[n:]
        return n

    def write(self, view):
        n = min(self.takes, len(view))
        self.sent.extend(view[:n])
        return n


class Echo:
    """A node that answers with the header and parameters, or as the header says."""

    def __init__(self):
        self.got = []
        self.buffer = bytearray(bytes(range(256)) * 40)
        self.pending = 0

    def execute(self, header, parameters):
        self.got.append((header, parameters))
        if header == "NONE":
            return None
        if header == "EMPTY?":
            return ""
        if header == "BLOCK?":
            return Block(self.buffer, int(parameters[0]))
        if header == "LIST?":
            return Listing("7,8", self.buffer, 3, 3 + int(parameters[0]))
        if header == "LATER?":
            self.pending = 3
            return PENDING
        if header == "SCPI?":
            raise ScpiError(-222, "no")
        if header == "VALUE?":
            raise ValueError("bad")
        if header == "OVER?":
            raise OverflowError("big")
        if header == "MEMORY?":
            raise MemoryError()
        return header + " " + "|".join(parameters)

    def finish_measurement(self):
        self.pending -= 1
        return PENDING if self.pending else "there"


class Bench:
    def __init__(self):
        self.line = Line()
        self.node = Echo()
        self.status = Status()
        self.link = Link(self.line, self.node, self.status)

    def crank(self, turns=300, us=1000):
        for _ in range(turns):
            if self.link.step(self.line.now & 0x3FFFFFFF) is False and not self.link.busy:
                break
            self.line.now += us

    def send(self, data, turns=300):
        self.line.sent = bytearray()
        self.line.incoming.extend(data)
        self.crank(turns)
        return bytes(self.line.sent)

    def errors(self):
        result = []
        while self.status.error_count():
            result.append(int(self.status.next_error().split(",")[0]))
        return result


def test_lines_may_end_with_cr_lf_and_come_in_pieces():
    bench = Bench()
    assert bench.send(b"abc? 1, 2\r\n") == b"ABC? 1|2\n"
    assert bench.send(b"ab") == b""
    assert bench.send(b"c") == b""
    assert bench.send(b"? 5\nNONE\n\n \t\r\nx?\n") == b"ABC? 5\nX? \n"
    assert bench.errors() == []


def test_chained_commands_share_one_answer_line_and_the_path():
    bench = Bench()
    assert bench.send(b"a:b:c?;d?;:e?;*f?;g? 1;;\n") == b"A:B:C? ;A:B:D? ;E? ;*F? ;G? 1\n"
    assert bench.send(b"h?\n") == b"H? \n"


def test_a_failed_command_leaves_the_rest_of_the_line_alone():
    bench = Bench()
    assert bench.send(b"SCPI?;VALUE?;OVER?;MEMORY?;b=c;A?\n", 40) == b"A? \n"
    assert bench.errors() == [-222, -224, -224, -321, -101]


def test_an_empty_answer_is_sent_at_once():
    bench = Bench()
    assert bench.send(b"EMPTY?\n", 5) == b"\n"
    assert bench.send(b"EMPTY?;A?;EMPTY?\n", 10) == b";A? ;\n"
    assert bench.send(b"BLOCK? 0\n", 5) == b"#10\n"
    assert bench.errors() == []


def test_blocks_have_their_length_in_front():
    bench = Bench()
    data = bytes(bench.node.buffer)
    assert bench.send(b"BLOCK? 5\n") == b"#15" + data[:5] + b"\n"
    assert bench.send(b"BLOCK? 10000;A?\n") == b"#510000" + data[:10000] + b";A? \n"


def test_listings_are_the_bytes_as_numbers_however_long():
    bench = Bench()
    for n in (0, 1, 15, 16, 17, 1000):
        want = "7,8" + "".join(",%d" % bench.node.buffer[3 + i] for i in range(n))
        assert bench.send(b"A?;LIST? %d;B?\n" % n, 500) == b"A? ;" + want.encode() + b";B? \n"
    bench.line.takes = 1
    assert bench.send(b"LIST? 20\n", 500).count(b",") == 21


def test_partial_writes_lose_and_double_nothing():
    for takes in (1, 3, 63, 64, 255, 256):
        bench = Bench()
        bench.line.takes = takes
        data = bytes(bench.node.buffer)
        assert bench.send(b"BLOCK? 700;A?\n", 2000) == b"#3700" + data[:700] + b";A? \n"


def test_the_rest_of_an_answer_is_dropped_after_a_quarter_second_without_a_taker():
    bench = Bench()
    bench.line.takes = 100
    bench.line.incoming.extend(b"BLOCK? 5000\n")
    bench.crank(20)
    taken = len(bench.line.sent)
    assert taken > 500
    bench.line.takes = 0
    bench.crank(ANSWER_US // 1000 - 5)
    assert bench.link.busy
    assert bench.errors() == []
    bench.crank(10)
    assert not bench.link.busy
    assert bench.errors() == [-430]
    bench.line.takes = 100
    assert bench.send(b"A?\n") == b"A? \n"


def test_a_slow_taker_may_take_as_long_as_it_likes():
    bench = Bench()
    for _ in range(40):
        bench.line.incoming.extend(b"BLOCK? 8\n") if not bench.link.busy else None
        bench.line.takes = 1
        bench.crank(1)
        bench.line.takes = 0
        bench.crank(ANSWER_US // 1000 - 10)
    assert bench.errors() == []


def test_a_line_of_256_bytes_is_taken_and_a_longer_one_discarded_to_its_end():
    bench = Bench()
    exact = b"A? " + b"1" * 253
    assert bench.send(exact + b"\n", 1000) == b"A? " + b"1" * 253 + b"\n"
    assert bench.send(exact + b"1\nB?\n", 1000) == b"B? \n"
    assert bench.send(b"x;" * 5000 + b"\nC?\n", 1000) == b"C? \n"
    assert bench.errors() == [-363, -363]


def test_bytes_that_are_no_text_cost_one_line():
    bench = Bench()
    for bad in (b"\x00", b"\x03", b"\x7f", b"\x80", b"\xff", b"\x1b[A"):
        assert bench.send(b"A?" + bad + b"\nB?\n") == b"B? \n"
        assert bench.errors() == [-101]
    assert bench.node.got[-1] == ("B?", [])
    assert len(bench.node.got) == 6


def test_unclosed_quotes_and_parentheses_cost_one_line():
    bench = Bench()
    assert bench.send(b"A? 'x\nA? (x\nB? 'a;b'\n") == b"B? 'a;b'\n"
    assert bench.errors() == [-151, -171]


def test_an_answer_that_comes_later_keeps_its_place():
    bench = Bench()
    assert bench.send(b"A?;LATER?;B?\nC?\n") == b"A? ;there;B? \nC? \n"
    assert bench.send(b"LATER?\n") == b"there\n"


def test_the_link_tells_when_the_shared_buffer_is_in_use():
    bench = Bench()
    seen = []
    execute = bench.node.execute

    def watch(header, parameters):
        seen.append(bench.link.holds_data)
        return execute(header, parameters)

    bench.node.execute = watch
    bench.send(b"A?;BLOCK? 5;B?\nA?;LIST? 1;B?\nC?\n", 100)
    assert seen == [False, False, True, False, False, True, False]


if __name__ == "__main__":
    run(globals())
