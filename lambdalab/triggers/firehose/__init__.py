"""Amazon Data Firehose: delivery streams whose records a function transforms."""
