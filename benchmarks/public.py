"""What `lint` says of files that others publish: `python benchmarks/public.py FOLDER...`.

Every file that is understood is listed with what was found in it, so that each error can be looked at by hand. They are
those of the folders that are named; none is part of this repository.
"""

import sys
from collections import Counter, defaultdict

from dualstack.model.finding import Finding, Severity
from dualstack.review import Review, lint


def main(folders: list[str]) -> int:
    """Print the files and the counts; 0, for what is right is for a person to say."""
    if not folders:
        print("skipped: name folders with public files, such as clones of the Collector, its charts and the Operator")
        return 0
    found = lint(Review(tuple(folders)))
    mine = defaultdict[str, list[Finding]](list)
    for finding in found.diagnosis.findings:
        mine[finding.location.file if finding.location else ""].append(finding)
    for file in found.texts:
        counts = Counter(f"{x.code} {x.severity}" for x in mine[file])
        print(f"{file}: {', '.join(f'{count} {what}' for what, count in sorted(counts.items())) or 'nothing'}")
    for finding in found.diagnosis.findings:
        if finding.severity is Severity.ERROR and finding.location:
            print(f"{finding.location.file}:{finding.location.line}: {finding.code} {finding.detail}")
    errors = sum(x.severity is Severity.ERROR for x in found.diagnosis.findings)
    print(
        f"{len(found.texts)} files understood, {len(found.errors)} that could not be read;"
        f" {errors} errors, {len(found.diagnosis.findings) - errors} warnings and notes"
    )
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
