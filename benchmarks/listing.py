"""How long 10,000 runs take to list: the first page, a filtered page, a needle, the last page.

    python benchmarks/listing.py [RUNS]       about three minutes; writes benchmarks/listing.json

One run is made by the workbench, and its rows are copied in the database. The peer in the same run is the stock client
asked for everything: ``MlflowClient.search_runs``, all pages. Seconds depend on the machine and what else it does, so
the exit code is 1 only when a page takes more than a tenth of what the peer takes.
"""

from __future__ import annotations

import base64
import json
import statistics
import sys
import tempfile
import time
import uuid
from collections.abc import Callable
from pathlib import Path

import sqlalchemy

from workbench.runs.search import Query, Where, list_page
from workbench.runs.store import Store, open_store

REPEATS, SIZE, SHARE = 5, 25, 1 / 10
TABLES = ("runs", "tags", "params", "latest_metrics", "metrics")


def fill(store: Store, folder: Path, count: int) -> None:
    """Copy one run's rows until there are `count` runs, each with a number of its own."""
    params = {"eps": 0.5, "dataset": "iris", "seeds": 5, "null": 20, "studies": ["set"], "k": 5}
    given = {"seed": 0, "preset": "quick", "device": "cpu", "scheduler": "nobody", "name": "rs 0", "user": "ada"}
    first = store.create("rs", params, **given)
    store.update(first.id, metrics=[(f"m{i}", i / 7, 0) for i in range(12)], status="done", seconds="00000001.000")
    place = sqlalchemy.create_engine(f"sqlite:///{folder / 'runs.db'}")
    known = sqlalchemy.MetaData()
    known.reflect(place, only=TABLES)
    with place.begin() as link:
        for name in TABLES:
            table = known.tables[name]
            rows = [dict(row._mapping) for row in link.execute(table.select().where(table.c.run_uuid == first.id))]
            copies = [changed(name, row, number) for number in range(1, count) for row in rows]
            for start in range(0, len(copies), 20_000):
                link.execute(table.insert(), copies[start : start + 20_000])
    place.dispose()


def changed(table: str, row: dict, number: int) -> dict:
    """Return a row of the first run as the run number `number` has it."""
    row = row | {"run_uuid": uuid.UUID(int=number).hex}
    if table == "runs":
        row |= {"name": f"rs {number}", "start_time": row["start_time"] + 1000 * number}
    elif table == "params" and row["key"] == "eps":
        row["value"] = str(number % 100 / 100)
    elif table == "tags" and row["key"] == "workbench.params":
        row["value"] = json.dumps(json.loads(row["value"]) | {"eps": number % 100 / 100})
    elif table in ("latest_metrics", "metrics") and row["key"] == "m0":
        row["value"] = float(number * 7919 % 10_007)
    return row


def everything(store: Store) -> int:
    """Read all runs by the stock client; return how many there are."""
    token, seen = None, 0
    while True:
        found = store.client.search_runs(store.experiments("rs"), max_results=1000, page_token=token)
        seen, token = seen + len(found), found.token
        if not token:
            return seen


def clock(call: Callable[[], object], repeats: int = REPEATS) -> float:
    """Return the median of the wall times of some calls."""
    times = []
    for _ in range(repeats):
        begin = time.perf_counter()
        call()
        times.append(time.perf_counter() - begin)
    return statistics.median(times)


def main() -> int:
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 10_000
    with tempfile.TemporaryDirectory() as name:
        store = open_store("", name)
        fill(store, Path(name).resolve(), count)
        assert everything(store) == count
        plain = Query("rs", size=SIZE)
        tokens = {"first page": (plain, "")}
        tokens["page by a metric"] = (Query("rs", size=SIZE, order="metrics.m0"), "")
        many = (Where.parse("params.eps > 0.5"), Where.parse("metrics.m0 > 5000"))
        tokens["page of two conditions"] = (Query("rs", many, size=SIZE), "")
        tokens["needle by its name"] = (Query("rs", (Where.parse(f"name = rs {count // 3}"),), size=SIZE), "")
        tokens["needle by a number"] = (Query("rs", (Where.parse("params.eps = 0.07"),), size=SIZE), "")
        end = json.dumps({"offset": count - SIZE})
        tokens["last page"] = (plain, f"0:{base64.b64encode(end.encode()).decode()}")
        assert not list_page(store, *tokens["last page"]).next
        peer = clock(lambda: everything(store), 1)
        seconds = {title: clock(lambda given=given: list_page(store, *given)) for title, given in tokens.items()}
    rows = {title: {"seconds": round(took, 3), "share": round(took / peer, 4)} for title, took in seconds.items()}
    found = {"runs": count, "everything by the stock client, seconds": round(peer, 2), "pages": rows}
    for title, row in rows.items():
        print(f"{title:24} {row['seconds']:7.3f} s   1/{1 / row['share']:.0f} of {peer:.1f} s")
    Path(__file__).with_suffix(".json").write_text(json.dumps(found, indent=1) + "\n")
    return int(any(row["share"] > SHARE for row in rows.values()))


if __name__ == "__main__":
    sys.exit(main())
