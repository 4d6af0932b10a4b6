import errno
import os
import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import serial

from prkbench.errors import DeviceError
from prkbench.transport import Transport

pytestmark = pytest.mark.skipif(os.name != "posix", reason="pseudo-terminals are POSIX's")


@pytest.fixture
def line() -> Iterator[tuple[int, str]]:
    """A raw pseudo-terminal: our end, and the path a program opens."""
    import tty

    ours, theirs = os.openpty()
    tty.setraw(theirs)
    yield ours, os.ttyname(theirs)
    os.close(ours)
    os.close(theirs)


def one_line(error: pytest.ExceptionInfo[DeviceError]) -> str:
    text = str(error.value)
    assert "\n" not in text
    assert error.value.exit_code == 3
    return text


def test_bytes_go_both_ways_unchanged(line: tuple[int, str]) -> None:
    ours, port = line
    every = bytes(range(256))
    transport = Transport(port, timeout_s=2.0)
    transport.write(every)
    assert os.read(ours, 1000) == every
    os.write(ours, every + b"\r\nmore\n")
    assert transport.read(256) == every
    assert transport.read_line() == b""
    assert transport.read_line() == b"more"
    transport.close()
    transport.close()


def test_silence_is_waited_for_no_longer_than_asked(line: tuple[int, str]) -> None:
    ours, port = line
    transport = Transport(port, timeout_s=0.1)
    os.write(ours, b"abc")
    start = time.monotonic()
    with pytest.raises(DeviceError) as caught:
        transport.read(10)
    assert "3 of 10 bytes came" in one_line(caught)
    with pytest.raises(DeviceError) as caught:
        transport.read_line()
    assert "is this a prkbench node?" in one_line(caught)
    # Twice a tenth of a second; a busy machine may take longer, no time-out takes for ever.
    assert time.monotonic() - start < 5.0
    transport.close()


def test_a_line_without_end_is_given_up(line: tuple[int, str]) -> None:
    ours, port = line
    transport = Transport(port, timeout_s=0.5)
    os.write(ours, b"x" * 600)
    with pytest.raises(DeviceError, match="endless line"):
        transport.read_line(limit=500)
    transport.close()


def test_draining_takes_what_is_there_and_no_more_time_than_allowed(line: tuple[int, str]) -> None:
    ours, port = line
    transport = Transport(port, timeout_s=3.0)
    os.write(ours, b"old answer")
    assert transport.drain() == b"old answer"
    assert transport.drain() == b""
    running = True

    def chatter() -> None:
        while running:
            os.write(ours, b"x" * 64)
            time.sleep(0.005)

    thread = threading.Thread(target=chatter)
    thread.start()
    start = time.monotonic()
    taken = transport.drain(quiet_s=0.05, longest_s=0.2)
    took = time.monotonic() - start
    running = False
    thread.join()
    assert taken
    assert took < 3.0
    # The time-out of ordinary reads is as before.
    transport.drain()
    os.write(ours, b"ok\n")
    assert transport.read_line() == b"ok"
    transport.close()


def test_a_port_that_is_not_there_names_those_that_are() -> None:
    with pytest.raises(DeviceError) as caught:
        Transport("/dev/no-such-port")
    text = one_line(caught)
    assert "/dev/no-such-port: no such port" in text
    assert "prk list" in text


def test_a_port_in_use_is_busy_and_the_first_user_is_not_disturbed(line: tuple[int, str]) -> None:
    ours, port = line
    first = Transport(port, timeout_s=1.0)
    with pytest.raises(DeviceError) as caught:
        Transport(port)
    assert "busy; another program has it open" in one_line(caught)
    first.write(b"hello")
    assert os.read(ours, 10) == b"hello"
    first.close()
    Transport(port).close()


def test_a_file_is_not_a_port(tmp_path: Path) -> None:
    file = tmp_path / "notes.txt"
    file.write_text("untouched")
    with pytest.raises(DeviceError) as caught:
        Transport(str(file))
    assert "not a serial port" in one_line(caught)
    assert file.read_text() == "untouched"


def test_a_port_that_may_not_be_opened_says_how_to_get_the_right(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def refuse(self: serial.Serial) -> None:
        raise serial.SerialException(
            errno.EACCES, "could not open port /dev/ttyACM0: [Errno 13] Permission denied"
        )

    monkeypatch.setattr(serial.Serial, "open", refuse)
    with pytest.raises(DeviceError) as caught:
        Transport("/dev/ttyACM0")
    assert "usermod -a -G dialout" in one_line(caught)


@pytest.mark.parametrize(
    ("port", "says"),
    [
        ("nonsense://x", "not a kind of URL"),
        ("socket://nobody", "cannot connect"),
        ("socket://127.0.0.1:70000", "cannot connect"),
    ],
)
def test_a_url_that_leads_nowhere_is_named(port: str, says: str) -> None:
    with pytest.raises(DeviceError, match=says) as caught:
        Transport(port)
    assert port in one_line(caught)


def test_a_socket_nobody_listens_at_is_refused() -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = f"socket://127.0.0.1:{free.getsockname()[1]}"
        with pytest.raises(DeviceError, match="is the node served there"):
            Transport(port)


def test_a_node_behind_a_socket_is_spoken_to_like_one_on_a_port() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        transport = Transport(f"socket://127.0.0.1:{server.getsockname()[1]}", timeout_s=2.0)
        peer, _ = server.accept()
        with peer:
            transport.write(b"ask\n")
            assert peer.recv(100) == b"ask\n"
            peer.sendall(b"told\n")
            assert transport.read_line() == b"told"
        with pytest.raises(DeviceError):
            transport.read(1)
        transport.close()


def test_a_port_pulled_out_is_a_device_error(line: tuple[int, str]) -> None:
    import pty

    ours, theirs = pty.openpty()
    transport = Transport(os.ttyname(theirs), timeout_s=0.5)
    os.close(theirs)
    os.close(ours)
    for action in (lambda: transport.read(1), lambda: transport.write(b"x"), transport.drain):
        with pytest.raises(DeviceError, match="the line broke"):
            action()
    transport.close()
