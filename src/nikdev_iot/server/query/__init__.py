"""Reading back: rows, buckets and latest values, from packs, with NumPy."""
