// @peculiar/x509 wires its classes with tsyringe, which refuses to load without the API of `reflect-metadata`. None
// of those classes has constructor parameters to inject, so answers of "nothing known" are all it needs. Imported for
// its effect, before @peculiar/x509.

interface MetadataApi {
  getMetadata?: (key: unknown, target: unknown) => undefined;
  getOwnMetadata?: (key: unknown, target: unknown) => undefined;
  defineMetadata?: (key: unknown, value: unknown, target: unknown) => void;
}

const reflect = Reflect as MetadataApi;
reflect.getMetadata ??= () => undefined;
reflect.getOwnMetadata ??= () => undefined;
reflect.defineMetadata ??= () => undefined;
