"""Settings: everything an operator may set, read from ``WEIR_*`` environment variables and an optional ``.env`` file.

Owns names, defaults, limits and words of the settings; docs/settings.md is held to them by a test. Secrets are
``SecretStr``: they are never printed.
"""

from __future__ import annotations

from pathlib import Path

from pydantic import Field, SecretStr, model_validator
from pydantic_settings import SettingsConfigDict

from controls.case_terms import TermsTable
from controls.categories import check_categories, check_content_types
from controls.errors import InvalidCase
from feed.retention_settings import RetentionSettings

PREFIX = "WEIR_"

_DAY = 86_400
_UNITS = {"s": 1, "m": 60, "h": 3600, "d": _DAY}


class Settings(RetentionSettings):
    """One process's settings. Sizes in bytes, times in seconds unless the name says otherwise."""

    model_config = SettingsConfigDict(
        env_prefix=PREFIX,
        env_file=".env",
        extra="ignore",
        frozen=True,
        use_attribute_docstrings=True,
        validate_default=True,
    )

    home: Path = Path("weir-data")
    """Folder of the store, the models and the generated secret; made on first start."""

    host: str = "127.0.0.1"
    """Address to listen on. Only this machine reaches the default."""

    port: int = Field(default=8080, ge=0, le=65535)
    """Port to listen on; 0 takes a free one."""

    log_level: str = Field(default="info", pattern="^(debug|info|warning|error)$")
    """Least severe level that is logged."""

    log_requests: bool = False
    """Whether every request is logged at info, rather than at debug. Failed and slow ones always are, as warnings."""

    log_slow: float = Field(default=1.0, ge=0)
    """Seconds from which on a request is logged as slow; 0 for never."""

    otel_endpoint: str = Field(default="", pattern=r"^(https?://.+)?$")
    """Address that takes OpenTelemetry traces by OTLP over HTTP. Unset: OTEL_EXPORTER_OTLP_ENDPOINT's, else none."""

    # Who is asking

    secret: SecretStr | None = Field(default=None, min_length=32)
    """Secret that signs local tokens (HS256) and cursors. Unset: generated into the home folder with mode 0600."""

    local_tokens: bool = True
    """Whether tokens signed with the local secret are accepted. Off: only the key set's issuer gives tokens."""

    jwks_url: str = Field(default="", pattern=r"^(https://.+|http://(127\.0\.0\.1|localhost|\[::1\])(:\d+)?/.*)?$")
    """Address of the issuer's JSON Web Key Set (RS256, ES256 or EdDSA keys); https, or http on this machine."""

    jwks_file: Path | None = None
    """File with a JSON Web Key Set, in place of an address; read again when it changes."""

    jwks_refresh: float = Field(default=60.0, ge=10)
    """Seconds between two looks at the key set. An unknown key id causes a look at once, at most every 10 s."""

    token_issuer: str = ""
    """Value that ``iss`` of every token must have; empty accepts any."""

    token_audience: str = ""
    """Value that ``aud`` of every token must contain; empty accepts tokens without ``aud`` only."""

    token_leeway: int = Field(default=30, ge=0, le=300)
    """Seconds by which another machine's clock may be off when ``exp`` and ``nbf`` are checked."""

    token_cache: int = Field(default=60, ge=0, le=60)
    """Seconds for which a verified token or key is remembered, by its digest. 0 verifies every request."""

    # What may come in

    body_limit: int = Field(default=1 << 20, ge=1024)
    """Largest request body; larger ones are answered 413."""

    import_limit: int = Field(default=64 << 20, ge=1024)
    """Largest body of an item import; larger data sets go in through several requests or ``weir import``."""

    import_line_limit: int = Field(default=64 << 10, ge=256)
    """Longest line of an item import; longer ones are refused, the others taken."""

    rate_personal: float = Field(default=50.0, ge=0)
    """Requests a second that one reader, one author, or one address without a token may make; 0 for no limit."""

    rate_service: float = Field(default=20_000.0, ge=0)
    """Requests a second that one service key or token of any other scope may make; 0 for no limit."""

    rate_burst: float = Field(default=5.0, ge=1)
    """Seconds' worth of requests that may come at once after a pause."""

    inspect_share: float = Field(default=0.0, ge=0, le=1)
    """Share of published items that are drawn for inspection by a moderator; they stay published."""

    cors_origins: tuple[str, ...] = ()
    """Web origins that browsers may call from, as a JSON list. None by default."""

    # How the ledger is signed

    log_origin: str = Field(default="", pattern=r"^[!-*,-~]{0,200}$")
    """Name of the ledger in its checkpoints, such as example.org/weir; a random one if unset. It can never change."""

    log_every: float = Field(default=60.0, ge=1)
    """Seconds between two signed checkpoints that are kept, while decisions are made."""

    # How decisions are made

    approvals: bool = True
    """Whether acts of high impact, such as publishing a policy, wait for a second person who approves them."""

    approval_hours: int = Field(default=72, ge=1, le=720)
    """Hours for which an act or a policy waits for its second person; then it has to be proposed again."""

    # How pages are made

    lease: float = Field(default=2.0, gt=0, le=60)
    """Seconds for which a replica may serve without confirming the ledger's head (law 10)."""

    enforced_timeout: float = Field(default=2.0, gt=0, le=60)
    """Longest wait for replicas to obey a decision before its answer names the lagging ones."""

    popular_every: float = Field(default=60.0, ge=0)
    """Least seconds between two computations of the popular lists."""

    reader_states: int = Field(default=200_000, ge=1)
    """Readers whose state is kept in memory."""

    reader_memory: int = Field(default=1 << 30, ge=1 << 20)
    """Bytes that their states may take in all; those who were asked for least recently leave."""

    cursor_hours: int = Field(default=24, ge=1, le=168)
    """Hours after which a cursor no longer continues its session."""

    minor_break_minutes: int = Field(default=40, ge=0, le=1440)
    """Minutes of a session after which pages of readers known to be minors say how long it has lasted; 0 for never."""

    # How fresh the model is

    retrain_days: int = Field(default=7, ge=1, le=366)
    """Days within which the operator trains again; receipts of erasure promise it."""

    retrain_every: str = Field(default="1d", pattern="^(off|[1-9][0-9]{0,6}[smhd])$")
    """Time between two trainings by the server, in a process of its own, such as 6h or 1d; off: the operator trains."""

    retrain_model: str = Field(default="", pattern="^[a-z]*$")
    """Model that they train, or auto. Unset: as the active one was trained, auto where none is."""

    retrain_slice: float = Field(default=0.1, ge=0.001, le=0.5)
    """Share of all events, the newest, that the new and the active model are judged by at most."""

    retrain_tolerance: float = Field(default=0.02, ge=0, le=1)
    """Share of the active model's score by which the new one may fall short and still take over."""

    retrain_warm: bool = False
    """Whether they begin from the active model, where it is of a kind for that and nothing was forgotten since."""

    retrain_threads: int = Field(default=0, ge=0, le=1024)
    """Cores that they may take, at a low priority; 0 for half of the machine's."""

    models_kept: int = Field(default=3, ge=1)
    """Model files kept of models that served last, and of ones that never did; kept Servings keep their models' too."""

    # How cases are worked on

    case_hours: dict[str, float] | None = None
    """Hours to the deadline of cases by category or kind, such as {"danger": 2}, over the table of docs/cases.md."""

    case_severity: dict[str, int] | None = None
    """Severity from 1 to 10 of cases by category or kind, over the same table; what it does not know is added."""

    case_lease: int = Field(default=1800, ge=60, le=86_400)
    """Seconds for which a claimed case is held for the one who claimed it."""

    report_daily: int = Field(default=50, ge=1)
    """Reports that one reader may make within a day."""

    report_form_hourly: int = Field(default=10, ge=1)
    """Reports that one address may make by the public form within an hour."""

    appeal_days: int = Field(default=180, ge=1, le=3650)
    """Days after a decision within which it can be appealed."""

    overturn_limit: float = Field(default=0.5, gt=0, le=1)
    """Share of a rule's appeals that are upheld, as the lower bound of an interval, beyond which it turns to shadow."""

    overturn_days: int = Field(default=90, ge=1, le=3650)
    """Days of appeals by which a rule is judged."""

    review_hours: float = Field(default=0.0, ge=0)
    """Hours of review that people give in a day; 0 while nobody has counted them."""

    # How restrictions are stated

    restriction_quiet: int = Field(default=300, ge=0, le=86_400)
    """Seconds after which a rule that let go of an item has ended its Restriction; what flaps within them is one."""

    statement_categories: dict[str, str] | None = None
    """Categories of statements by words of a basis, such as {"scam": "SCAMS_AND_FRAUD"}; see docs/statements.md."""

    content_types: tuple[str, ...] = Field(default=("TEXT",), min_length=1)
    """What items are, in the words of the DSA database, as a JSON list; see docs/statements.md."""

    content_type_other: str = Field(default="", max_length=500)
    """What items of the type OTHER are."""

    # What may wait

    servings_queue: int = Field(default=10_000, ge=1)
    """Servings that may wait to be written; what does not fit is dropped and counted."""

    write_queue: int = Field(default=100_000, ge=1)
    """Rows that may wait for the writer; beyond it, writes are answered 503 with Retry-After."""

    write_patience: float = Field(default=5.0, gt=0, le=60)
    """Seconds after which events that the store has not confirmed are answered 503; the same may be sent again."""

    shed_delay: float = Field(default=0.25, ge=0, le=10)
    """Seconds that requests may stand in line before bulk is answered 503, and twice that pages too; 0 for never."""

    bulk_in_flight: int = Field(default=64, ge=1)
    """Requests other than pages, decisions and readers' choices that are worked on at once; more are answered 503."""

    reader_patience: float = Field(default=0.5, gt=0, le=10)
    """Seconds a page waits for a reader who is not in memory; then it is made as for one who opted out."""

    free_disk: int = Field(default=64 << 20, ge=0)
    """Free bytes under the home folder below which this process reports that it is not ready."""

    @model_validator(mode="after")
    def _keeps_its_promise(self) -> Settings:
        if (self.retrain_seconds or 0) > self.retrain_days * _DAY:
            raise ValueError("WEIR_RETRAIN_EVERY is longer than WEIR_RETRAIN_DAYS, which is promised; shorten it")
        return self

    @model_validator(mode="after")
    def _terms_hold(self) -> Settings:
        try:
            TermsTable(self.case_hours, self.case_severity)
        except InvalidCase as refusal:
            raise ValueError(f"WEIR_CASE_{refusal.field.upper()}: {refusal.message}") from None
        return self

    @model_validator(mode="after")
    def _can_state(self) -> Settings:
        check_categories(self.statement_categories or {})
        check_content_types(self.content_types, self.content_type_other)
        return self

    @model_validator(mode="after")
    def _one_key_set(self) -> Settings:
        if self.jwks_url and self.jwks_file:
            raise ValueError("WEIR_JWKS_URL and WEIR_JWKS_FILE are both set; keep one of them")
        if not self.local_tokens and not (self.jwks_url or self.jwks_file):
            raise ValueError("WEIR_LOCAL_TOKENS is off and no key set is named; set WEIR_JWKS_URL or WEIR_JWKS_FILE")
        return self

    @property
    def retrain_seconds(self) -> int | None:
        """Seconds between two trainings by the server; None when it does not train."""
        every = self.retrain_every
        return None if every == "off" else int(every[:-1]) * _UNITS[every[-1]]

    @property
    def store_file(self) -> Path:
        """The SQLite file of the embedded store."""
        return self.home / "weir.db"

    @property
    def models_folder(self) -> Path:
        """Folder of the item graph files."""
        return self.home / "models"

    @property
    def log_key_file(self) -> Path:
        """File of the key that signs the ledger's checkpoints, and of the public keys before it."""
        return self.home / "log-key"

    @property
    def secret_file(self) -> Path:
        """File of the generated secret."""
        return self.home / "secret"
