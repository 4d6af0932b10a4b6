"""The option --port: run the device suite on a board that is plugged in."""

import os
from pathlib import Path

import pytest

# Before numpy is loaded: the tests themselves keep every core busy.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--port",
        metavar="PORT",
        help="serial port of a node: tests/device runs on that board instead of simulated ones",
    )


@pytest.hookimpl(tryfirst=True)
def pytest_cmdline_main(config: pytest.Config) -> None:
    # A serial port cannot be shared: the default of one process a core must not apply.
    port = config.getoption("port")
    if port:
        if Path(port).is_dir():
            raise pytest.UsageError(f"--port {port}: a folder; a serial port goes there")
        config.option.numprocesses = 0


def pytest_report_header(config: pytest.Config) -> str:
    port = config.getoption("port")
    if port:
        return f"device suite: on the board at {port}, in one process"
    return "device suite: no board (give --port to test one), simulated targets only"
