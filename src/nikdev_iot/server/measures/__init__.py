"""What the server knows of itself: rates, slow queries, how its store grows; and copies of it to take away."""
