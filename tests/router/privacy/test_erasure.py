"""What is forgotten is nowhere, and the books still balance."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from router.cache import tables as cache_tables
from router.cache.answers import NewAnswer
from router.cache.key import CacheKey
from router.cache.store import CacheStore
from router.decisions import Outcome
from router.errors import InputError
from router.log.store import LogStore
from router.log.tables import metadata
from router.migrations.schema import SCHEMA
from router.policy import Policy
from router.prices import PriceBook
from router.privacy.cipher import Cipher, SealedError
from router.privacy.erasure import KEPT, Whom
from router.privacy.forgetting import forget
from router.privacy.text_rule import TextRule
from router.requests import Request
from router.spend.ledger_books import imbalances
from router.spend.ledger_tables import balances, calls
from router.spend.spending import Spending
from router.spend.spending_file import read_spending_file

AT = datetime(2026, 3, 1, tzinfo=UTC)
KEYS = "k1:MTExMTExMTExMTExMTExMTExMTExMTExMTExMTExMTE="
RULES = """
[[budgets]]
name = "each user"
scope = { tenant = "*", user = "*" }
period = "day"
limit_usd = "9"
mode = "soft"
[[budgets]]
name = "company"
scope = {}
period = "day"
limit_usd = "99"
mode = "soft"
"""
Ask = Callable[[str, str, str], str]


class Kept:
    """A store with decisions, reports, spend and cached answers of several users."""

    def __init__(self, url: str, folder: Path, policy: Policy) -> None:
        self.url, self.folder, self.policy = url, folder, policy
        self.log = LogStore(url, keep_text=TextRule(everyone=True))
        self.cache = CacheStore(url, timeout_seconds=5, cipher=Cipher.read(KEYS))
        (folder / "spending.toml").write_text(RULES)
        rules = read_spending_file(folder / "spending.toml")
        self.spending = Spending(lambda: rules)

    def ask(self, tenant: str, user: str, text: str, answer: str = "an answer") -> str:
        asked = {"prompt": text, "tenant": tenant, "user": user, "session": f"{user}-s", "task_id": f"{user}-t"}
        request = Request.from_mapping(asked)
        decision = self.policy.decide(request, np.zeros(64, np.float32), AT)
        reserve = self.spending.reserving(decision, request, price)
        self.log.append(decision, request, reserve).result(5)
        outcome = Outcome(decision.decision_id, tenant, input_tokens=10, output_tokens=10)
        self.log.report(outcome, price, settle=self.spending.settling(price)).result(5)
        key = CacheKey(tenant, "s", "f", f"p-{tenant}", text.encode().ljust(16)[:16], True)
        said = replace(NewAnswer(answer), source=decision.decision_id)
        self.cache.insert(key, said, text, np.ones(4, np.float32), "e", 1.0, 9e9)
        return decision.decision_id

    def rows(self, table) -> list:
        with self.log.reading() as connection:
            return list(connection.execute(table.select()).mappings())

    def forget(self, tenant: str, user: str | None = None, keys: str = KEYS) -> dict[str, int]:
        return forget(self.url, self.url, Cipher.read(keys), Whom(tenant, user), self.folder)

    def books(self) -> list[str]:
        with self.log.reading() as connection:
            return imbalances(connection)

    def disk(self) -> bytes:
        self.log.close()
        self.cache.close()
        return b"".join(path.read_bytes() for path in self.folder.glob("log.db*"))


def price(route, usage, at):
    return PriceBook().usd(route, usage, at)


@pytest.fixture
def kept(store_url: str, tmp_path: Path, tiny_policy: Policy) -> Iterator[Kept]:
    made = Kept(store_url, tmp_path, tiny_policy)
    yield made
    made.log.close()
    made.cache.close()


def test_a_forgotten_user_is_nowhere_on_the_disk_and_others_stay(kept: Kept) -> None:
    gone, stays = kept.ask("acme", "bobby", "what ails bobby", "the flu"), kept.ask("acme", "carol", "carols question")
    removed = kept.forget("acme", "bobby")
    assert (removed["decisions"], removed["outcomes"], removed["cache_answers"]) == (1, 1, 1)
    assert [one["decision_id"] for one in kept.rows(metadata.tables["decisions"])] == [stays]
    assert len(kept.rows(cache_tables.answers)) == 1
    with pytest.raises(InputError):
        kept.log.decision(gone, "acme")
    assert kept.books() == []
    whole = kept.disk()
    assert b"bobby" not in whole and b"carol" in whole


def test_the_books_keep_the_amounts(kept: Kept) -> None:
    kept.ask("acme", "bobby", "one")
    before = [(row["spent"], row["tenant"]) for row in kept.rows(calls)]
    kept.forget("acme", "bobby")
    assert [(row["spent"], row["tenant"]) for row in kept.rows(calls)] == before
    assert {row["user"] for row in kept.rows(calls)} == {None}
    spent = {row["budget"]: row["spent"] for row in kept.rows(balances)}
    assert spent["each user"] == spent["company"] == before[0][0] > 0


def test_a_wording_of_the_users_leaves_though_the_answer_is_anothers(kept: Kept) -> None:
    kept.ask("acme", "bobby", "asked by bobby", "the same answer")
    kept.ask("acme", "carol", "asked by carol", "the same answer")
    assert len(kept.rows(cache_tables.answers)) == 1
    kept.forget("acme", "bobby")
    assert kept.rows(cache_tables.entries) == []


def test_another_tenants_user_of_that_name_stays(kept: Kept) -> None:
    kept.ask("acme", "bobby", "one")
    kept.ask("other", "bobby", "one")
    kept.forget("acme", "bobby")
    assert [row["tenant"] for row in kept.rows(metadata.tables["decisions"])] == ["other"]
    assert [row["tenant"] for row in kept.rows(cache_tables.answers)] == ["other"]
    assert {row["user"] for row in kept.rows(calls)} == {None, "bobby"}
    assert kept.books() == []


def test_a_forgotten_tenant_leaves_amounts_alone(kept: Kept) -> None:
    kept.cache.save_state("acme", {"a": 1})
    for user in ("bobby", "carol"):
        kept.ask("acme", user, f"asked by {user}")
    kept.ask("other", "dave", "asked by dave")
    (kept.folder / "p-acme.index").write_bytes(b"vectors")
    (kept.folder / "p-other.index").write_bytes(b"vectors")
    kept.forget("acme")
    assert not (kept.folder / "p-acme.index").exists() and (kept.folder / "p-other.index").exists()
    assert kept.rows(cache_tables.states) == [] and kept.books() == []
    whole = kept.disk()
    assert b"bobby" not in whole and b"carol" not in whole and b"dave" in whole


def test_harvested_labels_are_forgotten_with_the_log(kept: Kept, tmp_path: Path) -> None:
    kept.ask("acme", "bobby", "one")
    pd.DataFrame({"tenant": ["acme", "acme"], "prompt": ["one", "two"]}).to_parquet(tmp_path / "harvest.parquet")
    whom, places = Whom("acme", "bobby"), (kept.url, kept.url, Cipher.read(KEYS))
    assert forget(*places, whom, labels=[tmp_path / "harvest.parquet"])["harvest.parquet"] == 1
    assert list(pd.read_parquet(tmp_path / "harvest.parquet")["prompt"]) == ["two"]


def test_without_the_key_nothing_is_half_forgotten(kept: Kept) -> None:
    decision_id = kept.ask("acme", "bobby", "one")
    kept.ask("acme", "carol", "two")
    with pytest.raises(SealedError):
        kept.forget("acme", "bobby", keys="")
    assert kept.log.decision(decision_id, "acme")["user"] == "bobby"


def test_forgetting_twice_and_from_an_empty_store_removes_nothing(kept: Kept, tmp_path: Path) -> None:
    kept.ask("acme", "bobby", "one")
    kept.forget("acme", "bobby")
    assert kept.forget("acme", "bobby") == {}
    empty = f"sqlite:///{tmp_path}/empty.db"
    assert forget(empty, empty, Cipher(), Whom("acme")) == {}


def test_every_table_is_forgotten_or_kept_for_a_reason() -> None:
    """A table that somebody adds must say whose rows it holds, or be named in KEPT."""
    whole = {name: table for one in SCHEMA for name, table in one.tables.items()}
    covered = {"cache_answers", "cache_entries", "ledger_alerts"}  # by statements of their own
    for name, table in whole.items():
        about = {"tenant", "decision_id", "lookup_id"} & set(table.c.keys())
        assert about or name in KEPT | covered | {"probes", "leases"}, name
