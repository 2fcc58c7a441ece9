"""Live updates over HTTP: a small server of its own on asyncio, for thousands of connections that mostly wait."""
