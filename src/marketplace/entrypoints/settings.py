"""A setting has one name, one type, one range and one line that explains it, and a wrong one is refused."""

from collections.abc import Mapping
from dataclasses import Field, dataclass, field, fields
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

from msgspec import Meta

from marketplace.core.shared.errors import Invalid

PREFIX = "MARKETPLACE_"
# A secret that begins like this was made up by a development machine, and may have been copied around.
GENERATED = "generated-"
_UNPREFIXED = {"database_url", "osrm_url", "redis_url"}


class BadSetting(Invalid):
    """A setting that cannot be used: its name as it was given, what is wrong, what is allowed."""

    code = "bad_setting"

    def __init__(self, name: str, problem: str, allowed: str | None = None) -> None:
        super().__init__(name, problem, allowed)
        self.name, self.problem, self.allowed = name, problem, allowed


class Mode(StrEnum):
    DEVELOPMENT = "development"
    PRODUCTION = "production"


class LogFormat(StrEnum):
    CONSOLE = "console"
    JSON = "json"


class LogLevel(StrEnum):
    DEBUG = "debug"
    INFO = "info"
    WARNING = "warning"
    ERROR = "error"


Connections = Annotated[int, Meta(ge=1, le=200)]
Seconds = Annotated[float, Meta(ge=0.1, le=600)]
FileSeconds = Annotated[float, Meta(ge=1, le=3_600)]
Proxies = Annotated[int, Meta(ge=0, le=10)]
Port = Annotated[int, Meta(ge=0, le=65535)]
Bytes = Annotated[int, Meta(ge=1024, le=10_485_760)]
Days = Annotated[int, Meta(ge=0, le=60)]
Count = Annotated[int, Meta(ge=1, le=10_000)]
Slug = Annotated[str, Meta(pattern=r"^[a-z0-9][a-z0-9-]{0,62}$", description="a-z, 0-9 and -, up to 63")]
Secret = Annotated[str, Meta(min_length=16, max_length=200, description="16 to 200 characters")]
Database = Annotated[
    str,
    Meta(
        pattern=r"^postgres(ql)?(\+asyncpg)?://", description="postgresql://user:password@host:5432/database"
    ),
]
BaseUrl = Annotated[
    str,
    Meta(pattern=r"^https?://[^/?#]+(/[^?#]*)?$", description="a URL like https://api.example.com"),
]
RedisUrl = Annotated[
    str,
    Meta(
        pattern=r"^rediss?(\+cluster)?://",
        description="redis://host:6379, or redis+cluster://host:6379 for any server of a cluster",
    ),
]
# Shown by `doctor` and written into logs, so it takes no password.
OpenUrl = Annotated[
    str,
    Meta(
        pattern=r"^https?://([^/?#@:\[\]]+|\[[0-9A-Fa-f:]+\])(:[0-9]{1,5})?(/[^?#@]*)?$",
        description="a URL like http://osrm.example.com:5000, without a password",
    ),
]
StripeKey = Annotated[
    str,
    Meta(
        pattern=r"^(sk|rk)_(test|live)_[A-Za-z0-9_]{8,240}$",
        description="a secret or restricted key, sk_… or rk_…",
    ),
]
ClientId = Annotated[
    str, Meta(pattern=r"^[A-Za-z0-9_-]{1,100}$", description="letters, digits, - and _, up to 100")
]
HostName = Annotated[
    str, Meta(pattern=r"^[A-Za-z0-9.-]{1,253}$", description="a host's name, as sftp.example.com")
]
HostKey = Annotated[
    str,
    Meta(
        pattern=r"^(ssh-ed25519|ssh-rsa|ecdsa-sha2-nistp[0-9]{3}) [A-Za-z0-9+/=]{40,2000}$",
        description="the host's public key, ssh-ed25519 AAAA…",
    ),
]
WallTime = Annotated[str, Meta(pattern=r"^([01][0-9]|2[0-3]):[0-5][0-9]$", description="HH:MM")]
WebhookKey = Annotated[
    str, Meta(pattern=r"^whsec_[A-Za-z0-9+/]{16,180}={0,2}$", description="whsec_… of the endpoint")
]


def _is(section: str, description: str, *, secret: bool = False) -> dict[str, Any]:
    return {"section": section, "description": description, "secret": secret}


_RUNS, _DATABASE, _HTTP = "What runs", "Database", "HTTP"
_WORKER, _DISPATCH = "Worker", "Dispatch"
_RAILS, _STRIPE, _STITCH, _SANDBOX = "Payment rails", "Stripe", "Stitch", "Sandbox"
_SEEN = "What is seen of it"


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """`sources` says of each setting that was given where it came from."""

    mode: Mode = field(
        default=Mode.DEVELOPMENT,
        metadata=_is(_RUNS, "production refuses the sandbox, made-up secrets and a database of its own"),
    )
    blueprint: str = field(
        default="curbside",
        metadata=_is(_RUNS, "policy of the marketplace: a name, or the path of a TOML file"),
    )
    default_tenant: Slug | None = field(
        default=None,
        metadata=_is(_RUNS, "slug of the marketplace meant by default; else the blueprint's name"),
    )
    data_directory: Path = field(
        default=Path(".marketplace"), metadata=_is(_RUNS, "where the embedded database and its log are kept")
    )

    database_url: Database | None = field(
        default=None,
        repr=False,
        metadata=_is(_DATABASE, "PostgreSQL 15 or later; without it an embedded one is started", secret=True),
    )
    api_connections: Connections = field(
        default=8, metadata=_is(_DATABASE, "connections that one API process may hold")
    )
    worker_connections: Connections = field(
        default=6, metadata=_is(_DATABASE, "connections that one worker process may hold")
    )
    webhook_connections: Connections = field(
        default=2, metadata=_is(_DATABASE, "connections kept for webhooks, so that a busy API loses none")
    )
    sandbox_connections: Connections = field(
        default=3, metadata=_is(_DATABASE, "connections kept for what vendors' adapters keep")
    )
    connection_wait_seconds: Seconds = field(
        default=2.0, metadata=_is(_DATABASE, "how long a request waits for a connection before it gets a 503")
    )
    statement_timeout_seconds: Seconds = field(
        default=5.0, metadata=_is(_DATABASE, "after which PostgreSQL gives a statement up")
    )

    host: str = field(default="127.0.0.1", metadata=_is(_HTTP, "address to listen on"))
    port: Port = field(default=8000, metadata=_is(_HTTP, "port to listen on; 0 takes a free one"))
    public_base_url: BaseUrl | None = field(
        default=None, metadata=_is(_HTTP, "how the world reaches the API, for webhooks; else host and port")
    )
    proxies: Proxies = field(
        default=0,
        metadata=_is(
            _HTTP, "proxies of yours before the API, each adding the address it saw to X-Forwarded-For"
        ),
    )
    body_bytes_max: Bytes = field(default=65_536, metadata=_is(_HTTP, "largest body that a request may have"))
    sign_in_secret: Secret | None = field(
        default=None,
        repr=False,
        metadata=_is(
            _HTTP,
            "lets a repeated sign-in give the same tokens again; without it each process makes one up",
            secret=True,
        ),
    )
    requests_waiting_max: Count = field(
        default=200, metadata=_is(_HTTP, "requests under way at once; one more gets a 503 with Retry-After")
    )
    drain_seconds: Seconds = field(
        default=20.0, metadata=_is(_HTTP, "how long work under way may go on after SIGTERM")
    )

    worker_concurrency: Connections = field(
        default=20, metadata=_is(_WORKER, "jobs that one worker process carries out at a time")
    )

    redis_url: RedisUrl | None = field(
        default=None,
        repr=False,
        metadata=_is(
            _DISPATCH,
            "Redis that keeps the live map for all processes; without it each has its own, and a "
            "worker that runs apart asks the database",
            secret=True,
        ),
    )
    osrm_url: OpenUrl | None = field(
        default=None,
        metadata=_is(
            _DISPATCH, "OSRM server that knows the roads; without it ways are estimated by their distance"
        ),
    )

    rail_failures_max: Count = field(
        default=5,
        metadata=_is(
            _RAILS,
            "a rail that fails so often in the window, and every other time, is left alone for a while",
        ),
    )
    rail_window_seconds: Seconds = field(default=60.0, metadata=_is(_RAILS, "the window of these failures"))
    rail_pause_seconds: Seconds = field(
        default=15.0,
        metadata=_is(_RAILS, "the first such while; it doubles each time that the rail is still down"),
    )

    stripe_secret_key: StripeKey | None = field(
        default=None,
        repr=False,
        metadata=_is(
            _STRIPE,
            "turns the rail `stripe` on: a test key for test marketplaces, a live key for live ones",
            secret=True,
        ),
    )
    stripe_webhook_secret: Secret | None = field(
        default=None,
        repr=False,
        metadata=_is(_STRIPE, "whsec_… of the webhook endpoint, which the key needs", secret=True),
    )
    stripe_webhook_secret_before: Secret | None = field(
        default=None,
        repr=False,
        metadata=_is(_STRIPE, "still verified while the endpoint's secret is rolled", secret=True),
    )
    stripe_connect_webhook_secret: Secret | None = field(
        default=None,
        repr=False,
        metadata=_is(_STRIPE, "whsec_… of the endpoint for connected accounts", secret=True),
    )
    stripe_return_url: BaseUrl | None = field(
        default=None,
        metadata=_is(_STRIPE, "where a customer comes back to from its bank; else a page of the API"),
    )
    stripe_api_url: OpenUrl | None = field(
        default=None, metadata=_is(_STRIPE, "a server that plays Stripe, for tests; not in production")
    )
    stitch_client_id: ClientId | None = field(
        default=None,
        metadata=_is(_STITCH, "turns the rail `stitch` on, which needs secrets and host too"),
    )
    stitch_client_secret: Secret | None = field(
        default=None, repr=False, metadata=_is(_STITCH, "the client's secret", secret=True)
    )
    stitch_live: bool = field(
        default=False,
        metadata=_is(_STITCH, "whether the client moves real money, as live marketplaces need"),
    )
    stitch_webhook_secret: WebhookKey | None = field(
        default=None, repr=False, metadata=_is(_STITCH, "verifies Stitch's webhooks", secret=True)
    )
    stitch_webhook_secret_before: WebhookKey | None = field(
        default=None, repr=False, metadata=_is(_STITCH, "still verified while it is changed", secret=True)
    )
    stitch_sftp_host: HostName | None = field(
        default=None, metadata=_is(_STITCH, "where files of debits are exchanged")
    )
    stitch_sftp_port: Port = field(default=22, metadata=_is(_STITCH, "port of that host"))
    stitch_sftp_user: ClientId | None = field(default=None, metadata=_is(_STITCH, "our name at that host"))
    stitch_sftp_key_file: Path | None = field(
        default=None, metadata=_is(_STITCH, "file of our private key for that host")
    )
    stitch_sftp_host_key: HostKey | None = field(
        default=None, metadata=_is(_STITCH, "who shows another key is not trusted")
    )
    stitch_cut_off: WallTime = field(
        default="15:00",
        metadata=_is(
            _STITCH, "South African hour until which a file is for the next day; sent half an hour before"
        ),
    )
    stitch_debits_accounts: bool = field(
        default=False, metadata=_is(_STITCH, "whether accounts are debited whose banks do not ask the holder")
    )
    stitch_files_seconds: FileSeconds = field(
        default=300.0, metadata=_is(_STITCH, "how often a worker looks for files to send and to read")
    )
    stitch_api_url: OpenUrl | None = field(
        default=None, metadata=_is(_STITCH, "a server that plays Stitch, for tests; not in production")
    )

    sandbox: bool = field(
        default=True, metadata=_is(_SANDBOX, "played payments and messages; off in production")
    )
    sandbox_webhook_secret: Secret | None = field(
        default=None,
        repr=False,
        metadata=_is(_SANDBOX, "signs the sandbox's webhooks; made up where none is given", secret=True),
    )
    sandbox_webhook_secret_before: Secret | None = field(
        default=None,
        repr=False,
        metadata=_is(_SANDBOX, "still verified while the secret is changed", secret=True),
    )
    sandbox_settlement_days: Days = field(
        default=2, metadata=_is(_SANDBOX, "after which the sandbox settles what it moved to the bank")
    )
    sandbox_connected: bool = field(
        default=False,
        metadata=_is(_SANDBOX, "plays a vendor that pays by charge, and takes back what it has paid"),
    )

    log_format: LogFormat = field(
        default=LogFormat.CONSOLE, metadata=_is(_SEEN, "lines for people or for machines; json in production")
    )
    log_level: LogLevel = field(default=LogLevel.INFO, metadata=_is(_SEEN, "the least that is logged"))
    metrics: bool = field(default=True, metadata=_is(_SEEN, "whether /metrics answers"))

    sources: Mapping[str, str] = field(default_factory=dict, repr=False, compare=False)

    def __post_init__(self) -> None:
        _check_stripe(self)
        _check_stitch(self)
        if self.mode is Mode.PRODUCTION:
            _check_production(self)

    @property
    def base_url(self) -> str:
        """Without a slash at its end. Every address to listen on is reached by the local one."""
        host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(self.host, self.host)  # noqa: S104 - not listened on
        named = f"[{host}]" if ":" in host else host
        return (self.public_base_url or f"http://{named}:{self.port}").rstrip("/")

    @property
    def tenant_slug(self) -> str:
        return self.default_tenant or Path(self.blueprint).stem


def _check_stripe(settings: Settings) -> None:
    """Without its secret nobody could tell Stripe's webhooks from anybody's; without its key none come."""
    keyed, verified = settings.stripe_secret_key is not None, settings.stripe_webhook_secret is not None
    if keyed and not verified:
        raise BadSetting(variable("stripe_webhook_secret"), "is missing", "the endpoint's, whsec_…")
    if verified and not keyed:
        raise BadSetting(variable("stripe_secret_key"), "is missing where its webhook secret is set")


def _check_stitch(settings: Settings) -> None:
    """A rail that is set up in part would take orders, and bring none of them about."""
    needed = ("stitch_client_id", *_STITCH_NEEDS)
    first, *others = [variable(name) for name in needed if getattr(settings, name) is None] or [""]
    if first and len(others) + 1 < len(needed):
        more = f", and so are {', '.join(others)}" if others else ""
        raise BadSetting(first, "is missing where Stitch is set up" + more)


def _check_production(settings: Settings) -> None:
    if settings.database_url is None:
        raise BadSetting("DATABASE_URL", "is missing in production", "a PostgreSQL server's URL")
    if settings.sandbox:
        raise BadSetting("MARKETPLACE_SANDBOX", "is on in production", "false")
    if settings.stripe_api_url is not None:
        raise BadSetting(variable("stripe_api_url"), "is set in production", "none: Stripe itself")
    if settings.stitch_api_url is not None:
        raise BadSetting(variable("stitch_api_url"), "is set in production", "none: Stitch itself")
    for one in SETTINGS.values():
        value = getattr(settings, one.name)
        if one.metadata["secret"] and value is not None and value.startswith(GENERATED):
            allowed = "a secret of your own, as from `openssl rand -hex 32`"
            raise BadSetting(variable(one.name), "was made up by a development machine", allowed)


SETTINGS: Mapping[str, Field[Any]] = {one.name: one for one in fields(Settings) if one.metadata}
_STITCH_NEEDS = (
    "stitch_client_secret",
    "stitch_webhook_secret",
    "stitch_sftp_host",
    "stitch_sftp_user",
    "stitch_sftp_key_file",
    "stitch_sftp_host_key",
)
# Where production differs from development without being told.
PRODUCTION_DEFAULTS: Mapping[str, Any] = {"sandbox": False, "log_format": LogFormat.JSON}


def variable(name: str) -> str:
    """The environment variable of a setting."""
    return name.upper() if name in _UNPREFIXED else PREFIX + name.upper()
