"""`nikdev collect`: readings of this machine, kept coming."""
