"""Rules of the hop `endpoint`: the addresses in configurations and variables."""
