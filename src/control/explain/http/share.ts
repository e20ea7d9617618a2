import { isInShare } from '../../../xds/match/fraction.ts';
import type { Scene } from '../scene.ts';

/** A draw for a share in parts of a million: one that falls into it, or one that does not. */
export function drawForShare({ chance }: Scene, share: number): number {
  return chance.pick([share, 1_000_000 - share]) === 0 ? 0 : 999_999;
}

/** Whether this request is in a share, in parts of a million. */
export function isDrawn(scene: Scene, share: number): boolean {
  return isInShare(share, drawForShare(scene, share));
}
