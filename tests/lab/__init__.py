"""The lab: its files, its worlds, its judgement."""

MINIMAL = "title: A world\nask: {}\nexpect: {verdict: healthy}\n"
