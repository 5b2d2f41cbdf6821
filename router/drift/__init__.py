"""Whether the world is still the one that the policy was trained for: inputs, calibration, costs, prices, latencies."""
