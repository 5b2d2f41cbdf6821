"""The tables of the ledger: calls, the journal of their movements, and the counters of budgets.

Amounts are whole picodollars and moments whole milliseconds since 1970, so that SQLite and PostgreSQL add and group
them alike. They live in the log's metadata: a decision and its reservation are one transaction.
"""

from sqlalchemy import JSON, BigInteger, Column, Float, Index, Integer, String, Table, Text

from router.log.tables import metadata

# One row per call. `kind` says why it was made; `spent` is what it cost so far, `held` what is kept for it while it is
# out. `strongest` and `same_model` are what the strongest route, and this model at its highest effort, were expected to
# cost. `prefix` says why the prompt's beginning could be reused or not, see router.spend.prefix_cache.
calls = Table(
    "ledger_calls",
    metadata,
    Column("call_id", String(80), primary_key=True),
    Column("at_ms", BigInteger, nullable=False),
    Column("kind", String(16), nullable=False),
    Column("state", String(10), nullable=False),
    Column("tenant", String(200), nullable=False),
    Column("user", String(200)),
    Column("feature", String(200)),
    Column("environment", String(200)),
    Column("cost_centre", String(200)),
    Column("task_id", String(200), nullable=False),
    Column("tags", JSON, nullable=False),
    Column("session", String(200)),
    Column("model", String(200), nullable=False),
    Column("effort", String(200), nullable=False),
    Column("tier", String(16), nullable=False),
    Column("provider", String(64)),
    Column("expected", BigInteger, nullable=False),
    Column("held", BigInteger, nullable=False),
    Column("spread2", Float, nullable=False),
    Column("spent", BigInteger, nullable=False),
    Column("estimated", Integer, nullable=False, server_default="0"),
    Column("strongest", BigInteger),
    Column("same_model", BigInteger),
    Column("saved_cache", BigInteger, nullable=False, server_default="0"),
    Column("saved_prefix", BigInteger, nullable=False, server_default="0"),
    Column("prefix", String(10)),
    Column("prefix_share", Float),
    Column("input_tokens", BigInteger),
    Column("cached_input_tokens", BigInteger),
    Column("cache_write_tokens", BigInteger),
    Column("output_tokens", BigInteger),
    Column("reasoning_tokens", BigInteger),
    Column("correct", Float),
    Column("resolved", Integer),
    Column("failed", Integer, nullable=False, server_default="0"),
    Column("settled_ms", BigInteger),
    Column("expires_ms", BigInteger),
    Column("charges", JSON, nullable=False),
    Index("ledger_calls_time", "at_ms"),
    Index("ledger_calls_task", "task_id"),
    Index("ledger_calls_open", "state", "expires_ms"),
)

# Append-only: every movement of money, signed. Per call, `spent` rows add up to its cost, `held` rows to what is out.
entries = Table(
    "ledger_entries",
    metadata,
    Column("entry_id", Integer, primary_key=True, autoincrement=True),
    Column("call_id", String(80), nullable=False, index=True),
    Column("at_ms", BigInteger, nullable=False),
    Column("account", String(8), nullable=False),
    Column("pico", BigInteger, nullable=False),
)

# One row per budget, scope and period.
balances = Table(
    "ledger_balances",
    metadata,
    Column("key", String(700), primary_key=True),
    Column("budget", String(200), nullable=False, index=True),
    Column("since_ms", BigInteger),
    Column("resets_ms", BigInteger),
    Column("spent", BigInteger, nullable=False),
    Column("held", BigInteger, nullable=False),
    Column("expected", BigInteger, nullable=False),
    Column("spread2", Float, nullable=False),
    Column("open", Integer, nullable=False),
    Column("calls", Integer, nullable=False),
    Column("alerted", Float, nullable=False),
)

# Kinds of calls that other calls caused; jobs of their own (embedding, storage) are none.
CAUSED = ("retry", "fallback", "escalation", "judge", "shadow")
DAY_DIMENSIONS = ("tenant", "feature", "environment", "cost_centre", "model", "effort", "tier", "provider", "kind")
DAY_SUMS = (
    "calls",
    "spent",
    "held",
    "estimated",
    "caused",
    "caused_calls",
    "failed",
    "cache_hits",
    "unreported",
    "counterfactual",
    "same_model",
    "expected",
    "decided_spent",
    "saved_cache",
    "saved_prefix",
    "input_tokens",
    "cached_input_tokens",
    "output_tokens",
    "reasoning_tokens",
    "correct",
    "judged",
)

# Sums by day (whole days since 1970) of what calls contribute; see router.spend.ledger_days.
days = Table(
    "ledger_days",
    metadata,
    Column("day", Integer, primary_key=True),
    *[Column(name, String(200), primary_key=True) for name in DAY_DIMENSIONS],
    *[Column(name, Float if name == "correct" else BigInteger, nullable=False) for name in DAY_SUMS],
)

# What was announced, once for all processes; `seen_ms` is when the condition last held.
alerts = Table(
    "ledger_alerts",
    metadata,
    Column("alert_id", Integer, primary_key=True, autoincrement=True),
    Column("rule", String(40), nullable=False),
    Column("subject", String(700), nullable=False),
    Column("at_ms", BigInteger, nullable=False),
    Column("seen_ms", BigInteger, nullable=False),
    Column("message", Text, nullable=False),
    Column("evidence", JSON, nullable=False),
    Index("ledger_alerts_subject", "rule", "subject", "seen_ms"),
)

# What somebody asked not to hear of until a moment.
silences = Table(
    "ledger_silences",
    metadata,
    Column("rule", String(40), primary_key=True),
    Column("subject", String(700), primary_key=True),
    Column("until_ms", BigInteger, nullable=False),
)
