{{/* Names are fixed: a second release in one Kubernetes cluster is refused by Helm, as two operators would work on the same benchmarks. */}}

{{- define "clusterbenchmark.selector" -}}
app.kubernetes.io/name: clusterbenchmark-operator
{{- end }}

{{- define "clusterbenchmark.labels" -}}
{{ include "clusterbenchmark.selector" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
{{- end }}

{{- define "clusterbenchmark.image" -}}
{{ .Values.image.repository }}:{{ .Values.image.tag | default .Chart.AppVersion }}{{ with .Values.image.digest }}@{{ . }}{{ end }}
{{- end }}
