"""The MicroPython image for RP2040: where it is found, and what it says about itself."""

from __future__ import annotations

import os
import re
import struct
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from prkbench.errors import DeviceError, UsageError

DOWNLOAD = "https://micropython.org/resources/firmware/RPI_PICO-20260406-v1.28.0.uf2"
"""The official image that is downloaded when the user says so."""

RP2040_FAMILY = 0xE48BFF56
FLASH_SIZE = 2 << 20
FLASH_START = 0x10000000

_UF2_BLOCK = 512
_UF2 = struct.Struct("<8I")
_UF2_MAGIC = (0x0A324655, 0x9E5D5157)

# Binary information, as picotool reads it: pico-sdk's pico_binary_info, structure.h.
_INFO = struct.Struct("<5I")
_INFO_START, _INFO_END = 0x7188EBF2, 0xE71AA390
_INFO_WITHIN = 0x300
_TYPE_STRING, _TYPE_DEVICE = 6, 7
_VERSION, _BOARD = 0x11A9BC3A, 0xB63CFFBB

_DOWNLOAD_S = 60.0


@dataclass(frozen=True)
class Image:
    """An image: flash contents from the start of flash, the board and version it names, and the
    place of its file system (bytes from the start of flash, and how many)."""

    path: Path
    flash: bytes
    board: str
    version: str
    files_start: int
    files_size: int

    @property
    def release(self) -> tuple[int, int] | None:
        """Major and minor version; None where the image does not say."""
        found = re.match(r"v?(\d+)\.(\d+)", self.version)
        return (int(found[1]), int(found[2])) if found else None


def cache_folder() -> Path:
    """Where images are kept: ~/.cache/prkbench, or under XDG_CACHE_HOME."""
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(base) / "prkbench"


def cached_image() -> Path | None:
    """The newest image in the cache folder; None when there is none."""
    found = sorted(cache_folder().glob("*.uf2"), key=lambda file: file.stat().st_mtime)
    return found[-1] if found else None


def missing_image() -> str:
    """What to tell somebody who has no image."""
    return (
        f"no MicroPython image for RP2040 in {cache_folder()}: put one there, name it "
        "(prk node --pico IMAGE.uf2), or let --download fetch the official one"
    )


def download_image(url: str = DOWNLOAD) -> Path:
    """Download the official image into the cache folder; DeviceError when that fails."""
    target = cache_folder() / url.rsplit("/", 1)[-1]
    part = target.with_suffix(".part")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with urllib.request.urlopen(url, timeout=_DOWNLOAD_S) as answer:
            part.write_bytes(answer.read())
        load_image(part)
        part.replace(target)
    except (OSError, urllib.error.URLError) as error:
        raise DeviceError(f"{url}: {error}; download it by hand into {target.parent}") from error
    finally:
        part.unlink(missing_ok=True)
    return target


def load_image(path: Path) -> Image:
    """Read a UF2 file; UsageError if it is not a MicroPython image for RP2040."""
    try:
        data = path.read_bytes()
    except OSError as error:
        raise UsageError(
            f"{path}: {error.strerror}; expected a MicroPython image (.uf2)"
        ) from error
    flash = bytearray(b"\xff" * FLASH_SIZE)
    if not data or len(data) % _UF2_BLOCK:
        raise UsageError(f"{path}: not a UF2 file, or cut short; download it again")
    for at in range(0, len(data), _UF2_BLOCK):
        magic0, magic1, _, address, size, _, _, family = _UF2.unpack_from(data, at)
        if (magic0, magic1) != _UF2_MAGIC:
            raise UsageError(f"{path}: not a UF2 file: block {at // _UF2_BLOCK} lacks its mark")
        start = address - FLASH_START
        if family != RP2040_FAMILY or not 0 <= start <= FLASH_SIZE - size or size > 476:
            raise UsageError(
                f"{path}: made for another chip (family {family:#x}); expected RP2040's, as for "
                "Raspberry Pi Pico: a Pico 2 cannot be emulated"
            )
        flash[start : start + size] = data[at + _UF2.size : at + _UF2.size + size]
    return _described(path, bytes(flash))


def _described(path: Path, flash: bytes) -> Image:
    names: dict[int, str] = {}
    files: tuple[int, int] | None = None
    for kind, at in _entries(flash):
        if kind == _TYPE_STRING:
            which, value = struct.unpack_from("<2I", flash, at + 4)
            names[which] = _text(flash, value)
        elif kind == _TYPE_DEVICE:
            name, address, size = struct.unpack_from("<3I", flash, at + 4)
            if _text(flash, name) == "MicroPython":
                files = address - FLASH_START, size
    if files is None:
        raise UsageError(f"{path}: does not say where MicroPython's file system is; expected a "
                         "MicroPython image for a board with RP2040")  # fmt: skip
    board, version = names.get(_BOARD, "unknown"), names.get(_VERSION, "unknown")
    return Image(path, flash, board, version, *files)


def _entries(flash: bytes) -> Iterator[tuple[int, int]]:
    """Type and offset of each entry of the binary information."""
    at = flash.find(struct.pack("<I", _INFO_START), 0, _INFO_WITHIN)
    if at < 0:
        return
    _, first, end, _, mark = _INFO.unpack_from(flash, at)
    if mark != _INFO_END or not FLASH_START <= first <= end <= FLASH_START + FLASH_SIZE:
        return
    for pointer in range(first - FLASH_START, end - FLASH_START, 4):
        entry = struct.unpack_from("<I", flash, pointer)[0] - FLASH_START
        # Entries in memory, not in flash, are not readable here.
        if 0 <= entry < FLASH_SIZE - 24:
            yield struct.unpack_from("<H", flash, entry)[0], entry


def _text(flash: bytes, address: int) -> str:
    start = address - FLASH_START
    return flash[start : flash.find(b"\0", start)].decode(errors="replace")
