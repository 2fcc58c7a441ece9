{{/* Names, labels and images: what every object begins with. */}}

{{- define "twooter.name" -}}
{{- default .Chart.Name .Values.nameOverride | trunc 40 | trimSuffix "-" -}}
{{- end -}}

{{- define "twooter.fullname" -}}
{{- $name := include "twooter.name" . -}}
{{- if .Values.fullnameOverride -}}
{{- .Values.fullnameOverride | trunc 40 | trimSuffix "-" -}}
{{- else if contains $name .Release.Name -}}
{{- .Release.Name | trunc 40 | trimSuffix "-" -}}
{{- else -}}
{{- printf "%s-%s" .Release.Name $name | trunc 40 | trimSuffix "-" -}}
{{- end -}}
{{- end -}}

{{/* What selects the pods of a workload; never changes during a release's life. Takes root, component, group (of workers). */}}
{{- define "twooter.selector" -}}
app.kubernetes.io/name: {{ include "twooter.name" .root }}
app.kubernetes.io/instance: {{ .root.Release.Name }}
{{- with .component }}
app.kubernetes.io/component: {{ . }}
{{- end }}
{{- with .group }}
twooter/group: {{ . }}
{{- end }}
{{- end -}}

{{- define "twooter.labels" -}}
{{ include "twooter.selector" . }}
app.kubernetes.io/version: {{ .root.Values.image.tag | default .root.Chart.AppVersion | trunc 63 | quote }}
app.kubernetes.io/part-of: twooter
{{- end -}}

{{/* An object's metadata. Takes root, component, group, suffix (of the name), labels and annotations (of the object, from
values), fixed (annotations the chart itself needs). */}}
{{- define "twooter.metadata" -}}
{{- $common := fromYaml (include "twooter.labels" .) -}}
{{- $chart := dict "helm.sh/chart" (printf "%s-%s" .root.Chart.Name .root.Chart.Version | replace "+" "_") "app.kubernetes.io/managed-by" .root.Release.Service -}}
{{- $annotations := merge (dict) (.fixed | default dict) (.annotations | default dict) .root.Values.annotations -}}
name: {{ include "twooter.fullname" .root }}{{ with .suffix }}-{{ . }}{{ end }}
namespace: {{ .root.Release.Namespace }}
labels:
  {{- merge $chart $common (.labels | default dict) .root.Values.labels | toYaml | nindent 2 }}
{{- with $annotations }}
annotations:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end -}}

{{- define "twooter.serviceAccountName" -}}
{{- if .Values.serviceAccount.create -}}
{{- .Values.serviceAccount.name | default (include "twooter.fullname" .) -}}
{{- else -}}
{{- .Values.serviceAccount.name | default "default" -}}
{{- end -}}
{{- end -}}

{{- define "twooter.image" -}}
{{- $image := .Values.image -}}
{{- if $image.digest -}}
{{- printf "%s@%s" $image.repository $image.digest -}}
{{- else -}}
{{- printf "%s:%s" $image.repository ($image.tag | default .Chart.AppVersion) -}}
{{- end -}}
{{- end -}}

{{/* The host of publicUrl, without its port. */}}
{{- define "twooter.publicHost" -}}
{{- with .Values.publicUrl -}}
{{- regexReplaceAll ":[0-9]+$" (urlParse .).host "" -}}
{{- end -}}
{{- end -}}
