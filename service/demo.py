"""`make demo`: the whole of Tierwise once, on simulated labels or on your own, through its public commands and HTTP.

Everything runs as a user would run it: `python -m training fit`, `python -m eval frontier`, `python -m service`, then
requests over the network. Nothing is shared with those processes but files and HTTP.
"""

import argparse
import json
import os
import re
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pandas as pd
from rich.console import Console
from rich.table import Table

from router.console import run_command
from router.errors import TierwiseError
from router.labels import read_labels
from router.settings import Settings
from router.tables import read_table

REQUESTS = 8
START_SECONDS = 60.0


def run_demo(argv: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(prog="python -m service demo", description=__doc__)
    parser.add_argument("--labels", type=Path, help="your own label set; default: a simulated one is made")
    parser.add_argument("--routes", type=Path, help="routes file with prices for models that the library lacks")
    parser.add_argument("--out", type=Path, help="the policy folder to write (default: models/demo)")
    arguments = parser.parse_args(argv)
    return run_command(lambda: _demo(arguments.labels, arguments.routes, arguments.out))


def _demo(labels: Path | None, routes: Path | None, out: Path | None) -> None:
    settings, simulated = Settings(), labels is None
    policy = out or settings.models_dir / "demo"
    report = Path("reports") / policy.name
    mark = " (simulated)" if simulated else ""
    print(f"Tierwise demo on {'simulated labels' if simulated else labels}\n\n1. Labels")
    labels = _prepare(labels, settings)
    print("\n2. Training")
    extra = (["--simulated"] if simulated else []) + (["--routes", str(routes)] if routes else [])
    _run("training", "fit", "--labels", str(labels), "--out", str(policy), *extra)
    print("\n3. Frontier report on the held-out queries")
    _run("eval", "frontier", "--policy", str(policy), "--labels", str(labels), "--out", str(report))
    print("\n4. Service")
    with _service(policy) as url:
        print(f"listening on {url}; routing {REQUESTS} held-out requests\n")
        rows = _route_and_report(url, labels)
        again = httpx.post(f"{url}/route", json=rows[0]["asked"], timeout=30).raise_for_status().json()
    _show(rows, mark)
    _show_again(again)
    print(f"\nReport: {report / 'frontier.html'} (opens in a browser, offline)")
    print(f"Next: read the report, then serve this policy with python -m service --policy {policy},")
    print("      or train on your own labels: make demo LABELS=path/to/labels.parquet")


def _prepare(labels: Path | None, settings: Settings) -> Path:
    """A label set with a held-out part: simulated where none is given, split where it is not."""
    own = settings.models_dir / "demo-labels.parquet"
    if labels is None:
        _run("training", "simulate", "--out", str(own))
        return own
    if read_labels(labels).has_part("test"):
        print(f"{labels} holds its test queries out already")
        return labels
    _run("training", "split", "--labels", str(labels), "--out", str(own))
    return own


def _run(module: str, *arguments: str) -> None:
    command = [sys.executable, "-m", module, *arguments]
    print(f"$ python -m {module} {' '.join(arguments)}", flush=True)
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, text=True, env={**os.environ, "PYTHONUNBUFFERED": "1"}
    ) as done:
        assert done.stdout is not None
        for line in done.stdout:
            if not line.startswith("Next:"):  # the next step is the demo's own
                print(line, end="", flush=True)
    if done.returncode:
        raise TierwiseError(f"python -m {module} {arguments[0]} ended with {done.returncode}; its message is above")


@contextmanager
def _service(policy: Path) -> Iterator[str]:
    """A service on a free port, stopped at the end whatever happens."""
    command = [sys.executable, "-m", "service", "--policy", str(policy), "--port", "0"]
    log = Path(os.devnull).open("w")  # noqa: SIM115 - it outlives this line
    # whatever keys were made for the store: this service is this demo's alone
    own = {**os.environ, "TIERWISE_HOST": "127.0.0.1", "TIERWISE_ACCESS": "open"}
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=log, text=True, env=own)
    try:
        yield _wait(process)
    finally:
        process.terminate()
        try:
            process.wait(15)
        except subprocess.TimeoutExpired:
            process.kill()
        log.close()


def _wait(process: "subprocess.Popen[str]") -> str:
    """The service's URL, once it says that it is ready."""
    assert process.stdout is not None
    url, deadline = "", time.monotonic() + START_SECONDS
    for line in process.stdout:
        found = re.search(r"http://[\w.:\[\]]+", line)
        if found:
            url = found.group()
            break
    while url and time.monotonic() < deadline:
        try:
            if httpx.get(f"{url}/readyz").status_code == 200:
                return url
        except httpx.TransportError:
            pass
        time.sleep(0.1)
    raise TierwiseError("the service did not become ready; run python -m service --policy … to see why")


def _route_and_report(url: str, labels: Path) -> list[dict[str, Any]]:
    """Route held-out requests, and report as outcome what the label set knows of the chosen route."""
    table = read_table(labels)
    held_out = table[table["split"] == "test"]
    rows = []
    with httpx.Client(base_url=url, timeout=30) as client:
        for query in _varied(held_out):
            known = held_out[held_out["query_id"] == query["query_id"]]
            prompt = {key: query[key] for key in ("prompt", "messages") if isinstance(query.get(key), (str, list))}
            decision = client.post("/route", json=prompt).raise_for_status().json()
            # the label set knows whether the answer was right, not what it said
            outcome = _outcome(known, decision) | {"answer": f"(what {decision['route']} said)"}
            reported = client.post("/outcomes", json={"decision_id": decision["decision_id"], **outcome})
            rows.append(
                {"query": query, "asked": prompt, "decision": decision, "outcome": outcome, "reported": reported.json()}
            )
    return rows


def _varied(held_out: pd.DataFrame) -> list[dict[str, Any]]:
    """A few queries, of as many tasks as there are."""
    queries = held_out.drop_duplicates("query_id").reset_index(drop=True)
    by = queries["task"].fillna("") if "task" in queries else pd.Series([""] * len(queries))
    turn = queries.groupby(by).cumcount()
    picked = queries.assign(turn=turn).sort_values(["turn", "query_id"], kind="stable").head(REQUESTS)
    return [{str(key): value for key, value in row.items()} for row in picked.to_dict("records")]


def _outcome(known: pd.DataFrame, decision: dict[str, Any]) -> dict[str, Any]:
    """The labelled result of the chosen route, as a caller would report it; only that it was called where unknown."""
    row = known[(known["model"] == decision["model"]) & (known["effort"] == decision["effort"])]
    if row.empty:
        return {"status": "ok"}
    one = row.iloc[0]
    names = {"correct": "correct", "input_tokens": "input_tokens", "output_tokens": "output_tokens"}
    found = {name: one[column] for name, column in names.items() if column in one and pd.notna(one[column])}
    outcome: dict[str, Any] = {name: float(v) if name == "correct" else int(v) for name, v in found.items()}
    if "cost_usd" in one and pd.notna(one["cost_usd"]):
        outcome["usd"] = str(one["cost_usd"])
    return outcome | {"status": "ok"}


def _show(rows: list[dict[str, Any]], mark: str) -> None:
    console = Console(width=None if sys.stdout.isatty() else 140)
    table = Table(title=f"Decisions{mark}", show_lines=False)
    for column in ("request", "route", "tier", "P(correct)", "expected USD", "strongest route", "its USD", "correct?"):
        table.add_column(column, justify="right" if "USD" in column or "P(" in column else "left")
    spent = strongest = 0.0
    for row in rows:
        decision = row["decision"]
        rival = max([decision, *decision["alternatives"]], key=lambda one: one["p_correct"]["value"])
        chance, correct = decision["p_correct"], row["outcome"].get("correct")
        spent, strongest = spent + decision["expected_usd"], strongest + rival["expected_usd"]
        table.add_row(
            _short(row["query"]),
            decision["route"],
            decision["tier"],
            f"{chance['value']:.2f} [{chance['low']:.2f}, {chance['high']:.2f}]",
            f"{decision['expected_usd']:.6f}",
            rival["route"],
            f"{rival['expected_usd']:.6f}",
            "not known" if correct is None else "yes" if correct >= 0.5 else "no",
        )
    console.print(table)
    print(f"Why the first one: {rows[0]['decision']['reason']}")
    recorded = sum(bool(row["reported"].get("recorded")) for row in rows)
    print(f"{recorded} of {len(rows)} outcomes recorded.")
    share = f" ({1 - spent / strongest:.0%} less)" if strongest > 0 else ""
    print(f"Expected cost{mark}: ${spent:.6f}, on each request's strongest route ${strongest:.6f}{share}.")


def _show_again(decision: dict[str, Any]) -> None:
    """The first request once more: its answer serves again, unless it was wrong."""
    cache = decision["cache"] or {}
    if decision["action"] == "cached":
        print(f"The first one asked again: cached ({cache['tier']}), {cache['answer']['content']!r}, ", end="")
        print(f"saves ${cache['usd_saved']:.6f}.")
    else:
        print(f"The first one asked again: routed, for its answer was not kept ({cache.get('reason', 'no cache')}).")


def _short(query: dict[str, Any], width: int = 44) -> str:
    text = query.get("prompt")
    line = " ".join((text if isinstance(text, str) else json.dumps(query.get("messages"), default=str)).split())
    return line if len(line) <= width else f"{line[: width - 1]}…"
