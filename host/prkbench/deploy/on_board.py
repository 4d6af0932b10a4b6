"""What runs on the board, in its raw REPL, while files are installed; MicroPython only.

The host sends this file as it is and calls its functions one by one. Nothing here needs more than
a few kilobytes, and every file is written under another name and renamed only once its hash has
been found right, so that whatever is cut short leaves no half of a file under its real name.
"""

import binascii
import hashlib
import os

_FILE = 0x8000
_ENOENT = 2
_buffer = bytearray(512)
_view = memoryview(_buffer)
_open = None


def sha256(path):
    """Hash of a file in hexadecimal."""
    digest = hashlib.sha256()
    with open(path, "rb") as file:
        while True:
            n = file.readinto(_buffer)
            if not n:
                return binascii.hexlify(digest.digest()).decode()
            digest.update(_view[:n])


def look(folder, hashed):
    """Print (name, size, hash) of each file of a folder; hash: None unless name is in hashed."""
    try:
        entries = list(os.ilistdir(folder))
    except OSError as error:
        if error.args[0] != _ENOENT:
            raise
        return
    for entry in entries:
        if entry[1] == _FILE:
            path = folder + "/" + entry[0]
            digest = sha256(path) if entry[0] in hashed else None
            print((entry[0], os.stat(path)[6], digest))


def space():
    """Print the size of a block of the file system, and how many are free."""
    status = os.statvfs("/")
    print((status[0], status[3]))


def content(path, most):
    """Print the first bytes of a file in base64."""
    with open(path, "rb") as file:
        print(binascii.b2a_base64(file.read(most)))


def begin(path):
    """Open a file to write, in folders that are made where they are missing."""
    global _open
    at = path.find("/", 1)
    while at > 0:
        try:
            os.mkdir(path[:at])
        except OSError:
            # There already; if not, opening the file says so.
            pass
        at = path.find("/", at + 1)
    _open = open(path, "wb")


def add(text):
    """Write a piece that comes in base64."""
    _open.write(binascii.a2b_base64(text))


def finish(written, path, digest):
    """Close the file; when its hash is right give it its real name. Print the hash found."""
    global _open
    _open.close()
    _open = None
    found = sha256(written)
    if found == digest:
        os.rename(written, path)
    print(repr(found))


def sync():
    """Have everything written, where the port holds writes back."""
    if hasattr(os, "sync"):
        os.sync()
