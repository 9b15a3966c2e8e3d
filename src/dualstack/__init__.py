"""Finds why a client cannot send telemetry to an OpenTelemetry Collector over IPv4 or IPv6."""

__version__ = "0.1.0"
