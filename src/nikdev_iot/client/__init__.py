"""The device's side towards the server: `Api`, push, fetch, transport and the connection test."""
