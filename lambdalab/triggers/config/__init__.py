"""AWS Config: rules that functions evaluate."""
