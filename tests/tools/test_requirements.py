"""Which lock file and packages a machine gets."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from packaging.markers import Marker
from packaging.requirements import Requirement

from tools.requirements import CPU_INDEX, choose, cpu_lock, cuda_command

ROOT = Path(__file__).resolve().parents[2]
LINUX = {"sys_platform": "linux", "platform_machine": "x86_64"}


def installed_packages(lock: str, environment: dict[str, str]) -> dict[str, str]:
    """Name and version of each package that a lock file installs there."""
    found = {}
    for line in lock.splitlines():
        if line and line[0] not in " #-":
            requirement = Requirement(line.removesuffix("\\").strip())
            marker: Marker | None = requirement.marker
            if marker is None or marker.evaluate(environment):
                found[requirement.name] = str(requirement.specifier).removeprefix("==")
    return found


@pytest.mark.parametrize("middle", ["", "-dev"])
def test_cpu_lock_has_the_same_packages_without_cuda(middle: str) -> None:
    ordinary = (ROOT / f"requirements{middle}.lock").read_text()
    cpu = (ROOT / f"requirements-cpu{middle}.lock").read_text()
    assert cpu == cpu_lock(ordinary, f"requirements{middle}.lock"), "run `make lock`"
    ordinary_packages, cpu_packages = (
        installed_packages(ordinary, LINUX),
        installed_packages(cpu, LINUX),
    )
    removed = set(ordinary_packages) - set(cpu_packages)
    assert removed
    assert all(name.startswith(("nvidia-", "cuda-", "triton")) for name in removed)
    assert cpu_packages.pop("torch") == f"{ordinary_packages['torch']}+cpu"
    for name in set(cpu_packages) - {"torchvision"}:
        assert cpu_packages[name] == ordinary_packages[name]


def test_cpu_lock_has_the_ordinary_torch_on_macs() -> None:
    mac = {"sys_platform": "darwin", "platform_machine": "arm64"}
    cpu = (ROOT / "requirements-cpu.lock").read_text()
    assert "+" not in installed_packages(cpu, mac)["torch"]


@pytest.mark.parametrize(
    ("system", "machine", "card", "reachable", "file", "message"),
    [
        ("Linux", "x86_64", True, True, "requirements-dev.lock", "NVIDIA card is here"),
        ("Linux", "x86_64", False, True, "requirements-cpu-dev.lock", "for processors"),
        ("Linux", "x86_64", False, False, "requirements-dev.lock", "does not answer"),
        ("Linux", "aarch64", False, True, "requirements-dev.lock", "one build"),
        ("Darwin", "arm64", False, True, "requirements-dev.lock", "one build"),
        ("Windows", "AMD64", False, True, "requirements-dev.lock", "one build"),
        ("Windows", "AMD64", True, True, "requirements-dev.lock", "tools.requirements cuda"),
    ],
)
def test_lock_file_is_chosen_by_system_machine_and_card(
    system: str, machine: str, card: bool, reachable: bool, file: str, message: str
) -> None:
    requested: list[str] = []

    def reach(address: str) -> bool:
        requested.append(address)
        return reachable

    reason, options = choose(
        "dev", system=system, machine=machine, cards=lambda: int(card), reachable=reach
    )
    assert options[-1] == file
    assert message in reason
    assert set(requested) <= {CPU_INDEX}
    assert (ROOT / file).is_file()


def test_cuda_command_installs_the_locked_torch_for_its_cuda() -> None:
    lock = (ROOT / "requirements.lock").read_text()
    packages = installed_packages(lock, LINUX)
    *_, address, torch = cuda_command(lock)
    assert torch == f"torch=={packages['torch']}"
    assert packages["cuda-toolkit"].replace(".", "").startswith(address.rpartition("/cu")[2])
    assert cuda_command(lock, "cu126")[-2].endswith("/cu126")


@pytest.mark.skipif(shutil.which("make") is None, reason="needs make")
def test_make_refuses_an_old_python_before_creating_anything(tmp_path: Path) -> None:
    old = tmp_path / "old python"
    code = "import sys; sys.version_info = (3, 9, 18); exec(sys.argv[2])"
    old.write_text(f"#!/bin/sh\nexec '{sys.executable}' -c '{code}' \"$@\"\n")
    old.chmod(0o755)
    for lock in ("requirements-dev.lock", "requirements-cpu-dev.lock"):
        (tmp_path / lock).touch()
    done = subprocess.run(
        ["make", "-f", str(ROOT / "Makefile"), "demo", f"PYTHON='{old}'"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2
    error = done.stderr.splitlines()[0]
    assert error.startswith("Atelier needs Python 3.11 or newer; this is 3.9.")
    assert error.endswith("make demo PYTHON=python3.12")
    assert not (tmp_path / ".venv").exists()
