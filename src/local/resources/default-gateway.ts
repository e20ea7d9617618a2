import type { PlatformObject } from './objects.ts';
import { parseFile } from './parse-file.ts';

// The gateway that `weft up` adds to a folder without one: Istio's, under Istio's names, so that Gateway resources
// with the usual selector `istio: ingressgateway` find it.

/** Its objects as a file would hold them. */
export const GATEWAY_TEXT = `
apiVersion: v1
kind: Service
metadata:
  name: istio-ingressgateway
  namespace: istio-system
  labels: { app: istio-ingressgateway, istio: ingressgateway }
spec:
  type: LoadBalancer
  selector: { app: istio-ingressgateway, istio: ingressgateway }
  ports:
  - { name: status-port, port: 15021, targetPort: 15021 }
  - { name: http, port: 80, targetPort: 8080 }
  - { name: https, port: 443, targetPort: 8443 }
---
apiVersion: apps/v1
kind: Deployment
metadata:
  name: istio-ingressgateway
  namespace: istio-system
spec:
  selector: { matchLabels: { app: istio-ingressgateway, istio: ingressgateway } }
  template:
    metadata:
      labels: { app: istio-ingressgateway, istio: ingressgateway }
      annotations: { inject.istio.io/templates: gateway }
    spec:
      serviceAccountName: istio-ingressgateway-service-account
      containers:
      - name: istio-proxy
        image: auto
        ports: [{ containerPort: 15021 }, { containerPort: 8080 }, { containerPort: 8443 }]
`;

const OBJECTS = parseFile('(added by weft up)', GATEWAY_TEXT).objects;

/** The objects, with the gateway added where none of them is one. */
export function withGateway(objects: readonly PlatformObject[]): readonly PlatformObject[] {
  const has = objects.some(
    (object) => 'template' in object && object.template.labels['istio'] === 'ingressgateway',
  );
  return has ? objects : [...objects, ...OBJECTS];
}
