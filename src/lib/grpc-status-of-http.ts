/** gRPC's http-grpc-status-mapping: INTERNAL, UNAUTHENTICATED, PERMISSION_DENIED, UNIMPLEMENTED, UNAVAILABLE. */
const BY_HTTP_STATUS: Readonly<Record<number, number>> = {
  400: 13,
  401: 16,
  403: 7,
  404: 12,
  429: 14,
  502: 14,
  503: 14,
  504: 14,
};

/** Status that a gRPC call counts as where its answer is an HTTP status and nothing else; UNKNOWN (2) for the rest. */
export function grpcStatusOfHttp(httpStatus: number): number {
  return BY_HTTP_STATUS[httpStatus] ?? 2;
}
