"""What runs: settings, code, durations, execution environments, concurrency, outcome, billing."""
