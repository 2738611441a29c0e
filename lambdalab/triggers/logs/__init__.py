"""CloudWatch Logs: the log groups of functions, and the subscription filters that push them on."""
