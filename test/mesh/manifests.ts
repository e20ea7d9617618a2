// Manifests that several tests write into the folder of their mesh.

/** The mesh's gateway takes HTTP for any host. */
export const openGateway = `apiVersion: networking.istio.io/v1
kind: Gateway
metadata: {name: bookinfo}
spec:
  selector: {istio: ingressgateway}
  servers:
  - port: {number: 8080, name: http, protocol: HTTP}
    hosts: ["*"]
`;

/** A server of a name that sends back the bytes it gets (apps/echo.ts), at port 9000. */
export const echoServer = (name: string): string => `apiVersion: v1
kind: Service
metadata: {name: ${name}}
spec:
  selector: {app: ${name}}
  ports:
  - {name: tcp, port: 9000}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: ${name}}
spec:
  selector: {matchLabels: {app: ${name}}}
  template:
    metadata:
      labels: {app: ${name}}
      annotations: {weft.dev/command: node echo.ts}
    spec:
      containers:
      - name: echo
        image: echo
        ports: [{containerPort: 9000}]
        readinessProbe: {tcpSocket: {port: 9000}, periodSeconds: 1}
`;
