"""Taking pushes in: judging packs, JSON v1, group commit, limits."""
