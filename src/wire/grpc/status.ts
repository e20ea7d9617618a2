// How a gRPC call ends: a status is a value, never an exception.
// Sources: grpc/doc/statuscodes.md, http-grpc-status-mapping.md and PROTOCOL-HTTP2.md of github.com/grpc/grpc.

/** The codes of gRPC by name. */
export const GRPC_CODE = {
  OK: 0,
  CANCELLED: 1,
  UNKNOWN: 2,
  INVALID_ARGUMENT: 3,
  DEADLINE_EXCEEDED: 4,
  NOT_FOUND: 5,
  ALREADY_EXISTS: 6,
  PERMISSION_DENIED: 7,
  RESOURCE_EXHAUSTED: 8,
  FAILED_PRECONDITION: 9,
  ABORTED: 10,
  OUT_OF_RANGE: 11,
  UNIMPLEMENTED: 12,
  INTERNAL: 13,
  UNAVAILABLE: 14,
  DATA_LOSS: 15,
  UNAUTHENTICATED: 16,
} as const;

const CODE_NAMES = Object.keys(GRPC_CODE);

/** `UNAVAILABLE` for 14; `CODE 99` for one that nobody knows. */
export function grpcCodeName(code: number): string {
  return CODE_NAMES[code] ?? `CODE ${code}`;
}

/**
 * Flat list [name, value, name, value, ...], names in lower case, as on the wire: the value of a `-bin` name is base64.
 * Names reserved by gRPC (`grpc-*`, `content-type`, `te`, ...) are left out when sending and absent when receiving.
 */
export type Metadata = readonly string[];

/** How a call ended. */
export interface GrpcStatus {
  /** 0 is success; see GRPC_CODE. A server's code outside 0..16 is kept. */
  readonly code: number;
  /** A sentence for the person who reads it; empty for OK. */
  readonly message: string;
  /** The server's trailing metadata; empty where the call ended without any. */
  readonly trailers: Metadata;
}

/** A status that did not come from the server. */
export function localStatus(code: number, message: string): GrpcStatus {
  return { code, message, trailers: [] };
}
