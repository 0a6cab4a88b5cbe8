"""The outside, one thing a module; none knows another, only wiring names them."""
