import type { Ingress } from '../../../api/kubernetes/ingress.ts';
import type { Resource } from '../../../api/resources.ts';
import { compareAge } from '../../../mesh/service.ts';
import { meshSettings } from '../mesh-settings.ts';
import { ageOf, listOf, objectOf, type Read, step } from '../world.ts';

const CLASS_ANNOTATION = 'kubernetes.io/ingress.class';
/** Controllers whose IngressClasses are served. */
const CONTROLLERS: ReadonlySet<string> = new Set([
  'istio.io/ingress-controller',
  'weft.dev/ingress-controller',
]);

/** The Ingresses that the mesh's gateway serves, the oldest first: by annotation, by class, or as the mesh says. */
export const ourIngresses = step('our ingresses', (read): readonly Resource<Ingress>[] =>
  listOf(read, 'networking.k8s.io/Ingress')
    .filter((resource) => isOurs(read, resource))
    .sort((a, b) => compareAge(ageOf(a), ageOf(b))),
);

function isOurs(read: Read, { object }: Resource<Ingress>): boolean {
  const { mode, className } = read.of(meshSettings, '').ingress;
  if (mode === 'off') return false;
  const annotated = object.metadata.annotations?.[CLASS_ANNOTATION];
  if (annotated !== undefined) return annotated === className;
  const named = object.spec?.ingressClassName;
  if (named === undefined) return mode === 'default';
  const found = objectOf(read, 'networking.k8s.io/IngressClass', '', named);
  return CONTROLLERS.has(found?.object.spec?.controller ?? '');
}
