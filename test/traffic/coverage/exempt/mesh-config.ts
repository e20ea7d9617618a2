export const MESH_CONFIG: Readonly<Record<string, string>> = {};
export const MESH_NETWORKS: Readonly<Record<string, string>> = {};
