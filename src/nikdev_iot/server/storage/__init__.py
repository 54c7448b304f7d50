"""The storage port, its records, and one adapter per engine."""
