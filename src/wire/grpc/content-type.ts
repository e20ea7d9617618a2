/** Whether a content-type says gRPC: `application/grpc`, also with a `+codec`; not gRPC-Web, nor anything that only begins so. */
export function isGrpcType(contentType: string | undefined): boolean {
  if (contentType === undefined || !contentType.startsWith('application/grpc')) return false;
  return contentType.length === 16 || contentType.charCodeAt(16) === 43;
}
