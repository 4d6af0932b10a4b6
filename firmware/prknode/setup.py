"""The set-up of a run: with the samples it determines every figure that the node computes."""

import binascii
import json

from prknode import PROTOCOL, __version__


def describe(settings, run_id, unique_id, chips):
    """JSON bytes of the settings in force, who the node is, and its chips with their trim bytes."""
    setup = settings.as_dict()
    setup["run"] = run_id
    setup["version"] = __version__
    setup["protocol"] = PROTOCOL
    setup["node"] = unique_id
    setup["trims"] = [binascii.hexlify(chip.trim).decode() for chip in chips]
    setup["chips"] = [chip.chip_id for chip in chips]
    return json.dumps(setup).encode()
