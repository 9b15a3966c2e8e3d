"""One table says what a role has to allow, to its author and to whoever is refused."""

import pytest
import yaml

from dualstack.knowledge import table
from dualstack.reach.rights import Right, features, refused, rights, role, said_of

SERVER = 'pods "otel-0" is forbidden: User "eve" cannot get resource "pods/log" in API group "" in the namespace "shop"'


def test_a_role_allows_what_the_features_need_and_nothing_else() -> None:
    for wanted in [*([x] for x in features()), list(features())]:
        rules = yaml.safe_load(role(wanted))["rules"]
        allowed = {
            Right(verb, resource, group)
            for rule in rules
            for group in rule["apiGroups"]
            for resource in rule["resources"]
            for verb in rule["verbs"]
        }

        assert allowed == set(rights(wanted))


def test_no_feature_reads_secrets_or_everything() -> None:
    assert not {"secrets", "*"} & {y for x in table("rights") for y in (x["resource"], x["verb"], x["group"])}


RANGES = (
    "not allowed; a role with the verb `list` on `servicecidrs` of the group `networking.k8s.io` allows it;"
    " see `dualstack gather --print-rbac --feature ranges`"
)
PODS = (
    "not allowed; a role with the verb `get` on `pods` allows it; see `dualstack gather --print-rbac --feature inspect`"
)


@pytest.mark.parametrize(
    ("right", "feature", "said"),
    [
        (Right("list", "servicecidrs", "networking.k8s.io"), "", RANGES),
        (Right("get", "pods"), "inspect", PODS),
        (Right("list", "leases"), "", "not allowed; a role with the verb `list` on `leases` allows it"),
    ],
)
def test_who_is_refused_is_told_the_right_and_the_feature(right: Right, feature: str, said: str) -> None:
    assert refused(right, feature) == said


def test_the_server_names_the_right_that_lacks() -> None:
    other = Right("patch", "pods/ephemeralcontainers")

    assert said_of(SERVER, other) == Right("get", "pods/log")
    assert said_of("the API server answers 403", other) == other
