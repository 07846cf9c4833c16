{{- define "deponent.name" -}}
{{- if .Values.fullnameOverride -}}
{{- .Values.fullnameOverride -}}
{{- else if contains "deponent" .Release.Name -}}
{{- .Release.Name | trunc 40 | trimSuffix "-" -}}
{{- else -}}
{{- printf "%s-deponent" (.Release.Name | trunc 31 | trimSuffix "-") -}}
{{- end -}}
{{- end -}}

{{- define "deponent.selector" -}}
app.kubernetes.io/name: deponent
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end -}}

{{- define "deponent.labels" -}}
{{ include "deponent.selector" . }}
app.kubernetes.io/part-of: deponent
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ .Chart.Name }}-{{ .Chart.Version }}
{{- end -}}

{{- define "deponent.image" -}}
{{- if .Values.image.digest -}}
{{ .Values.image.repository }}@{{ .Values.image.digest }}
{{- else -}}
{{ .Values.image.repository }}:{{ .Values.image.tag | default .Chart.AppVersion }}
{{- end -}}
{{- end -}}

{{- /* What an agent is told. A string within it is TOML's, so toJson writes it. */ -}}
{{- define "deponent.agent.toml" -}}
collector = {{ .Values.agent.collector | default (printf "https://%s-collector.%s.svc:%d" (include "deponent.name" .) .Release.Namespace (int .Values.collector.service.port)) | toJson }}
{{- with .Values.agent.collectorKey }}
collector_key = {{ . | toJson }}
{{- end }}
cluster = {{ .Values.cluster | toJson }}
state = "/var/lib/deponent-agent"
cert = "/etc/deponent/tls/tls.crt"
key = "/etc/deponent/tls/tls.key"
ca = "/etc/deponent/tls/ca.crt"
metrics = "0.0.0.0:{{ int .Values.agent.metricsPort }}"

{{ if .Values.agent.tails -}}
{{ .Values.agent.tails }}
{{- else if .Values.agent.kernelAudit -}}
{{ .Files.Get "files/tails.toml" }}
{{- else -}}
{{ .Files.Get "files/tails.toml" | replace "[[tail]]\npaths = [\"netlink:audit\"]\n" "" }}
{{- end }}
{{ .Values.agent.extraTails }}
[limits]
spool_mib = {{ int .Values.agent.spoolMiB }}
{{- end -}}

{{- define "deponent.collector.toml" -}}
store = "/var/lib/deponent/store"
# Search, for who shows a token (`kubectl exec … deponent token add`) or a certificate: docs/access.md.
listen = "0.0.0.0:7363"
cluster = {{ .Values.cluster | toJson }}

[access]
cert = "/etc/deponent/tls/tls.crt"
key = "/etc/deponent/tls/tls.key"
ca = "/etc/deponent/tls/ca.crt"

# Numbers and health, without content, for Prometheus and the kubelet.
[metrics]
listen = "0.0.0.0:9363"

[agents]
listen = "0.0.0.0:7364"
cert = "/etc/deponent/tls/tls.crt"
key = "/etc/deponent/tls/tls.key"
ca = "/etc/deponent/tls/ca.crt"

{{ .Values.collector.extraConfig }}
{{- end -}}
