"""Sources of the receivers that an incident may start, by runtime; `lab/programs.py` compiles and runs them."""
