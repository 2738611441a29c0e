"""Amazon EventBridge: buses that take events, rules that match them, targets that are told."""
