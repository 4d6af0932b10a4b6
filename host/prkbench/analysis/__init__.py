"""From a run file to figures: replay, independent estimates, verdicts."""
