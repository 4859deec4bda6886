{{- /*
What a config must say so that the objects of this chart reach the process. The arguments: `root`, `name` of the value,
`config`, `extraEnv`, `extraArgs`, and `addresses`: of each listener, the key and the port. A config with a mistake in
its YAML is left to the process, which shows the line.
*/ -}}
{{- define "portcullis.check-config" -}}
{{- $config := .config -}}
{{- if kindIs "string" $config -}}{{- $config = fromYaml $config -}}{{- end -}}
{{- $name := .name -}}
{{- if and (kindIs "map" $config) (not (hasKey $config "Error")) -}}
{{- if hasKey $config "routes" -}}
{{- fail (printf "%s is a policy (it has `routes`): give it as %s" $name (replace "config" "policy" $name)) -}}
{{- end -}}
{{- $overridden := list -}}
{{- range .extraEnv -}}{{- $overridden = append $overridden .name -}}{{- end -}}
{{- $hasArgs := not (empty .extraArgs) -}}
{{- range .addresses -}}
{{- $value := $config -}}
{{- range .path -}}
{{- if kindIs "map" $value -}}{{- $value = get $value . -}}{{- else -}}{{- $value = "" -}}{{- end -}}
{{- end -}}
{{- $good := list (printf "0.0.0.0:%s" .port) (printf "[::]:%s" .port) -}}
{{- if not (or $hasArgs (has .env $overridden) (and .optional (empty $value)) (has $value $good)) -}}
{{- $key := join "." .path -}}
{{- fail (printf "%s.%s must be 0.0.0.0:%s, where the other objects of this chart reach it; it is %s" $name $key .port (empty $value | ternary "not set, and by default only on loopback" (toString $value))) -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- end -}}

{{- define "portcullis.check-gate" -}}
{{- include "portcullis.check-config" (dict "name" "config" "config" .Values.config "extraEnv" .Values.extraEnv "extraArgs" .Values.extraArgs "addresses" (list
  (dict "path" (list "listeners" "authz" "address") "port" "9191" "env" "PORTCULLIS_AUTHZ_ADDRESS" "optional" false)
  (dict "path" (list "listeners" "admin" "address") "port" "9194" "env" "PORTCULLIS_ADMIN_ADDRESS" "optional" false))) -}}
{{- end -}}

{{- define "portcullis.check-issuer" -}}
{{- include "portcullis.check-config" (dict "name" "issuer.config" "config" .Values.issuer.config "extraEnv" .Values.issuer.extraEnv "extraArgs" list "addresses" (list
  (dict "path" (list "issuer" "address") "port" "8080" "env" "" "optional" false)
  (dict "path" (list "listeners" "feed" "address") "port" "9193" "env" "" "optional" true)
  (dict "path" (list "listeners" "admin" "address") "port" "9194" "env" "PORTCULLIS_ADMIN_ADDRESS" "optional" false))) -}}
{{- $config := .Values.issuer.config -}}
{{- if kindIs "string" $config -}}{{- $config = fromYaml $config -}}{{- end -}}
{{- $store := "sqlite" -}}
{{- if and (kindIs "map" $config) (kindIs "map" $config.issuer) $config.issuer.store -}}
{{- $store = hasPrefix "postgres" (toString $config.issuer.store) | ternary "postgres" "sqlite" -}}
{{- end -}}
{{- if and (kindIs "map" $config) (not (hasKey $config "Error")) (ne $store .Values.issuer.store) -}}
{{- fail (printf "issuer.config says %s, issuer.store %s: k8s/issuer has a config for each store" $store .Values.issuer.store) -}}
{{- end -}}
{{- end -}}
