"""One file a rule, foldered along the flow; `registry.py` finds and runs them."""
