"""What real AWS libraries lend a lab; needs the ``aws`` extra."""
