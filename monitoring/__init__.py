"""What watches Twooter: dashboards as code, and configurations for Prometheus, Loki, Grafana and the collector."""
