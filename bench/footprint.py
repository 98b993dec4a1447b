"""What an installed netchu weighs: a fresh environment with netchu and its dependencies, no extras.

    python bench/footprint.py [--checkout .]

Reports the wheel, what it puts into site-packages, the time of `import netchu` above that of a bare interpreter
(medians over fresh processes, taken in turn), and whether torch stayed away. Needs pip's ordinary package index.
"""

from __future__ import annotations

import argparse
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
import venv
from pathlib import Path

from harness import RESULTS, append_csv

NOT_SOURCE = (".git", ".venv", "build", "dist", "runs", "shared", "*.egg-info", "__pycache__")
ABOUT = """
import importlib.metadata as m, importlib.util as u, platform, sys
import netchu
names = ("netchu", "numpy", "onnxruntime", "opencv-python-headless", "Pillow")
print(u.find_spec("torch") is None and "torch" not in sys.modules)
print("; ".join([f"python {platform.python_version()}", *(f"{n} {m.version(n)}" for n in names)]))
"""


def megabytes(path: Path) -> float:
    files = path.rglob("*") if path.is_dir() else [path]
    return sum(f.lstat().st_size for f in files if f.is_file() and not f.is_symlink()) / 1e6


def seconds(python: Path, code: str, cwd: str) -> float:
    start = time.perf_counter()
    subprocess.run([python, "-c", code], check=True, cwd=cwd)
    return time.perf_counter() - start


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--checkout", type=Path, default=Path(__file__).resolve().parents[1])
    parser.add_argument("--times", type=int, default=7, help="fresh processes a median is taken over")
    parser.add_argument("--out", type=Path, default=RESULTS / "footprint.csv")
    args = parser.parse_args()

    with tempfile.TemporaryDirectory() as folder:
        source, wheels, room = Path(folder, "source"), Path(folder, "wheels"), Path(folder, "venv")
        shutil.copytree(args.checkout, source, ignore=shutil.ignore_patterns(*NOT_SOURCE))
        pip = [sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check"]
        subprocess.run([*pip, "wheel", "--no-deps", "--wheel-dir", wheels, source], check=True)
        (wheel,) = wheels.glob("*.whl")
        venv.create(room, symlinks=True)  # without pip, so that site-packages holds netchu's own and nothing else
        python = room / "bin" / "python"
        subprocess.run([*pip, "--python", str(python), "install", wheel], check=True)

        (site,) = room.glob("lib/python*/site-packages")
        packages = sorted(((megabytes(p), p.name) for p in site.iterdir()), reverse=True)
        about = subprocess.run([python, "-c", ABOUT], check=True, cwd=folder, capture_output=True, text=True)
        torch_absent, versions = about.stdout.splitlines()
        pairs = [[seconds(python, code, folder) for code in ("pass", "import netchu")] for _ in range(args.times)]
        bare, imported = (statistics.median(times) for times in zip(*pairs, strict=True))
        record = {
            "site_packages_mb": round(sum(size for size, _ in packages), 1),
            "wheel_mb": round(megabytes(wheel), 2),
            "import_netchu_s": round(imported, 3),
            "bare_python_s": round(bare, 3),
            "import_above_bare_s": round(statistics.median(b - a for a, b in pairs), 3),
            "torch_absent": torch_absent,
            "versions": versions,
        }
    for name, value in record.items():
        print(f"{name:22}{value}")
    print("largest:", ", ".join(f"{name} {size:.0f} MB" for size, name in packages[:8]))
    append_csv(args.out, [record])


if __name__ == "__main__":
    main()
