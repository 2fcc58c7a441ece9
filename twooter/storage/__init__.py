"""The only package that knows Peewee, SQL and Redis."""
