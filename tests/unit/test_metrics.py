"""What Prometheus reads of a capture, and who may."""

import urllib.error
import urllib.request

import pytest

from prkbench.errors import UsageError
from prkbench.logger import Progress
from prkbench.metrics import LOCAL, Metrics, address_of, served


def read(port: int, path: str = "/metrics", **headers: str) -> str:
    request = urllib.request.Request(f"http://{LOCAL}:{port}{path}", headers=headers)
    with urllib.request.urlopen(request, timeout=5) as answer:
        return str(answer.read().decode())


def values(text: str) -> dict[str, float]:
    lines = [line.rsplit(" ", 1) for line in text.splitlines() if not line.startswith("#")]
    return {name: float(value) for name, value in lines}


def test_they_are_those_of_the_capture() -> None:
    metrics = Metrics()
    with served(metrics, LOCAL, 0, None) as port:
        before = values(read(port))
        assert before["prk_samples"] != before["prk_samples"]  # not known
        metrics.show(
            Progress(12.5, 62, 3, "MEASURING", 1e-6, 2e-8, lag_s=0.4, outages=1, retries=2)
        )
        after = values(read(port))
    assert after["prk_samples"] == 62
    assert after["prk_samples_lost"] == 3
    assert after["prk_node_seconds"] == 12.5
    assert after["prk_lag_seconds"] == 0.4
    assert after["prk_line_outages"] == 1
    assert after["prk_retries"] == 2
    assert after["prk_decay_per_second"] == 1e-6
    assert after["prk_decay_error_per_second"] == 2e-8
    assert after['prk_node_state{prk_node_state="MEASURING"}'] == 1
    assert after['prk_node_state{prk_node_state="IDLE"}'] == 0


@pytest.mark.parametrize(
    ("path", "headers", "status"),
    [
        ("/metrics", {}, 401),
        ("/metrics", {"Authorization": "Bearer wrong"}, 401),
        ("/", {"Authorization": "Bearer secret"}, 404),
    ],
)
def test_nobody_reads_them_without_the_token(
    path: str, headers: dict[str, str], status: int
) -> None:
    with served(Metrics(), LOCAL, 0, "secret") as port:
        with pytest.raises(urllib.error.HTTPError) as refusal:
            read(port, path, **headers)
        assert refusal.value.code == status
        assert "prk_samples" in read(port, Authorization="Bearer secret")


def test_an_address_that_others_reach_needs_a_token() -> None:
    with (
        pytest.raises(UsageError, match="others could read it"),
        served(Metrics(), "0.0.0.0", 0, None),
    ):
        pass


def test_addresses_are_read_as_people_write_them() -> None:
    assert address_of("9500") == (LOCAL, 9500)
    assert address_of("10.0.0.7:9500") == ("10.0.0.7", 9500)
    for wrong in ("", "x", "70000", "-1", "somewhere:9500", "1.2.3:9"):
        with pytest.raises(UsageError, match="expected a port"):
            address_of(wrong)


def test_a_port_in_use_is_told() -> None:
    with (
        served(Metrics(), LOCAL, 0, None) as port,
        pytest.raises(UsageError, match="in use"),
        served(Metrics(), LOCAL, port, None),
    ):
        pass
