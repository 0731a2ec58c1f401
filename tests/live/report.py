"""Prints one line for each check, and counts the failed checks."""


class Report:
    def __init__(self):
        self.failures = 0

    def check(self, good, label, said=""):
        self.failures += not good
        print(f"{'ok  ' if good else 'FAIL'} {label}" + (f": {said}" if said else ""), flush=True)
