// Machines and shells as people have them.
export const rows = [];
