"""netchu read --ray: on two nodes of a real cluster, the same files byte for byte; workers that die, and resuming."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from PIL import Image

import netchu.read as reading
from netchu.image import open_grey
from netchu.journal import NAME

pytest.importorskip("ray", reason="the extra ray is not installed")
if os.name == "nt":
    pytest.skip("Ray has clusters of several nodes on POSIX only", allow_module_level=True)

SAMPLE = open_grey(reading.__file__.replace("read.py", "samples/sample.png"))
STORE = 100 * 2**20
QUIET = {"RAY_USAGE_STATS_ENABLED": "0", "RAY_DISABLE_IMPORT_WARNING": "1", "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "0"}
# In every process of the cluster: a page called "kill" ends its worker, one called "once" does so once, and one called
# "both" keeps its worker busy until another node reads, too.
DYING = """
import importlib.machinery, os, sys, time

def spoil(module):
    mark, real = os.environ["NETCHU_TEST_DYING"], module.read_page
    def dying(reader, picture, where, way):
        import ray
        if "kill" in where:
            os._exit(1)
        if "once" in where and not os.path.exists(mark):
            open(mark, "w").close()
            os._exit(1)
        with open(mark + ".nodes", "a") as told:
            told.write(ray.get_runtime_context().get_node_id() + "\\n")
        deadline = time.monotonic() + 40
        while "both" in where and len(set(open(mark + ".nodes"))) < 2 and time.monotonic() < deadline:
            time.sleep(0.02)
        return real(reader, picture, where, way)
    module.read_page = dying

class Finder:
    def find_spec(self, name, path=None, target=None):
        if name != "netchu.archive":
            return None
        spec = importlib.machinery.PathFinder.find_spec(name, path)
        run = spec.loader.exec_module
        def exec_module(module):
            run(module)
            spoil(module)
        spec.loader.exec_module = exec_module
        return spec

if os.environ.get("NETCHU_TEST_DYING"):
    sys.meta_path.insert(0, Finder())
"""


@pytest.fixture(scope="module")
def scans(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("scans")
    for number in range(12):
        Image.fromarray(SAMPLE[:, 10 * number : 10 * number + 300]).save(folder / f"{number:02}.png")
    first, second = (Image.fromarray(SAMPLE[:, left : left + 200]) for left in (0, 200))
    first.save(folder / "hai.tif", save_all=True, append_images=[second])
    (folder / "00.png").rename(folder / "00 both.png")
    (folder / "bad.png").write_bytes(b"no picture")
    return folder


def read(*arguments, **env: str) -> subprocess.Popen:
    call = [sys.executable, "-m", "netchu", "read", "--line", "--decoder", "greedy", *map(str, arguments)]
    return subprocess.Popen(call, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env={**os.environ, **env}, text=True)


def made(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir() if path.name != NAME}


@pytest.fixture(scope="module")
def whole(scans, tmp_path_factory) -> dict[str, bytes]:
    out = tmp_path_factory.mktemp("whole")
    process = read(scans, "-o", out, "-f", "alto", "-j", "1", NETCHU_TEST_DYING="")
    process.communicate(timeout=60)
    assert process.returncode == 1  # bad.png
    return made(out)


@pytest.fixture(scope="module")
def cluster(tmp_path_factory):
    """Two nodes with a core each, whose workers die as DYING says.

    Gives the address, the mark of "once", and what ends the second node.
    """
    site = tmp_path_factory.mktemp("site")
    (site / "sitecustomize.py").write_text(DYING)
    mark = tmp_path_factory.mktemp("mark") / "once"
    root = str(Path(reading.__file__).parents[1])
    patch = pytest.MonkeyPatch()
    for name, value in {**QUIET, "NETCHU_TEST_DYING": str(mark), "PYTHONPATH": f"{site}{os.pathsep}{root}"}.items():
        patch.setenv(name, value)
    from ray.cluster_utils import Cluster

    node = {"num_cpus": 1, "object_store_memory": STORE, "include_dashboard": False}
    health = {"health_check_initial_delay_ms": 0, "health_check_period_ms": 500, "health_check_failure_threshold": 3}
    cluster = Cluster(initialize_head=True, head_node_args={**node, "_system_config": health})
    other = cluster.add_node(num_cpus=1, object_store_memory=STORE)
    try:
        yield cluster.address, mark, lambda: cluster.remove_node(other, allow_graceful=False)
    finally:
        cluster.shutdown()
        patch.undo()


def test_two_nodes_give_the_same_files_and_go_on_alike(cluster, scans, whole, tmp_path):
    address, mark, _ = cluster
    process = read(scans, "-o", tmp_path, "-f", "alto", "--ray", address)
    _, errors = process.communicate(timeout=120)
    assert process.returncode == 1
    assert errors.splitlines()[0] == "netchu: 1 of 15 pictures could not be read:"
    assert "bad.png: not a picture" in errors.splitlines()[1] and len(errors.splitlines()) == 2
    assert made(tmp_path) == whole
    assert len(set(mark.with_suffix(".nodes").read_text().split())) == 2  # both read
    (tmp_path / "05.xml").unlink()
    process = read(scans, "-o", tmp_path, "-f", "alto", "-j", "1", NETCHU_TEST_DYING="")  # without Ray: the same texts
    _, errors = process.communicate(timeout=120)
    assert "13 pages skipped" in errors
    assert made(tmp_path) == whole


def test_a_worker_that_dies_costs_its_page_a_retry_and_then_the_page(cluster, scans, whole, tmp_path):
    address, mark, _ = cluster
    source, out = tmp_path / "in", tmp_path / "out"
    source.mkdir()
    for name, of in {"a": "04", "kill": "01", "once": "02", "z": "03"}.items():
        (source / f"{name}.png").write_bytes((scans / f"{of}.png").read_bytes())
    process = read(source, "-o", out, "--ray", address)
    _, errors = process.communicate(timeout=120)
    assert process.returncode == 1
    summary, why = errors.splitlines()
    assert summary == "netchu: 1 of 4 pictures could not be read:"
    assert "kill.png: its Ray worker died 3 times" in why
    assert mark.exists() and sorted(made(out)) == ["a.txt", "once.txt", "z.txt"]
    failures = [json.loads(line) for line in (out / NAME).read_text().splitlines() if '"error"' in line]
    assert [Path(entry["source"]).name for entry in failures] == ["kill.png"]


def begun(address: str, folder: Path) -> tuple[subprocess.Popen[str], Path, Path]:
    """A run over 60 pictures of which at least five are read, and its folders."""
    source, out = folder / "in", folder / "out"
    source.mkdir()
    for number in range(60):
        Image.fromarray(SAMPLE[:, number : number + 1000]).save(source / f"{number:02}.png")
    process = read(source, "-o", out, "-f", "alto", "--ray", address)
    deadline = time.monotonic() + 60
    while len(list(out.glob("*.xml"))) < 5 and time.monotonic() < deadline:
        time.sleep(0.002)
    return process, source, out


def test_an_interrupted_run_goes_on(cluster, tmp_path):
    address, *_ = cluster
    process, source, out = begun(address, tmp_path)
    process.send_signal(signal.SIGKILL)
    process.communicate(timeout=60)
    kept = len(list(out.glob("*.xml")))
    assert 5 <= kept < 60
    process = read(source, "-o", out, "-f", "alto", "--ray", address)
    _, errors = process.communicate(timeout=120)
    assert process.returncode == 0 and int(errors.split()[1]) in (kept, kept - 1)
    assert len(list(out.glob("*.xml"))) == 60


def test_other_files_at_the_workers_are_told_once(cluster, scans, tmp_path):
    """The command knows another version than the workers: nothing is read that would not be the same."""
    address, *_ = cluster
    code = "import netchu.archive\nnetchu.archive.__version__ = '9'\nfrom netchu.cli import main\nmain()"
    call = [sys.executable, "-c", code, "read", str(scans), "--line", "--decoder", "greedy", "--ray", address]
    found = subprocess.run(call, capture_output=True, text=True, timeout=60)
    assert (found.returncode, found.stdout) == (2, "")
    (line,) = found.stderr.splitlines()
    assert line.startswith("netchu: ray: ") and "has other models or another netchu" in line


def test_a_machine_that_is_lost_costs_nothing(cluster, tmp_path):
    """The last test of this cluster."""
    address, _, end = cluster
    process, _, out = begun(address, tmp_path)
    end()
    _, errors = process.communicate(timeout=120)
    assert (process.returncode, errors) == (0, "")
    assert len(list(out.glob("*.xml"))) == 60


@pytest.mark.parametrize(("address", "why"), [("127.0.0.1:1", "no cluster there"), ("ray://a:1", "not supported")])
def test_no_cluster_there_is_one_line(scans, address, why):
    process = read(scans / "01.png", "--ray", address)
    out, errors = process.communicate(timeout=120)
    assert (process.returncode, out) == (2, "")
    (line,) = errors.splitlines()
    assert line.startswith(f"netchu: ray {address}: ") and why in line


def test_a_cluster_of_its_own_and_a_word_that_is_no_address(scans, whole, tmp_path):
    process = read("--ray", scans, "-o", tmp_path, "-f", "alto", "-j", "1", **QUIET)
    _, errors = process.communicate(timeout=120)
    assert process.returncode == 1 and len(errors.splitlines()) == 2
    assert made(tmp_path) == whole
