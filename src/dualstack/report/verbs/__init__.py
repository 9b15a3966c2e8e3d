"""What verbs other than `diagnose` print: one file a kind of answer."""
