{{- define "policyc.labels" -}}
app.kubernetes.io/name: policyc
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}
