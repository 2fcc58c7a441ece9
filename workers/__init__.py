"""The queue's door: Celery workers."""
