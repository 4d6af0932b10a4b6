"""Images are read as picotool reads them, and what cannot run is refused in one line."""

import os
import struct
import sys
from pathlib import Path

import pytest
from prk_command import prk, refused

from prkbench.errors import DeviceError, UsageError
from prkbench.sim.pico import image as images
from prkbench.sim.pico.image import FLASH_START, RP2040_FAMILY, cached_image, load_image

BLOCK = 256
FILES = FLASH_START + 0x100000, 0x100000
NAMES = {0x11A9BC3A: "v1.28.0", 0xB63CFFBB: "a board"}


def flash_contents(names: dict[int, str] = NAMES, files: tuple[int, int] | None = FILES) -> bytes:
    """The start of flash as the Pico SDK lays out binary information."""
    flash = bytearray(0x1000)
    at, entries = 0x400, []

    def put(data: bytes) -> int:
        nonlocal at
        flash[at : at + len(data)] = data
        at += len(data) + 3 & ~3
        return FLASH_START + at - (len(data) + 3 & ~3)

    for which, text in names.items():
        value = put(text.encode() + b"\0")
        entries.append(put(struct.pack("<HHII", 6, 0x5052, which, value)))
    if files is not None:
        name = put(b"MicroPython\0")
        entries.append(put(struct.pack("<HHIIIIH", 7, 0x5052, name, *files, 0, 0)))
    first = put(struct.pack(f"<{len(entries)}I", *entries))
    end = first + 4 * len(entries)
    struct.pack_into("<5I", flash, 0x100, 0x7188EBF2, first, end, 0, 0xE71AA390)
    return bytes(flash)


def uf2(flash: bytes, family: int = RP2040_FAMILY, start: int = FLASH_START) -> bytes:
    """Microsoft's UF2: blocks of 512 bytes with 256 of payload."""
    blocks = []
    count = len(flash) // BLOCK
    for n in range(count):
        payload = flash[n * BLOCK : (n + 1) * BLOCK].ljust(476, b"\0")
        head = struct.pack(
            "<8I", 0x0A324655, 0x9E5D5157, 0x2000, start + n * BLOCK, BLOCK, n, count, family
        )
        blocks.append(head + payload + struct.pack("<I", 0x0AB16F30))
    return b"".join(blocks)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "image.uf2"


def test_an_image_tells_its_board_version_and_file_system(path: Path) -> None:
    flash = flash_contents()
    path.write_bytes(uf2(flash))
    image = load_image(path)
    assert image.flash[: len(flash)] == flash
    assert set(image.flash[len(flash) :]) == {0xFF}, "what an image does not fill is erased"
    assert (image.board, image.version, image.release) == ("a board", "v1.28.0", (1, 28))
    assert (image.files_start, image.files_size) == (0x100000, 0x100000)


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"", "not a UF2 file"),
        (b"x" * 512, "lacks its mark"),
        (uf2(flash_contents())[:-1], "cut short"),
        (uf2(flash_contents(), family=0xE48BFF59), "another chip"),
        (uf2(flash_contents(), start=0x20000000), "another chip"),
        (uf2(flash_contents(files=None)), "file system"),
        (uf2(bytes(0x1000)), "file system"),
    ],
)
def test_what_is_no_micropython_image_for_rp2040_is_refused_with_the_reason(
    path: Path, content: bytes, says: str
) -> None:
    path.write_bytes(content)
    with pytest.raises(UsageError, match=says) as told:
        load_image(path)
    assert str(path) in str(told.value)
    refused(prk("node", "--pico", path), 2, str(path), says)


def test_an_image_that_is_too_old_is_refused(path: Path) -> None:
    path.write_bytes(uf2(flash_contents({**NAMES, 0x11A9BC3A: "v1.22.2"})))
    refused(prk("node", "--pico", path), 2, "v1.22.2 is too old", "1.24")


def test_without_an_image_the_command_says_how_to_get_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert cached_image() is None
    refused(prk("node", "--pico"), 2, str(tmp_path / "prkbench"), "--download")


def test_the_newest_cached_image_is_taken(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    folder = tmp_path / "prkbench"
    folder.mkdir()
    for name, age in (("old.uf2", 1000), ("new.uf2", 2000), ("notes.txt", 3000)):
        (folder / name).write_bytes(b"")
        os.utime(folder / name, (age, age))
    assert cached_image() == folder / "new.uf2"


def test_a_download_that_is_no_image_leaves_nothing_behind(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    page = tmp_path / "page.uf2"
    page.write_bytes(b"<html>")
    with pytest.raises(UsageError):
        images.download_image(page.as_uri())
    page.write_bytes(uf2(flash_contents()))
    assert images.download_image(page.as_uri()) == cached_image()
    with pytest.raises(DeviceError, match="by hand"):
        images.download_image((tmp_path / "gone.uf2").as_uri())
    assert [file.name for file in (tmp_path / "cache" / "prkbench").iterdir()] == ["page.uf2"]


def test_options_for_one_kind_of_node_are_refused_for_the_other(path: Path) -> None:
    refused(prk("node", path), 2, "--pico")
    refused(prk("node", "--download"), 2, "--pico")
    refused(prk("node", "--pico", "--interpreter", "cpython"), 2, "--interpreter")


def test_without_the_emulator_the_command_names_the_extra(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path.write_bytes(uf2(flash_contents()))
    monkeypatch.setitem(sys.modules, "rp2040py", None)
    for name in [n for n in sys.modules if n.startswith(("prkbench.sim.pico.", "rp2040py."))]:
        if name != "prkbench.sim.pico.image":
            monkeypatch.delitem(sys.modules, name)
    refused(prk("node", "--pico", path), 2, "pip install 'prkbench[pico]'")
