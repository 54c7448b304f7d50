"""Use cases of dashboards: what is on one, who may change it, and the link that shows it to anyone."""
