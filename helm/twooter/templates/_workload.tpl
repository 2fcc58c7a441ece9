{{/* The objects that several components have alike. */}}

{{/* A Deployment. Takes what twooter.pod takes, and suffix, and replicas (nil while an autoscaler counts them) and strategy
(nil: Recreate). */}}
{{- define "twooter.deployment" -}}
apiVersion: apps/v1
kind: Deployment
metadata:
  {{- include "twooter.metadata" (dict "root" .root "component" .component "group" .group "suffix" .suffix "labels" .settings.labels "annotations" .settings.annotations) | nindent 2 }}
spec:
  {{- if not (kindIs "invalid" .replicas) }}
  replicas: {{ int .replicas }}
  {{- end }}
  revisionHistoryLimit: 5
  {{- with .strategy }}
  strategy:
    type: RollingUpdate
    rollingUpdate:
      maxSurge: {{ .maxSurge }}
      maxUnavailable: {{ .maxUnavailable }}
  {{- else }}
  strategy:
    type: Recreate
  {{- end }}
  selector:
    matchLabels:
      {{- include "twooter.selector" . | nindent 6 }}
  template:
    {{- include "twooter.pod" . | nindent 4 }}
{{- end -}}

{{/* A PodDisruptionBudget. Takes root, component, group, suffix, settings. A pod that is not ready never holds up a drain. */}}
{{- define "twooter.pdb" -}}
apiVersion: policy/v1
kind: PodDisruptionBudget
metadata:
  {{- include "twooter.metadata" (dict "root" .root "component" .component "group" .group "suffix" .suffix "labels" .settings.labels "annotations" .settings.annotations) | nindent 2 }}
spec:
  maxUnavailable: {{ .settings.pdb.maxUnavailable }}
  unhealthyPodEvictionPolicy: AlwaysAllow
  selector:
    matchLabels:
      {{- include "twooter.selector" . | nindent 6 }}
{{- end -}}
