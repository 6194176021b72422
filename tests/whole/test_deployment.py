"""The cluster's compose file, the systemd unit and the image."""

import asyncio
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
import yaml  # type: ignore[import-untyped]  # its stubs are no package of ours

from bench import postgres
from bot.__main__ import CANNOT_START
from common.settings import Settings
from jobs.outcomes import QueueUnavailableError
from jobs.queue import JobQueue
from tests.kit.fake_engine import ENGINE_INFO
from tests.kit.samples import RESULT, paint_report, reload, submit_job

ROOT = Path(__file__).resolve().parents[2]
SERVICES: dict[str, dict[str, Any]] = yaml.safe_load((ROOT / "compose.cluster.yaml").read_text())[
    "services"
]
SECRETS_OF_OTHERS = {"DISCORD_TOKEN", "POSTGRES_PASSWORD", "MINIO_PASSWORD"}


def test_cluster_engine_gets_no_secrets_of_other_services() -> None:
    engine = SERVICES["engine"]
    assert engine["env_file"] == ".env"
    blanked = {name for name, value in engine["environment"].items() if value == ""}
    assert blanked == SECRETS_OF_OTHERS
    passwords = set(re.findall(r"\$\{(\w+PASSWORD)", (ROOT / "compose.cluster.yaml").read_text()))
    assert passwords - {"ENGINE_PASSWORD"} <= SECRETS_OF_OTHERS
    engine_values = " ".join(str(value) for value in engine["environment"].values())
    assert not [name for name in SECRETS_OF_OTHERS if f"${{{name}" in engine_values]


def test_cluster_file_header_names_every_required_variable() -> None:
    text = (ROOT / "compose.cluster.yaml").read_text()
    head = text[: text.index("x-logging")]
    for name in re.findall(r"\$\{(\w+):\?", text):
        assert name in head


@pytest.mark.parametrize("name", SERVICES)
def test_each_service_has_a_pinned_version_and_limits(name: str) -> None:
    service = SERVICES[name]
    version = service.get("image", "built:here").rpartition(":")[2]
    assert version not in {"", "latest"}
    assert service["logging"]["options"].keys() == {"max-size", "max-file"}
    if service["restart"] == "unless-stopped":
        assert service["mem_limit"]


def test_systemd_unit_restarts_only_recoverable_failures() -> None:
    unit = (ROOT / "deploy" / "atelier.service").read_text()
    assert "\nRestart=on-failure\n" in unit
    assert f"\nRestartPreventExitStatus={CANNOT_START}\n" in unit
    assert "\nStartLimitIntervalSec=0\n" in unit, "a database outage may be long"


@pytest.mark.skipif(shutil.which("grep") is None, reason="needs a shell's commands")
def test_systemd_unit_data_dir_is_writable_and_not_overridden(tmp_path: Path) -> None:
    unit = (ROOT / "deploy" / "atelier.service").read_text()
    (folder,) = re.findall(r"^Environment=ATELIER_DATA_DIR=(.+)$", unit, re.MULTILINE)
    assert f"\nStateDirectory={folder.removeprefix('/var/lib/')}\n" in unit
    (command,) = re.findall(
        r"^#   (grep .+) \| sudo install .+ /etc/atelier.env$", unit, re.MULTILINE
    )
    shutil.copy(ROOT / ".env.example", tmp_path / ".env")
    made = subprocess.run(command.split(), cwd=tmp_path, capture_output=True, text=True, check=True)
    names = [
        line.partition("=")[0] for line in made.stdout.splitlines() if not line.startswith("#")
    ]
    # A value in the file overrides the unit's.
    assert "DISCORD_TOKEN" in names
    assert "ATELIER_DATA_DIR" not in names


def test_image_pg_dump_is_not_older_than_the_cluster_postgres() -> None:
    (server,) = re.findall(r"postgres:(\d+)", SERVICES["postgres"]["image"])
    dockerfile = (ROOT / "Dockerfile").read_text()
    assert "-slim-trixie" in dockerfile, "another Debian release has another pg_dump version"
    (client,) = re.findall(r"pg_dump is (\d+)", dockerfile)
    assert int(client) >= int(server)


@pytest.mark.skipif(shutil.which("psql") is None, reason="needs PostgreSQL's client")
async def test_engine_role_can_paint_but_not_change_tables(
    postgres_server: postgres.Server, tmp_path: Path
) -> None:
    await postgres_server.execute("CREATE DATABASE cluster TEMPLATE atelier_template")
    url = sa.make_url(postgres_server.url("cluster"))
    script = SERVICES["roles"]["command"][2].partition("<<'SQL'\n")[2].rpartition("SQL\n")[0]
    script = script.replace("database atelier", "database cluster")
    address = url.set(drivername="postgresql").render_as_string(hide_password=False)
    command = ["psql", "-v", "ON_ERROR_STOP=1", "-v", "password=it's", "-d", address]
    for _ in range(2):  # it runs at each start of the cluster
        await asyncio.to_thread(subprocess.run, command, input=script.encode(), check=True)
    engines = url.set(username="atelier_engine", password="it's")
    owner, role = (
        Settings(
            _env_file=None,
            atelier_data_dir=tmp_path,
            atelier_database_url=each.render_as_string(hide_password=False),
        )
        for each in (url, engines)
    )
    await postgres_server.execute("CREATE DATABASE empty_cluster")
    unmigrated = role.model_copy(
        update={
            "atelier_database_url": engines.set(database="empty_cluster").render_as_string(
                hide_password=False
            )
        }
    )
    with pytest.raises(QueueUnavailableError, match="start the bot first"):
        await JobQueue.open(unmigrated)
    async with await JobQueue.open(owner) as queue, await JobQueue.open(role) as engine_queue:
        job = await submit_job(queue)
        await engine_queue.engines.register(ENGINE_INFO)
        claim = await engine_queue.claims.claim(ENGINE_INFO.id)
        assert claim is not None
        await engine_queue.claims.finish(claim, RESULT, paint_report())
        done = await reload(queue, job)
        assert done.result_key == RESULT
        for statement in ("DROP TABLE jobs", "CREATE TABLE mine (a int)"):
            async with engine_queue.database.read() as connection:
                with pytest.raises(sa.exc.DBAPIError, match=r"must be owner|permission denied"):
                    await connection.execute(sa.text(statement))
