"""Sets up an environment of its own and runs every check: `python3 check.py`. Arguments go to pytest."""

from __future__ import annotations

import os
import subprocess
import sys
import venv
from pathlib import Path

ROOT = Path(__file__).resolve().parent
HOME = ROOT / ".venv-check"
PYTHON = HOME / ("Scripts/python.exe" if os.name == "nt" else "bin/python")


def run(*command: str) -> None:
    print("+", " ".join(command), flush=True)
    outcome = subprocess.run([str(PYTHON), "-m", *command], cwd=ROOT)
    if outcome.returncode:
        sys.exit(outcome.returncode)


def main() -> None:
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    if not PYTHON.exists():
        venv.create(HOME, with_pip=True)
    pinned = ("-c", "constraints.txt")
    run("pip", "install", "--quiet", "--disable-pip-version-check", *pinned, "torch==2.13.0")
    run("pip", "install", "--quiet", "--disable-pip-version-check", *pinned, "-e", ".[train,lmdb,synth,pdf,ray,dev]")
    run("ruff", "check", ".")
    run("ruff", "format", "--check", ".")
    run("mypy")
    run("pytest", *sys.argv[1:])


if __name__ == "__main__":
    main()
