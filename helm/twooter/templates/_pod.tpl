{{/* The pod of every component. Takes root, component, group, settings (the component's values: `resources`, `pod`), args,
env, grace (seconds to stop), and, of components that stay: ports (names to numbers), probes, preStopSeconds; of jobs: inline,
initContainers. */}}
{{- define "twooter.pod" -}}
{{- $root := .root -}}
{{- $pod := mustMergeOverwrite (deepCopy $root.Values.pod) (deepCopy (.settings.pod | default dict)) -}}
{{- $selector := include "twooter.selector" (dict "root" $root "component" .component "group" .group) -}}
{{- $mounts := concat (fromYamlArray (include "twooter.mounts" $root)) $pod.extraVolumeMounts -}}
{{- $job := has .component (list "migrate" "probe" "test") -}}
metadata:
  labels:
    {{- merge (fromYaml (include "twooter.labels" (dict "root" $root "component" .component "group" .group))) $pod.labels $root.Values.labels | toYaml | nindent 4 }}
  {{- $checksums := dict -}}
  {{- if not .inline }}
  {{- $_ := set $checksums "checksum/config" (include "twooter.config" $root | sha256sum) -}}
  {{- end }}
  {{- $_ := set $checksums "checksum/secret" (include "twooter.sources" $root | sha256sum) }}
  annotations:
    {{- merge $checksums $pod.annotations $root.Values.annotations | toYaml | nindent 4 }}
spec:
  serviceAccountName: {{ ternary "default" (include "twooter.serviceAccountName" $root) (and (.inline | default false) $root.Values.serviceAccount.create) }}
  automountServiceAccountToken: false
  # a Service named twooter would otherwise put TWOOTER_PORT=tcp://… into every pod
  enableServiceLinks: false
  {{- with $root.Values.image.pullSecrets }}
  imagePullSecrets:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  {{- with $pod.priorityClassName | default (include "twooter.priorityClass" (dict "root" $root "component" .component)) }}
  priorityClassName: {{ . }}
  {{- end }}
  {{- with $pod.runtimeClassName }}
  runtimeClassName: {{ . }}
  {{- end }}
  {{- if $job }}
  restartPolicy: Never
  {{- end }}
  terminationGracePeriodSeconds: {{ .grace }}
  securityContext:
    {{- toYaml $pod.securityContext | nindent 4 }}
  {{- with concat (.initContainers | default list) $pod.extraInitContainers }}
  initContainers:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  containers:
    - name: {{ .component }}
      image: {{ include "twooter.image" $root }}
      imagePullPolicy: {{ $root.Values.image.pullPolicy }}
      {{- with .command }}
      command:
        {{- toYaml . | nindent 8 }}
      {{- end }}
      {{- with .args }}
      args:
        {{- toYaml . | nindent 8 }}
      {{- end }}
      {{- include "twooter.env" (dict "root" $root "env" .env "extraEnv" $pod.extraEnv "inline" .inline) | trim | nindent 6 }}
      {{- with .ports }}
      ports:
        {{- range $name, $number := . }}
        - name: {{ $name }}
          containerPort: {{ $number }}
          protocol: TCP
        {{- end }}
      {{- end }}
      {{- range $probe, $path := .probes | default dict }}
      {{ $probe }}Probe:
        httpGet:
          path: {{ $path }}
          port: metrics
        {{- toYaml (get $pod.probes $probe) | nindent 8 }}
      {{- end }}
      {{- with .preStopSeconds }}
      lifecycle:
        preStop:
          {{- if semverCompare ">=1.30.0-0" $root.Capabilities.KubeVersion.Version }}
          sleep:
            seconds: {{ . }}
          {{- else }}
          exec:
            command: [python, -c, import time; time.sleep({{ . }})]
          {{- end }}
      {{- end }}
      resources:
        {{- toYaml .settings.resources | nindent 8 }}
      securityContext:
        {{- toYaml $pod.containerSecurityContext | nindent 8 }}
      volumeMounts:
        {{- toYaml $mounts | nindent 8 }}
    {{- with $pod.extraContainers }}
    {{- toYaml . | nindent 4 }}
    {{- end }}
  volumes:
    {{- include "twooter.volumes" (dict "root" $root "pod" $pod) | nindent 4 }}
    {{- with $pod.extraVolumes }}
    {{- toYaml . | nindent 4 }}
    {{- end }}
  {{- with $pod.nodeSelector }}
  nodeSelector:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  {{- with $pod.tolerations }}
  tolerations:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  {{- with $pod.affinity }}
  affinity:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  {{- if $pod.topologySpreadConstraints }}
  topologySpreadConstraints:
    {{- toYaml $pod.topologySpreadConstraints | nindent 4 }}
  {{- else if not $job }}
  topologySpreadConstraints:
    {{- range list "kubernetes.io/hostname" "topology.kubernetes.io/zone" }}
    - topologyKey: {{ . }}
      maxSkew: 1
      whenUnsatisfiable: ScheduleAnyway
      labelSelector:
        matchLabels:
          {{- $selector | nindent 10 }}
      matchLabelKeys: [pod-template-hash]
    {{- end }}
  {{- end }}
{{- end -}}

{{- define "twooter.mounts" -}}
- name: tmp
  mountPath: /tmp
- name: shm
  mountPath: /dev/shm
{{- if include "twooter.tlsCa" . }}
- name: database-ca
  mountPath: /etc/twooter/database-ca
  readOnly: true
{{- end }}
{{- end -}}

{{- define "twooter.volumes" -}}
{{- $ca := .root.Values.database.tls.ca -}}
- name: tmp
  emptyDir:
    medium: Memory
    sizeLimit: {{ .pod.tmpSize }}
- name: shm
  emptyDir:
    medium: Memory
    sizeLimit: {{ .pod.shmSize }}
{{- if include "twooter.tlsCa" .root }}
- name: database-ca
  {{- if $ca.secret }}
  secret:
    secretName: {{ $ca.secret }}
  {{- else }}
  configMap:
    name: {{ $ca.configMap }}
  {{- end }}
    items:
      - key: {{ $ca.key }}
        path: ca.crt
{{- end }}
{{- end -}}

{{- define "twooter.priorityClass" -}}
{{- if .root.Values.priorityClasses.create -}}
{{- include "twooter.fullname" .root }}-{{ ternary "serving" "background" (has .component (list "api" "stream")) -}}
{{- end -}}
{{- end -}}
