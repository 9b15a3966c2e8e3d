"""What an OpenTelemetry SDK brings to a receiver, by the variables of its container: signals, TLS, credentials.

OpenTelemetry specification, OTLP exporter configuration, and SDK environment variables, Exporter Selection.
"""

from collections.abc import Collection, Mapping
from typing import NamedTuple

SIGNALS = ("traces", "metrics", "logs")
_OTLP = "OTEL_EXPORTER_OTLP"
HEADERS, CERTIFICATE = "headers", "certificate"
_CREDENTIALS = {HEADERS: "HEADERS", CERTIFICATE: "CLIENT_CERTIFICATE"}
_SCHEMES = {"https": True, "http": False}
_INSECURE = {"true": False, "false": True}


class Brought(NamedTuple):
    """The signals that are sent for certain, whether over TLS (None where SDKs differ), and the credentials."""

    signals: tuple[str, ...]
    tls: bool | None
    credentials: tuple[str, ...]


def brings(signal: str, endpoint: str, values: Mapping[str, str], names: Collection[str]) -> Brought:
    """What goes to an endpoint, that of one `signal` or that of all for an empty one.

    `values` are the variables whose values are known, `names` those that are set.
    """
    sent = [x for x in SIGNALS if values.get(f"OTEL_{x.upper()}_EXPORTER", "otlp") in ("", "otlp")]
    told = [x for x in sent if f"OTEL_{x.upper()}_EXPORTER" in values]
    own = [x for x in sent if f"{_OTLP}_{x.upper()}_ENDPOINT" in names]
    # An SDK is there to send something, and few send what nobody asked of them: the first that is not switched off.
    general = tuple(dict.fromkeys(x for x in (*sent[:1], *told) if x not in own))
    signals = tuple(x for x in sent if x == signal) if signal else general
    scheme, _, rest = endpoint.partition("://")
    insecure = _first("INSECURE", signal, values).lower()
    tls = _SCHEMES.get(scheme.lower()) if rest else _INSECURE.get(insecure)
    return Brought(signals, tls, tuple(k for k, v in _CREDENTIALS.items() if _is_set(v, signal, names)))


def _first(what: str, signal: str, values: Mapping[str, str]) -> str:
    """A setting of a signal, or else of all."""
    own = values.get(f"{_OTLP}_{signal.upper()}_{what}", "") if signal else ""
    return own or values.get(f"{_OTLP}_{what}", "")


def _is_set(what: str, signal: str, names: Collection[str]) -> bool:
    """Whether a setting has a value, of one signal or of all."""
    wanted = (signal,) if signal else SIGNALS
    return bool({f"{_OTLP}_{what}", *(f"{_OTLP}_{x.upper()}_{what}" for x in wanted)}.intersection(names))
