"""The server: `nikdev-iot[server]`."""
