import { MESH } from '../../../mesh/route.ts';

/** `GATEWAY` and `NAMESPACE/GATEWAY` as the latter; `mesh` stays. `GATEWAY.NAMESPACE` with domain is Istio's old form. */
export function gatewayNames(names: readonly string[], namespace: string): string[] {
  return names.map((name) => {
    if (name === MESH || name.includes('/'))
      return name.startsWith('./') ? `${namespace}/${name.slice(2)}` : name;
    const [gateway = '', of] = name.split('.');
    return of === undefined ? `${namespace}/${name}` : `${of}/${gateway}`;
  });
}
