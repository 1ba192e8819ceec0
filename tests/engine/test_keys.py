"""The processes of a cluster answer those who hold its keys, and nobody else."""

import asyncio
import http.client
import json
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import psutil
import pytest
from distributed import Client, Security
from distributed.comm import connect

from workbench.contract.errors import LabError
from workbench.engine import Engine, cluster
from workbench.engine.keys import temporary_keys

RUN = [sys.executable, "-m", "workbench.cli", "run", "trial", "--set", "steps=3", "--json"]


def family(engine):
    child = psutil.Process(engine._child.pid)
    return [child, *child.children(recursive=True)]


@pytest.fixture
def ports(engine, wait_for):
    """Return every port at which the processes of a local cluster listen."""
    engine.wait()
    wait_for(lambda: len(engine.client.scheduler_info(n_workers=-1)["workers"]) == 3, 60, "all workers")
    found = {c.laddr for p in family(engine) for c in p.net_connections("inet") if c.status == psutil.CONN_LISTEN}
    assert len(found) == 1 + 2 * 3  # the scheduler; two workers and one for probes, with a nanny each
    assert {place.ip for place in found} == {"127.0.0.1"}
    return [place.port for place in found]


def test_a_local_cluster_listens_to_no_browser(ports):
    for port in ports:
        line = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
        with pytest.raises((http.client.HTTPException, ConnectionError)):
            line.request("GET", "/")
            line.getresponse()


def greet(address, security, timeout):
    async def ask():
        link = await connect(address, timeout=timeout, **security.get_connection_args("client"))
        await link.write({"op": "identity", "reply": True})
        answer = await link.read()
        await link.close()
        return answer

    with ThreadPoolExecutor(1) as other:  # Playwright, once used, has an event loop of its own in this thread
        return other.submit(asyncio.run, ask()).result()


def test_a_local_cluster_refuses_strangers_and_takes_its_own(engine, ports):
    own, other = engine.client.security, Security(**temporary_keys())
    one_sided = Security(
        tls_ca_file=own.tls_ca_file, tls_client_cert=other.tls_client_cert, tls_client_key=other.tls_client_key
    )
    for port in ports:
        for address, security in (
            (f"tcp://127.0.0.1:{port}", Security()),
            (f"tls://127.0.0.1:{port}", other),
            (f"tls://127.0.0.1:{port}", one_sided),
        ):
            with pytest.raises(OSError):
                greet(address, security, timeout=2)
        assert greet(f"tls://127.0.0.1:{port}", own, timeout=60)["id"]


def test_a_stranger_runs_nothing_in_a_local_cluster(engine):
    engine.wait()
    address = engine.client.scheduler.address
    assert address.startswith("tls://")
    for place, security in (
        (address, Security(**temporary_keys())),
        (address.replace("tls", "tcp"), None),
    ):
        with pytest.raises(OSError):
            Client(place, security=security, timeout="2s", set_as_default=False)
    with Client(address, security=engine.client.security, set_as_default=False) as client:
        assert client.run_on_scheduler(os.getpid) == engine._child.pid


def test_the_keys_are_told_to_the_parent_alone(engine, home):
    engine.wait()
    for process in family(engine):
        told = " ".join([*process.cmdline(), *process.environ().values()])
        assert "PRIVATE KEY" not in told
    small = [path for path in home.rglob("*") if path.is_file() and path.stat().st_size < 10_000]
    assert not [path for path in small if b"PRIVATE KEY" in path.read_bytes()]


def test_each_cluster_has_keys_of_its_own():
    first, second = temporary_keys(), temporary_keys()
    assert not set(first.values()) & set(second.values()) - {True}


def test_a_cluster_that_does_not_start_says_so():
    dead = subprocess.Popen([sys.executable, "-c", ""], stdout=subprocess.PIPE, text=True)
    with pytest.raises(OSError, match="ended before"):
        cluster.connection(dead)


def test_workers_that_are_not_forked_get_the_keys_as_well():
    """Elsewhere than on Linux each worker is a Python of its own."""
    code = "from workbench.engine import cluster; cluster._share_imports = lambda: None; cluster.main()"
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    with subprocess.Popen([sys.executable, "-c", code, "1"], **pipes) as child:
        with Client(**cluster.connection(child), set_as_default=False) as client:
            client.wait_for_workers(2, timeout=60)
            pids = client.run(os.getpid)
        assert len(pids) == 2 and all(address.startswith("tls://") for address in pids)
        child.stdin.close()


# a cluster elsewhere --------------------------------------------------------------------------------------------


@pytest.fixture
def certificates(tmp_path, monkeypatch):
    """Put certificates into Dask's configuration, for every process that starts from here."""
    keys = temporary_keys()
    (tmp_path / "ca.pem").write_text(keys["tls_ca_file"])
    (tmp_path / "key.pem").write_text(keys["tls_client_cert"] + keys["tls_client_key"])
    monkeypatch.setenv("DASK_DISTRIBUTED__COMM__REQUIRE_ENCRYPTION", "true")
    monkeypatch.setenv("DASK_DISTRIBUTED__COMM__TLS__CA_FILE", str(tmp_path / "ca.pem"))
    for role in ("CLIENT", "SCHEDULER", "WORKER"):
        monkeypatch.setenv(f"DASK_DISTRIBUTED__COMM__TLS__{role}__CERT", str(tmp_path / "key.pem"))


def doctor(address):
    code = "import json, workbench.doctor as d; c = d.scheduler(); print(json.dumps([c.ok, c.found]))"
    env = os.environ | {"WORKBENCH_SCHEDULER": address}
    done = subprocess.run([sys.executable, "-c", code], env=env, capture_output=True, text=True, timeout=60)
    return json.loads(done.stdout)


def test_a_cluster_elsewhere_with_certificates(certificates, dask_cluster):
    address, _ = dask_cluster
    assert address.startswith("tls://")
    done = subprocess.run([*RUN, "--scheduler", address], capture_output=True, text=True, timeout=120)
    assert json.loads(done.stdout)["status"] == "done", done.stderr
    assert doctor(address) == [True, f"{address} answers, and to holders of a certificate only"]
    engine = Engine(address)  # of this process, which has no certificates: its configuration was read before
    with pytest.raises(LabError, match="no certificates for it"):
        engine.wait(60)
    engine.close()
    open_address = address.replace("tls", "tcp")
    told = subprocess.run([*RUN[:-1], "--scheduler", open_address], capture_output=True, text=True, timeout=120)
    assert told.returncode == 1 and "does not answer" in told.stderr and "Traceback" not in told.stderr


def test_an_open_cluster_elsewhere_is_told(dask_cluster):
    address, _ = dask_cluster
    ok, found = doctor(address)
    assert ok is None and "whoever reaches it can run code" in found
    done = subprocess.run([*RUN, "--scheduler", address], capture_output=True, text=True, timeout=120)
    assert json.loads(done.stdout)["status"] == "done", done.stderr
