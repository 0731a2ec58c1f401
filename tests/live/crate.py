"""Finds and runs the library's examples and the programs of the sign-in system. The script `build` makes copies of them for the
live suite. For a test that is run by hand, cargo must have built them with `--release`."""

import json
import os
import subprocess
from pathlib import Path

PROJECT = Path(__file__).parents[2]
# The target folder of the workspace of the sign-in system.
SYSTEM_TARGET = "examples/seamless/target"
# The folder that `build` made, or None.
COPIES = os.environ.get("LIVE_PROGRAMS")


def example(name, target="target"):
    """Returns the path of an example. `target` is the target folder of its workspace."""
    if COPIES:
        return Path(COPIES) / name
    return PROJECT / os.environ.get("CARGO_TARGET_DIR", target) / "release/examples" / name


def sign_in_server():
    return of_sign_in_system("seamless")


def seamless_admin():
    return Path(os.environ.get("SEAMLESS_ADMIN") or of_sign_in_system("seamless-admin"))


def of_sign_in_system(program):
    """Returns the path of a program of the sign-in system. The system is a workspace of its own, with a target folder of its own
    unless CARGO_TARGET_DIR names a common folder."""
    if COPIES:
        return Path(COPIES) / program
    return PROJECT / os.environ.get("CARGO_TARGET_DIR", SYSTEM_TARGET) / "release" / program


def validate(keytab, options, *paths):
    """Runs `validate` and returns its answer for each token. Exit status 1 means that some tokens were refused."""
    command = [example("validate"), "--keytab", keytab, *options, "--json", *paths]
    done = subprocess.run([str(part) for part in command], capture_output=True, text=True)
    answers = [json.loads(line) for line in done.stdout.splitlines()]
    if done.returncode not in (0, 1) or len(answers) != len(paths):
        raise RuntimeError(f"validate: {done.returncode} {done.stdout}{done.stderr}")
    return answers
