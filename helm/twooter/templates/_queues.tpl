{{/* What the chart knows of Twooter itself; tests compare it with the code. */}}

{{/* Every queue. */}}
{{- define "twooter.queues" -}}
fanout aggregates notify maintenance
{{- end -}}

{{/* Settings that are not for `config`, and where they are set instead. */}}
{{- define "twooter.elsewhere" -}}
TWOOTER_ENV: It is always production here
TWOOTER_VAR_DIR: Pods keep nothing; it is a folder in memory
TWOOTER_PUBLIC_URL: Set publicUrl
TWOOTER_HOST: Pods listen on all their addresses
TWOOTER_PORT: Pods listen on 8000; the Service's port is api.service.port
TWOOTER_METRICS_PORT: Pods are asked on 9000
TWOOTER_LOG_FORMAT: Logs are always JSON here
TWOOTER_STREAM_PORT: Pods of live updates listen on 8001
TWOOTER_STREAM_CONNECTIONS: Set stream.connections
TWOOTER_WORKERS: Set api.processes
TWOOTER_THREADS: Set api.threads
TWOOTER_GRACEFUL_SECONDS: Set api.gracefulSeconds or worker.gracefulSeconds
TWOOTER_DATABASE_URL: Name the Secret that holds it in database.existingSecret
TWOOTER_DATABASE_TLS: Set database.tls.mode
TWOOTER_DATABASE_TLS_CA: Name the Secret or ConfigMap that holds it in database.tls.ca
TWOOTER_BROKER_URL: Name the Secret that holds it in broker.existingSecret
TWOOTER_CACHE_URL: Name the Secret that holds it in cache.existingSecret
TWOOTER_SECRET_KEYS: Name the Secret that holds it in signing.existingSecret
TWOOTER_ADDRESS_KEY: Put it into the Secret of signing.existingSecret
TWOOTER_SMTP_URL: Name the Secret that holds it in mail.existingSecret
TWOOTER_PROBE_TOKEN: Name the Secret that holds it in probe.existingSecret
TWOOTER_PROBE_USERNAME: Name the Secret that holds it in probe.existingSecret
TWOOTER_PROBE_PASSWORD: Name the Secret that holds it in probe.existingSecret
{{- end -}}
