"""`nikdev`: the command line, one module per verb."""
