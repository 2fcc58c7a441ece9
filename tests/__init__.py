"""The tests: they mirror the code, and run against real databases, caches and queues of their own."""
