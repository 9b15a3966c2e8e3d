"""NetworkPolicies in files: which families they let in, and what a fix writes."""

import pytest
import yaml

from dualstack.model.finding import Severity
from tests.review.clusters import collector, found, mended


def policy(rules: str, selector: str = "{}") -> str:
    return (
        "# dualstack lint --cluster-families IPv4,IPv6\napiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\n"
        f"metadata: {{name: otel}}\nspec: {{podSelector: {selector}, ingress: [{rules}]}}\n---\n"
    )


class TestPolicies:
    V4 = "{from: [{ipBlock: {cidr: 0.0.0.0/0}}], ports: [%s]}"

    @pytest.mark.parametrize(
        "ports", ["{port: 4317}", "{port: 4300, endPort: 4400}", "{port: otlp}", "{protocol: TCP}"]
    )
    def test_one_family_alone_on_a_port(self, ports: str) -> None:
        lacks = found(policy(self.V4 % ports) + collector(), "DS701")

        assert {x.severity for x in lacks} == {Severity.ERROR}

    @pytest.mark.parametrize("ports", ["{port: 4000}", "{port: 4317, protocol: UDP}", "{port: metrics}"])
    def test_another_port(self, ports: str) -> None:
        assert not found(policy(self.V4 % ports) + collector(), "DS701")

    def test_the_other_family_is_let_in_unsafely(self) -> None:
        text = policy(self.V4 % "{port: 4317}") + collector()

        after = yaml.safe_load(mended(text, unsafe=True).partition("---")[0])

        assert after["spec"]["ingress"][0]["from"] == [
            {"ipBlock": {"cidr": "::/0"}},
            {"ipBlock": {"cidr": "0.0.0.0/0"}},
        ]
        assert mended(text) == text

    def test_pods_may_still_come_over_both(self) -> None:
        text = policy("{from: [{ipBlock: {cidr: 10.0.0.0/8}}, {podSelector: {}}]}") + collector()

        assert {x.severity for x in found(text, "DS701")} == {Severity.WARNING}

    @pytest.mark.parametrize(
        ("rules", "selector"),
        [
            ("{from: [{ipBlock: {cidr: 0.0.0.0/0}}]}, {}", "{}"),
            ("{from: [{ipBlock: {cidr: 0.0.0.0/0}}]}, {from: [{ipBlock: {cidr: 'fd00::/8'}}]}", "{}"),
            ("{from: [{ipBlock: {cidr: 0.0.0.0/0}}]}", "{matchExpressions: [{key: app, operator: Exists}]}"),
            ("{from: [{ipBlock: {cidr: 0.0.0.0/0}}]}", "{matchLabels: {app: other}}"),
            ("{from: [{ipBlock: {cidr: what}}]}", "{}"),
        ],
        ids=["open", "other rule", "expressions", "other pods", "no block"],
    )
    def test_nothing_is_said(self, rules: str, selector: str) -> None:
        assert not found(policy(rules, selector) + collector(), "DS701")

    def test_of_pods_that_are_elsewhere_a_policy_warns_once_for_both_ports(self) -> None:
        (one,) = found(policy(self.V4 % "{port: 4317}, {port: 4318}", "{matchLabels: {app: otel}}"), "DS701")

        assert (one.severity, "ports 4317 and 4318 of the pods that it selects" in one.detail) == ("warning", True)

    @pytest.mark.parametrize(
        "more",
        [
            policy("{from: [{ipBlock: {cidr: '::/0'}}], ports: [{port: 4317}]}", "{matchLabels: {app: otel}}"),
            policy("{from: [{ipBlock: {cidr: '::/0'}}]}", "{matchExpressions: [{key: app, operator: Exists}]}"),
            policy("{from: [{podSelector: {}}]}"),
            policy("{}"),
        ],
        ids=["the other family", "expressions", "pods", "everybody"],
    )
    def test_what_other_policies_may_let_in(self, more: str) -> None:
        mine = policy(self.V4 % "{port: 4317}", "{matchLabels: {app: otel}}")

        assert found(mine, "DS701")
        assert not found(mine + more.partition("\n")[2], "DS701")

    def test_a_policy_for_one_family_is_right_where_nobody_asks_for_more(self) -> None:
        text = policy(self.V4 % "{port: 4317}").partition("\n")[2] + collector()

        assert not found(text, "DS701")

    @pytest.mark.parametrize(
        ("excepts", "after"),
        [
            ("[fd00::/8]", []),
            ("[fd00::/8, 10.1.0.0/16]", ["10.1.0.0/16"]),
            ("[10.1.0.0/16, 192.168.0.0/16]", ["10.1.0.0/16"]),
            ("[10.0.0.0/8]", ["10.0.0.0/8"]),
            ("[0.0.0.0/0]", ["0.0.0.0/0"]),
            ("\n  - fd00::/8\n  - 10.1.0.0/16\n", ["10.1.0.0/16"]),
            ("\n  - fd00::/8  # the nodes\n  - 10.1.0.0/16\n", ["fd00::/8", "10.1.0.0/16"]),
            ("\n  - {{ cidr }}\n", None),
        ],
    )
    def test_what_a_block_does_not_hold_is_taken_out_of_its_exceptions(
        self, excepts: str, after: list[str] | None
    ) -> None:
        block = ("\n" + " " * 10).join(f"cidr: 10.0.0.0/8\nexcept: {excepts}".splitlines())
        text = (
            "apiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\nmetadata: {name: x}\nspec:\n  podSelector: {}\n"
            f"  ingress:\n    - from:\n      - ipBlock:\n          {block}\n"
        )
        if after is None:
            assert not found(text, "DS703")
            return

        assert found(text, "DS703")
        made = yaml.safe_load(mended(text))["spec"]["ingress"][0]["from"][0]["ipBlock"]
        assert (made["except"] or []) == after
