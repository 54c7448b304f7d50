"""The device's durable store of staged values and commits."""
