"""Installing from any state, cut off anywhere: nothing is mixed, nothing of the user's is lost."""

import pytest
from fake_storage import FakeStorage
from hypothesis import given
from hypothesis import strategies as st

from prkbench.deploy.install import carry_out, survey
from prkbench.deploy.plan import Plan, check_space, make_plan
from prkbench.deploy.storage import UNFINISHED, Found, Space
from prkbench.errors import DataError, DeviceError

NEW = {
    "prknode/__init__.mpy": b"new init",
    "prknode/node.mpy": b"new node" * 40,
    "prknode/decay.mpy": b"new decay",
    "lib/driver.mpy": b"new driver",
    "boards.json": b"[]",
    "config.json": b'{"sensors": [1]}',
    "main.py": b"import prknode # new",
}
OLD = {
    "prknode/__init__.py": b"old init",
    "prknode/node.py": b"old node",
    "prknode/gone.py": b"old module",
    "prknode/decay.mpy": b"old decay",
    "config.json": b'{"sensors": [2]}',
    "main.py": b"import prknode # old",
}
THEIRS = {
    "notes.txt": b"mine",
    "data/log.csv": b"1,2",
    "prknode/readme.txt": b"mine, too",
    "lib/other.py": b"mine",
    "boot.py": b"mine",
    "main.py.bak": b"mine",
}


def install(storage: FakeStorage, foreign: tuple[str, ...] = (), everything: bool = False) -> Plan:
    found = survey(storage, NEW)
    plan = make_plan(NEW, found, foreign, everything=everything)
    carry_out(storage, plan, NEW)
    return plan


def holds_new(files: dict[str, bytes]) -> bool:
    ours = {p: c for p, c in files.items() if p not in THEIRS}
    return ours == NEW


def runs(files: dict[str, bytes]) -> str:
    """What the board would do after a reset: which version, "prompt", or "mixed"."""
    if b"prknode" not in files.get("main.py", b""):
        return "prompt"
    modules = {p: c for p, c in files.items() if p.startswith(("prknode/", "lib/driver."))}
    modules = {p: c for p, c in modules.items() if p.endswith((".py", ".mpy"))}
    modules.pop("lib/driver.old.py", None)
    for name, version in (("old", OLD), ("new", NEW)):
        expected = {p: c for p, c in version.items() if p.endswith((".py", ".mpy"))}
        if {**modules, "main.py": files["main.py"]} == expected:
            return name
    return "mixed"


def test_an_empty_board_gets_everything_main_last_and_configuration_after_code() -> None:
    storage = FakeStorage({})
    plan = install(storage)
    assert storage.files == NEW
    assert plan.copied[-2:] == ("config.json", "main.py")
    assert not plan.disarm


def test_what_is_there_already_is_not_copied() -> None:
    storage = FakeStorage(dict(NEW))
    plan = install(storage)
    assert plan.copied == ()
    assert plan.unchanged == tuple(sorted(NEW))
    assert storage.done == 1, "one sync, no write"


def test_everything_is_copied_when_wished() -> None:
    assert set(install(FakeStorage(dict(NEW)), everything=True).copied) == set(NEW)


def test_a_new_configuration_alone_leaves_the_code_and_main_in_place() -> None:
    plan = install(FakeStorage({**NEW, "config.json": b"{}"}))
    assert plan.copied == ("config.json",)
    assert not plan.disarm


@pytest.mark.parametrize("before", [{}, OLD, NEW], ids=["empty", "old", "new"])
def test_cut_off_before_any_operation_nothing_mixed_runs_and_a_second_run_mends(
    before: dict[str, bytes],
) -> None:
    whole = FakeStorage({**before, **THEIRS})
    install(whole)
    assert whole.done > 0
    for cut in range(whole.done):
        files = {**before, **THEIRS}
        with pytest.raises(DeviceError, match="the line broke"):
            install(FakeStorage(files, cut))
        assert runs(files) in ("prompt", "old", "new"), cut
        for path in {*NEW, *OLD} & set(files):
            assert files[path] in (NEW.get(path), before.get(path)), "no half of a file"
        install(FakeStorage(files))
        assert holds_new(files), cut
        assert {p: files[p] for p in THEIRS} == THEIRS


CONTENT = st.sampled_from([b"", b"x", b"new node" * 40, b"new decay", b"old", b"import prknode"])
PATHS = st.sampled_from(
    [*NEW, *OLD, *THEIRS, "prknode/node.mpy" + UNFINISHED, "lib/prknode/node.py", "lib/driver.py"]
)


@given(st.dictionaries(PATHS, CONTENT), st.lists(st.integers(0, 40), max_size=4))
def test_from_any_state_through_any_interruptions_the_board_ends_as_wanted(
    before: dict[str, bytes], cuts: list[int]
) -> None:
    files = dict(before)
    for cut in cuts:
        try:
            install(FakeStorage(files, cut))
        except DeviceError:
            assert runs(files) != "mixed" or runs(before) == "mixed"
    install(FakeStorage(files))
    assert {p: files[p] for p in NEW} == NEW
    assert not [p for p in files if p.endswith(UNFINISHED)]
    modules = {p for p in files if p.startswith(("prknode/", "lib/prknode/"))}
    assert modules - set(THEIRS) == {p for p in NEW if p.startswith("prknode/")}
    for path in THEIRS:
        assert files.get(path) == before.get(path)
    if "lib/driver.py" in before:
        assert files["lib/driver.old.py"] == before["lib/driver.py"], "it would hide the driver"


def test_a_main_and_a_configuration_of_the_users_are_set_aside_under_free_names() -> None:
    files = {"main.py": b"blink()", "main.old.py": b"older", "config.json": b"wifi"}
    plan = install(FakeStorage(files), foreign=("main.py", "config.json"))
    assert dict(plan.aside) == {"main.py": "main.old2.py", "config.json": "config.old.json"}
    assert files == {
        **NEW, "main.old.py": b"older", "main.old2.py": b"blink()", "config.old.json": b"wifi",
    }  # fmt: skip


class WornStorage(FakeStorage):
    """Takes every write and keeps something else of one file."""

    def put(self, path: str, content: bytes) -> None:
        super().put(path, content)
        if path == "prknode/decay.mpy":
            self.files[path] = b"rotten"


def test_a_file_that_rots_after_it_was_written_is_named_and_main_stays_away() -> None:
    storage = WornStorage(dict(OLD))
    with pytest.raises(DataError, match=r"prknode/decay\.mpy on the board has other bytes"):
        install(storage)
    assert "main.py" not in storage.files


def test_a_full_file_system_is_told_before_anything_changes() -> None:
    wanted = {"prknode/node.mpy": bytes(40 * 1024), "main.py": b"x"}
    plan = make_plan(wanted, {})
    # 40 KiB are ten blocks of 4 KiB and one for the entry; main.py takes one and one.
    check_space(plan, wanted, {}, Space(4096, 13), "P")
    with pytest.raises(DeviceError, match=r"P: .*48 KB are free, 4 KB more are needed"):
        check_space(plan, wanted, {}, Space(4096, 12), "P")


def test_room_that_leftovers_give_up_counts_but_an_old_file_stays_until_the_new_is_there() -> None:
    wanted = {"prknode/node.mpy": bytes(40 * 1024), "main.py": b"x"}
    leftover = {"prknode/node.py": Found(40 * 1024)}
    check_space(make_plan(wanted, leftover), wanted, leftover, Space(4096, 3), "P")
    older = {"prknode/node.mpy": Found(40 * 1024, "00")}
    with pytest.raises(DeviceError, match="file system is full"):
        check_space(make_plan(wanted, older), wanted, older, Space(4096, 5), "P")
