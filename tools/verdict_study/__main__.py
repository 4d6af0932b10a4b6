"""Runs the study of what the bench promises, and writes its tables and its page.

    uv run python tools/verdict_study --out FOLDER
    uv run python tools/verdict_study --out FOLDER --part verdicts --only C3-bench --seeds 40

Rows are kept in FOLDER as they come; the same command again goes on where it was ended. A folder
holds the runs of one seed and one version of the code.
"""

from __future__ import annotations

import sys
from pathlib import Path

# A folder that is run is no package yet: workers import its modules by their full names.
sys.path[:] = [str(Path(__file__).parents[1]), *sys.path[1:]]

from verdict_study.study import main  # noqa: E402

if __name__ == "__main__":
    sys.exit(main())
