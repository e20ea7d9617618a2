/** An object of the Gateway API as a YAML document of its own; `spec` in flow style. */
export function gatewayApiObject(kind: string, name: string, spec: string, namespace = 'default'): string {
  return `
---
apiVersion: gateway.networking.k8s.io/v1
kind: ${kind}
metadata: { name: ${name}, namespace: ${namespace} }
spec: ${spec}`;
}

/** A Secret that looks like one with a certificate. */
export function certificateSecret(name: string, namespace = 'default'): string {
  return `
---
apiVersion: v1
kind: Secret
metadata: { name: ${name}, namespace: ${namespace} }
stringData: { tls.crt: '-----BEGIN CERTIFICATE-----', tls.key: '-----BEGIN PRIVATE KEY-----' }`;
}
