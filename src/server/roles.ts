/** What a caller of the API may do; each includes the ones before. */
export type Role = 'view' | 'operate' | 'admin';

const RANK: Readonly<Record<Role, number>> = { view: 0, operate: 1, admin: 2 };

/** Whether someone with a role may do what asks for `needed`. */
export function mayDo(role: Role | undefined, needed: Role): boolean {
  return role !== undefined && RANK[role] >= RANK[needed];
}
