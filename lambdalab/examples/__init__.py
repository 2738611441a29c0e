"""Examples that run: the order service behind the demo, the tour and the documentation."""
