"""Builders of evidence, for the examples in rules, for our tests and for the CI of users."""
