"""Rules of the hops `service` and `endpoints`: Services and what is behind them."""
