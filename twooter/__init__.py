"""The Twooter backend: an HTTP API, its services and its storage."""
