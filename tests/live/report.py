"""Prints one line for each check, and counts the failed checks."""

MOST = 600  # characters


class Report:
    def __init__(self):
        self.failures = 0

    def check(self, good, label, said="", otherwise=None):
        """Prints a check with the text `said`. If the check failed and the caller gives `otherwise`, prints `otherwise`
        in place of `said`."""
        self.failures += not good
        said = said if good or otherwise is None else str(otherwise)[:MOST]
        print(f"{'ok  ' if good else 'FAIL'} {label}" + (f": {said}" if said else ""), flush=True)
