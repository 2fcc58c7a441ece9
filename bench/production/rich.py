"""Nothing: a development tool brings rich along, and structlog would load it (8 MiB) where it is found."""

raise ImportError("rich is not installed in production")
