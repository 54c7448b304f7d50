"""HTTP: one module per resource under `api`, pages for people under `pages`."""
