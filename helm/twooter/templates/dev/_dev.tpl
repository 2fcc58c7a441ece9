{{/* The small database and Redis of values-dev.yaml. */}}

{{/* Waits until the database takes connections; it does so only once it is made. */}}
{{- define "twooter.awaitDevDatabase" -}}
name: await-database
image: {{ include "twooter.image" . }}
imagePullPolicy: {{ .Values.image.pullPolicy }}
command:
  - python
  - -c
  - |
    import socket, time
    while True:
        try:
            socket.create_connection(("{{ include "twooter.fullname" . }}-dev-database", 3306), 2).close()
            break
        except OSError as ex:
            print("not yet:", ex, flush=True)
            time.sleep(1)
resources:
  {{- toYaml .Values.migrations.resources | nindent 2 }}
securityContext:
  {{- toYaml .Values.pod.containerSecurityContext | nindent 2 }}
{{- end -}}

{{/* A pod of one container with folders in memory or on the node's disk. Takes root, name, part (its values), port, args, env,
folders (name -> path). */}}
{{- define "twooter.devService" -}}
{{- $root := .root -}}
{{- $component := printf "dev-%s" .name -}}
{{- $selector := include "twooter.selector" (dict "root" $root "component" $component) -}}
apiVersion: v1
kind: Service
metadata:
  {{- include "twooter.metadata" (dict "root" $root "component" $component "suffix" $component) | nindent 2 }}
spec:
  selector:
    {{- $selector | nindent 4 }}
  ports:
    - name: {{ .name }}
      port: {{ .port }}
      targetPort: {{ .name }}
---
apiVersion: apps/v1
kind: Deployment
metadata:
  {{- include "twooter.metadata" (dict "root" $root "component" $component "suffix" $component) | nindent 2 }}
spec:
  replicas: 1
  strategy:
    type: Recreate
  selector:
    matchLabels:
      {{- $selector | nindent 6 }}
  template:
    metadata:
      labels:
        {{- $selector | nindent 8 }}
    spec:
      automountServiceAccountToken: false
      enableServiceLinks: false
      securityContext:
        {{- toYaml $root.Values.pod.securityContext | nindent 8 }}
      containers:
        - name: {{ .name }}
          image: {{ .part.image }}
          imagePullPolicy: {{ .part.imagePullPolicy }}
          args:
            {{- toYaml .args | nindent 12 }}
          {{- with .env }}
          env:
            {{- toYaml . | nindent 12 }}
          {{- end }}
          ports:
            - name: {{ .name }}
              containerPort: {{ .port }}
          startupProbe:
            tcpSocket:
              port: {{ .name }}
            periodSeconds: 2
            failureThreshold: 90
          readinessProbe:
            tcpSocket:
              port: {{ .name }}
            periodSeconds: 5
          livenessProbe:
            tcpSocket:
              port: {{ .name }}
            periodSeconds: 20
            timeoutSeconds: 5
          resources:
            {{- toYaml .part.resources | nindent 12 }}
          securityContext:
            {{- toYaml $root.Values.pod.containerSecurityContext | nindent 12 }}
          volumeMounts:
            {{- range $name, $path := .folders }}
            - name: {{ $name }}
              mountPath: {{ $path }}
            {{- end }}
      volumes:
        {{- range $name, $path := .folders }}
        - name: {{ $name }}
          emptyDir:
            sizeLimit: 2Gi
        {{- end }}
{{- if $root.Values.networkPolicy.enabled }}
---
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata:
  {{- include "twooter.metadata" (dict "root" $root "component" $component "suffix" $component) | nindent 2 }}
spec:
  podSelector:
    matchLabels:
      {{- $selector | nindent 6 }}
  policyTypes: [Ingress]
  ingress:
    - ports:
        - port: {{ .name }}
          protocol: TCP
      from:
        - podSelector:
            matchLabels:
              {{- include "twooter.selector" (dict "root" $root) | nindent 14 }}
{{- end }}
{{- end -}}
