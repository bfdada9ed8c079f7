/*
 * The few things of the kernel that happen in the realm of user code. The kernel has a realm of its own
 * (realm.ts); what is here runs with built-ins that user code may have replaced, so it uses syntax alone, and
 * nothing that has a name.
 */

/**
 * Waits for a value as `await` does and hands on what it has become. A promise of another realm that is
 * awaited by the kernel itself would be asked for its `then`, which may be the user's.
 */
export async function settled(
  value: unknown,
  fulfilled: (value: unknown) => void,
  rejected: (error: unknown) => void,
): Promise<void> {
  let result: unknown;
  try {
    result = await value;
  } catch (error) {
    return rejected(error);
  }
  fulfilled(result);
}

/** Imports a module for user code: an absolute URL, or a package that lies beside this one. */
export function importModule(specifier: string): Promise<unknown> {
  return import(specifier);
}
