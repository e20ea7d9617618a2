import { z } from 'zod';
import { bool, type Infer, intOrText, lenient, list, text, texts } from '../schema.ts';

const seconds = z.int();

/** A check of a container. Times in seconds; defaults as in Kubernetes (period 10, timeout 1, failure 3, success 1). */
export const probe = lenient(
  {},
  {
    httpGet: lenient(
      { port: intOrText },
      { path: text, host: text, scheme: text, httpHeaders: list(lenient({ name: text, value: text }, {})) },
    ),
    tcpSocket: lenient({ port: intOrText }, { host: text }),
    grpc: lenient({ port: z.int() }, { service: text }),
    exec: lenient({}, { command: texts }),
    initialDelaySeconds: seconds,
    periodSeconds: seconds,
    timeoutSeconds: seconds,
    successThreshold: z.int(),
    failureThreshold: z.int(),
  },
);
export type Probe = Infer<typeof probe>;

const containerPort = lenient({ containerPort: z.int() }, { name: text, protocol: text, hostPort: z.int() });

const keyRef = lenient({ key: text }, { name: text, optional: bool });

const envVar = lenient(
  { name: text },
  {
    value: text,
    valueFrom: lenient(
      {},
      {
        fieldRef: lenient({ fieldPath: text }, {}),
        configMapKeyRef: keyRef,
        secretKeyRef: keyRef,
      },
    ),
  },
);
export type EnvVar = Infer<typeof envVar>;

/** One program of a Pod. */
export const container = lenient(
  { name: text },
  {
    image: text,
    command: texts,
    args: texts,
    workingDir: text,
    env: list(envVar),
    ports: list(containerPort),
    readinessProbe: probe,
    livenessProbe: probe,
    startupProbe: probe,
    restartPolicy: text,
  },
);
export type Container = Infer<typeof container>;

/** What weft reads of a Pod's spec. */
export const podSpec = lenient(
  { containers: list(container) },
  {
    initContainers: list(container),
    serviceAccountName: text,
    serviceAccount: text,
    nodeName: text,
    hostNetwork: bool,
    hostname: text,
    subdomain: text,
    restartPolicy: text,
    terminationGracePeriodSeconds: seconds,
  },
);
export type PodSpec = Infer<typeof podSpec>;
