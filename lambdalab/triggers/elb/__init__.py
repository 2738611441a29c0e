"""Application Load Balancers with functions as their targets."""
