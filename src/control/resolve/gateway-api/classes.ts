import { objectOf, step } from '../world.ts';

/** Controllers whose classes are weft's: its own, and Istio's, so that one's manifests work as they are. */
export const CONTROLLERS: readonly string[] = ['weft.dev/gateway-controller', 'istio.io/gateway-controller'];

/** Classes that need no object, as Istio makes `istio` by itself. */
const STANDING: Readonly<Record<string, string>> = {
  weft: 'weft.dev/gateway-controller',
  istio: 'istio.io/gateway-controller',
};

/** The controller of a class by the class's name; undefined where the class is not there or somebody else's. */
export const controllerOfClass = step('gateway class', (read, name): string | undefined => {
  const resource = objectOf(read, 'gateway.networking.k8s.io/GatewayClass', '', name);
  const controller = resource?.object.spec.controllerName ?? STANDING[name];
  return controller !== undefined && CONTROLLERS.includes(controller) ? controller : undefined;
});
