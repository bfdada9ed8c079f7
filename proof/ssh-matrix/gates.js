export const playGates = async () => [];
