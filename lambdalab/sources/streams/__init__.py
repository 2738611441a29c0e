"""What the streams of several services have in common: shards, their records, and reading them."""
