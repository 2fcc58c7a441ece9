"""What Twooter can do: one module per noun, verbs as methods."""
