"""Findings about a cluster, which may be shown to others than those who may read its objects."""

from msgspec.structs import replace

from dualstack.model.exporter import anonymous
from dualstack.model.finding import Finding, Fix


def veiled(finding: Finding) -> Finding:
    """A finding without the names and passwords that stand in URLs; a fix that would write one is done by hand."""
    fix = finding.fix
    texts = (fix.title, *fix.commands, *(z for x in fix.edits for z in (x.old, x.new))) if fix else ()
    told = fix if fix and all(anonymous(x) == x for x in texts) else Fix(anonymous(fix.title)) if fix else None
    return replace(
        finding,
        detail=anonymous(finding.detail),
        hint=anonymous(finding.hint),
        evidence=tuple(replace(x, fact=anonymous(x.fact)) for x in finding.evidence),
        excerpt=anonymous(finding.excerpt),
        fix=told,
    )
