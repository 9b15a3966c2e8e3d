"""What an OpenTelemetry SDK brings to a receiver, by the variables of its container: signals, TLS, credentials.

OpenTelemetry specification, OTLP exporter configuration, and SDK environment variables, Exporter Selection.
"""

from collections.abc import Collection, Mapping
from typing import NamedTuple

from dualstack.reach.java import AFTER, BEFORE
from dualstack.reach.redacted import is_redacted

SIGNALS = ("traces", "metrics", "logs")
"""Those that SDKs export unless they are told otherwise."""
OTLP = "otlp"
_OTLP = "OTEL_EXPORTER_OTLP"
HEADERS, CERTIFICATE = "headers", "certificate"
_CREDENTIALS = {HEADERS: "HEADERS", CERTIFICATE: "CLIENT_CERTIFICATE"}
_OPTIONS = (*BEFORE, *AFTER)
_STORES = ("SSL_CERT_FILE", "SSL_CERT_DIR", "NODE_EXTRA_CA_CERTS", "REQUESTS_CA_BUNDLE")
"""Variables that name authorities for whatever a program sends (OpenSSL and Go, Node.js, Python)."""
_SCHEMES = {"https": True, "http": False}
_INSECURE = {"true": False, "false": True}
_OFF = {"OTEL_SDK_DISABLED": "true", "OTEL_JAVAAGENT_ENABLED": "false"}
"""What switches an SDK off, or the agent that is one (opentelemetry-java-instrumentation, `otel.javaagent.enabled`)."""
_SAMPLER, _NONE = "OTEL_TRACES_SAMPLER", "always_off"
"""What keeps every span from an exporter."""


class Brought(NamedTuple):
    """The signals that are sent for certain, whether over TLS (None where SDKs differ), and the credentials.

    `may` are all signals that are not switched off, and do not go to an endpoint of their own. `trusts` says that an
    authority is named whose certificates are taken.
    """

    signals: tuple[str, ...]
    tls: bool | None
    credentials: tuple[str, ...]
    may: tuple[str, ...] = ()
    trusts: bool = False


def brings(
    signal: str, endpoint: str, values: Mapping[str, str], names: Collection[str], among: Collection[str] = SIGNALS
) -> Brought:
    """What goes to an endpoint, that of one `signal` or that of all for an empty one, and of these what is `among`.

    `values` are the variables whose values are known, `names` those that are set.
    """
    sent = [x for x in SIGNALS if exports(x, values)]
    told = [x for x in sent if f"OTEL_{x.upper()}_EXPORTER" in values]
    general = [x for x in sent if x in among and f"{_OTLP}_{x.upper()}_ENDPOINT" not in names]
    # An SDK is there to send something, and few send what nobody asked of them: the first that is not switched off.
    certain = dict.fromkeys(x for x in (*sent[:1], *told) if x in general)
    signals = tuple(x for x in sent if x == signal) if signal else tuple(certain)
    may = signals if signal else tuple(general)
    scheme, _, rest = endpoint.strip().partition("://")
    insecure = _first("INSECURE", signal, values).lower()
    tls = _SCHEMES.get(scheme.lower()) if rest else _INSECURE.get(insecure)
    credentials = tuple(k for k, v in _CREDENTIALS.items() if _is_set(v, signal, names))
    trusts = _is_set("CERTIFICATE", signal, names) or any(x in names for x in _STORES)
    return Brought(signals, tls, credentials, may, trusts or any("trustStore" in values.get(x, "") for x in _OPTIONS))


def exports(signal: str, values: Mapping[str, str], by: str = OTLP) -> bool:
    """Whether a signal goes out `by` an exporter; a variable that is not there, or says nothing, means OTLP.

    SDKs take a list, and names that begin alike: `otlp,console`, `otlp_proto_http` (opentelemetry-python, entry points
    of its exporters). `otlp/stdout` writes to the log.
    """
    if signal == "traces" and _is_unsampled(values):
        return False
    said = values.get(f"OTEL_{signal.upper()}_EXPORTER", "").strip().lower()
    names = [x.strip() for x in said.split(",") if x.strip()] or [OTLP]
    return any(x.startswith(by) and not x.endswith("stdout") for x in names) or "$" in said or is_redacted(said)


def idle(values: Mapping[str, str], by: Mapping[str, str] | None = None) -> str:
    """The variables by which an SDK sends nothing by OTLP, whatever endpoint it is told; empty where it does.

    `by` is what says the value in the place of a variable.
    """
    called = by or {}
    off = is_off(values, called)
    if off or any(exports(x, values) for x in SIGNALS):
        return off
    own = {"traces": _SAMPLER} if _is_unsampled(values) else {}
    names = (own.get(x, f"OTEL_{x.upper()}_EXPORTER") for x in SIGNALS)
    return ", ".join(f"`{called.get(x, x)}={values[x]}`" for x in names)


def is_off(values: Mapping[str, str], by: Mapping[str, str] | None = None) -> str:
    """The variable by which an SDK is switched off, or what says it in its place; empty where it is on."""
    return next(
        (f"`{(by or {}).get(k, k)}={v}`" for k, v in _OFF.items() if values.get(k, "").strip().lower() == v), ""
    )


def _is_unsampled(values: Mapping[str, str]) -> bool:
    return values.get(_SAMPLER, "").strip().lower() == _NONE


def _first(what: str, signal: str, values: Mapping[str, str]) -> str:
    """A setting of a signal, or else of all."""
    own = values.get(f"{_OTLP}_{signal.upper()}_{what}", "") if signal else ""
    return own or values.get(f"{_OTLP}_{what}", "")


def _is_set(what: str, signal: str, names: Collection[str]) -> bool:
    """Whether a setting has a value, of one signal or of all."""
    wanted = (signal,) if signal else SIGNALS
    return bool({f"{_OTLP}_{what}", *(f"{_OTLP}_{x.upper()}_{what}" for x in wanted)}.intersection(names))
