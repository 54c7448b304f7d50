"""Accounts, sessions, devices, fields and API keys: who may do what."""
