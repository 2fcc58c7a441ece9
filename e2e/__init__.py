"""The chart and the image on a real cluster: `python -m e2e`."""
