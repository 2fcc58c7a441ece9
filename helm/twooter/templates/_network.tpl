{{/* A rule of a NetworkPolicy's egress. Takes rule (ports, to; an empty `to` is anywhere) and protocols (TCP). */}}
{{- define "twooter.egress" -}}
- ports:
    {{- $protocols := .protocols | default (list "TCP") }}
    {{- range $port := .rule.ports }}
    {{- range $protocols }}
    - port: {{ $port }}
      protocol: {{ . }}
    {{- end }}
    {{- end }}
  {{- with .rule.to }}
  to:
    {{- toYaml . | nindent 4 }}
  {{- end }}
{{- end -}}
