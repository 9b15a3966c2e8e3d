"""The packet filter of a place: nftables by `nft`, and iptables where nft cannot show the rules.

`nft -j` prints matches and targets of iptables-nft that nftables has no words for as bare `xt` names, and rules of
legacy iptables not at all; `iptables-save` prints both in full.
"""

from collections.abc import Sequence
from subprocess import CalledProcessError, SubprocessError

import msgspec

from dualstack.gather import iptables, nftables
from dualstack.gather.env import Env
from dualstack.gather.errors import legible
from dualstack.model.evidence import Missing
from dualstack.model.filters import Chain, ElementSet, Match, Owner, Ruleset

NEEDS = "packet filter rules"
_LARGEST = 64 * 2**20  # characters of one listing; 10,000 rules with two sets a rule are about 10 MB
_LEGACY = {"ip": ("/proc/thread-self/net/ip_tables_names", ""), "ip6": ("/proc/thread-self/net/ip6_tables_names", "6")}


def ruleset(env: Env) -> Ruleset | Missing:
    """The rules that connections to and from `env.place` can meet, or why they could not be read."""
    chains, sets = tuple[Chain, ...](), tuple[ElementSet, ...]()
    try:
        if nftables.base_chains(_run(env, ("nft", "-j", "list", "chains"))):
            listing = _run(env, ("nft", "-j", "list", "ruleset"))
            with legible("its listing"):
                chains, sets = nftables.parse(listing)
    except (OSError, SubprocessError, msgspec.MsgspecError, ValueError, RecursionError) as error:
        return Missing(NEEDS, _why("nft", error))
    legacy, gaps = _legacy(env)
    chains = tuple(_with_families(env, x) if nftables.unlisted(x) else x for x in _shown(env, chains))
    return Ruleset(env.place, chains + legacy, sets, gaps)


def owner(env: Env) -> Owner | None:
    """Whose rights the sockets of this thread have; None where /proc does not say."""
    try:
        text = env.read("/proc/thread-self/status").decode(errors="replace")
    except OSError:
        return None
    last = {line.partition(":")[0]: line.rpartition("\t")[2] for line in text.splitlines()}
    uid, gid = last.get("Uid", ""), last.get("Gid", "")  # real, effective, saved, file system: proc_pid_status(5)
    return Owner(int(uid), int(gid)) if uid.isdigit() and gid.isdigit() else None


def _with_families(env: Env, chain: Chain) -> Chain:
    """The chain read from its instructions, where that can be had."""
    try:
        text = _run(env, ("nft", "--debug=netlink", "list", "chain", chain.family, chain.table, chain.name))
    except (OSError, SubprocessError, ValueError):
        return chain
    return nftables.with_families(chain, text)


def _shown(env: Env, chains: tuple[Chain, ...]) -> tuple[Chain, ...]:
    """The chains, with iptables' own listing for the tables whose rules nft names and does not show."""
    hidden = {(x.family, x.table) for x in chains if x.family in _LEGACY and _has_xt(x)}
    for family in sorted({family for family, _ in hidden}):
        try:
            saved = iptables.parse(_run(env, (f"ip{_LEGACY[family][1]}tables-save",)), family)
        except (OSError, SubprocessError, ValueError):
            continue  # the rules stay as nft shows them, with conditions that nobody can decide
        shown = {(x.family, x.table) for x in saved} & hidden
        chains = tuple(x for x in chains if (x.family, x.table) not in shown)
        chains += tuple(x for x in saved if (x.family, x.table) in shown)
    return chains


def _has_xt(chain: Chain) -> bool:
    return any(isinstance(x, Match) and x.field.startswith("xt ") for rule in chain.rules for x in rule.steps)


def _legacy(env: Env) -> tuple[tuple[Chain, ...], tuple[Missing, ...]]:
    """The rules of legacy iptables, which run beside those of nftables; none where the kernel holds no such table."""
    chains: list[Chain] = []
    gaps: list[Missing] = []
    for family, (names, digit) in _LEGACY.items():
        try:
            if not env.read(names).strip():
                continue
            chains += iptables.parse(_legacy_text(env, digit), family, legacy=True)
        except FileNotFoundError:
            continue
        except (OSError, SubprocessError, ValueError) as error:
            gaps.append(Missing(NEEDS, _why(f"ip{digit}tables-legacy-save", error)))
    return tuple(chains), tuple(gaps)


def _legacy_text(env: Env, digit: str) -> str:
    """The listing of legacy iptables, whose program has one of two names. Raises ValueError where neither shows it."""
    for command in (f"ip{digit}tables-legacy-save", f"ip{digit}tables-save"):
        try:
            text = _run(env, (command,))
        except FileNotFoundError:
            continue
        if "(nf_tables)" not in text.partition("\n")[0]:
            return text
    msg = "it holds rules, and no program that lists them is installed"
    raise ValueError(msg)


def _run(env: Env, command: Sequence[str]) -> str:
    text = env.run(command)
    if len(text) > _LARGEST:
        msg = f"{' '.join(command)} printed more than {_LARGEST >> 20} MiB"
        raise ValueError(msg)
    return text


def _why(command: str, error: Exception) -> str:
    if isinstance(error, FileNotFoundError):
        return f"{command} is not installed"
    if isinstance(error, CalledProcessError):
        said = (error.stderr or b"").decode(errors="replace")
        return f"{command} failed: {' '.join(said.split())[:200] or f'exit status {error.returncode}'}"
    return f"{command}: {error}"
