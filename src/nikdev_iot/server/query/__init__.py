"""Reading history: raw, per bucket, latest values."""
