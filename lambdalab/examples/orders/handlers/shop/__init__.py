"""What the handlers share: the catalogue and the table of orders."""
