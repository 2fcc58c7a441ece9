{{/* Settings and secrets: which key comes from where, and the environment of every container. */}}

{{/* What goes into the ConfigMap: settings that are no secret and the same in all components. */}}
{{- define "twooter.config" -}}
{{- $config := dict
  "TWOOTER_ENV" "production"
  "TWOOTER_HOST" "0.0.0.0"
  "TWOOTER_PORT" "8000"
  "TWOOTER_METRICS_PORT" "9000"
  "TWOOTER_VAR_DIR" "/tmp/twooter"
  "TWOOTER_LOG_FORMAT" "json"
  "TWOOTER_DATABASE_TLS" (include "twooter.tlsMode" .)
-}}
{{- if include "twooter.tlsCa" . -}}
{{- $_ := set $config "TWOOTER_DATABASE_TLS_CA" "/etc/twooter/database-ca/ca.crt" -}}
{{- end -}}
{{- with .Values.publicUrl -}}
{{- $_ := set $config "TWOOTER_PUBLIC_URL" . -}}
{{- end -}}
{{- range $name, $value := .Values.config -}}
{{- $_ := set $config $name (include "twooter.plain" $value) -}}
{{- end -}}
{{- toYaml $config -}}
{{- end -}}

{{/* A value as a variable's text: whole numbers, which YAML reads as floats, stay whole. */}}
{{- define "twooter.plain" -}}
{{- if and (kindIs "float64" .) (eq . (floor .)) -}}{{ int64 . }}{{- else -}}{{ . }}{{- end -}}
{{- end -}}

{{- define "twooter.tlsMode" -}}
{{- ternary "disabled" .Values.database.tls.mode .Values.devServices.enabled -}}
{{- end -}}

{{- define "twooter.tlsCa" -}}
{{- with .Values.database.tls.ca -}}
{{- .secret | default .configMap -}}
{{- end -}}
{{- end -}}

{{/* Where each secret setting comes from: name of the variable -> {url | secret, key, optional}. */}}
{{- define "twooter.sources" -}}
{{- $values := .Values -}}
{{- $shared := $values.database.existingSecret -}}
{{- $dev := dict -}}
{{- if $values.devServices.enabled -}}
{{- $full := include "twooter.fullname" . -}}
{{- $_ := set $dev "TWOOTER_DATABASE_URL" (printf "mysql://twooter:%s@%s-dev-database:3306/twooter" (urlquery $values.devServices.password) $full) -}}
{{- $_ := set $dev "TWOOTER_BROKER_URL" (printf "redis://:%s@%s-dev-redis:6379/0" (urlquery $values.devServices.password) $full) -}}
{{- $_ := set $dev "TWOOTER_CACHE_URL" (printf "redis://:%s@%s-dev-redis:6379/1" (urlquery $values.devServices.password) $full) -}}
{{- end -}}
{{- $parts := list
  (list "TWOOTER_DATABASE_URL" $values.database $values.database.url false)
  (list "TWOOTER_BROKER_URL" $values.broker $values.broker.url false)
  (list "TWOOTER_CACHE_URL" $values.cache $values.cache.url true)
  (list "TWOOTER_SECRET_KEYS" $values.signing $values.signing.keys false)
  (list "TWOOTER_ADDRESS_KEY" (dict "existingSecret" $values.signing.existingSecret "secretKey" $values.signing.addressSecretKey) "" true)
  (list "TWOOTER_SMTP_URL" $values.mail $values.mail.url true)
-}}
{{- $sources := dict -}}
{{- range $part := $parts -}}
{{- $name := index $part 0 -}}
{{- $from := index $part 1 -}}
{{- $inline := index $part 2 -}}
{{- $given := $inline | default (get $dev $name) -}}
{{- if $given -}}
{{- $_ := set $sources $name (dict "value" $given) -}}
{{- else if $from.existingSecret -}}
{{- $_ := set $sources $name (dict "secret" $from.existingSecret "key" $from.secretKey "optional" (eq $name "TWOOTER_ADDRESS_KEY")) -}}
{{- else if $shared -}}
{{- $_ := set $sources $name (dict "secret" $shared "key" $from.secretKey "optional" (index $part 3)) -}}
{{- end -}}
{{- end -}}
{{- toYaml $sources -}}
{{- end -}}

{{/* `env` and `envFrom` of a container: names are keys of one map, so none is there twice. Takes root, env (the
component's own: name -> text or `valueFrom`), extraEnv, inline (for hooks, which run before the ConfigMap is there). */}}
{{- define "twooter.env" -}}
{{- $root := .root -}}
{{- $full := include "twooter.fullname" $root -}}
{{- $entries := dict -}}
{{- if .inline -}}
{{- range $name, $value := fromYaml (include "twooter.config" $root) -}}
{{- $_ := set $entries $name (dict "value" $value) -}}
{{- end -}}
{{- end -}}
{{- range $name, $source := fromYaml (include "twooter.sources" $root) -}}
{{- $reference := dict "name" ($source.secret | default $full) "key" ($source.key | default $name) -}}
{{- if $source.optional -}}
{{- $_ := set $reference "optional" true -}}
{{- end -}}
{{- $_ := set $entries $name (dict "valueFrom" (dict "secretKeyRef" $reference)) -}}
{{- end -}}
{{- range $name, $value := .env | default dict -}}
{{- $_ := set $entries $name (ternary $value (dict "value" (toString $value)) (kindIs "map" $value)) -}}
{{- end -}}
{{- range .extraEnv -}}
{{- $_ := set $entries .name (omit . "name") -}}
{{- end -}}
{{- if not .inline }}
envFrom:
  - configMapRef:
      name: {{ $full }}
{{- end }}
env:
{{- range $name, $entry := $entries }}
  {{- merge (dict "name" $name) $entry | list | toYaml | nindent 2 }}
{{- end }}
{{- end -}}
