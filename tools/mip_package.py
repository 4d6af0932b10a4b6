"""Writes firmware/package.json, which `mpremote mip install` reads, from what is in firmware/."""

from __future__ import annotations

import json

from prkbench.deploy.build import firmware_sources
from prknode import __version__

# main.py last: a board that is cut off before that comes up at its prompt.
names = sorted(firmware_sources(), key=lambda name: (name == "main.py", name))
urls = ",\n".join(f"    {json.dumps([name, name])}" for name in names)
path = firmware_sources()["main.py"].with_name("package.json")
path.write_text(f'{{\n  "version": "{__version__}",\n  "urls": [\n{urls}\n  ]\n}}\n')
print(f"{path}: {len(names)} files")
