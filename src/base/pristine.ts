/*
 * Objects of Node that the kernel uses beside user code (buffers, sockets, children) belong to the realm of
 * user code, and so do their prototypes. They get copies of those prototypes, made before any user code has
 * run.
 */

const { create, getOwnPropertyDescriptor, getPrototypeOf, setPrototypeOf } = Object;
const { ownKeys } = Reflect;

/**
 * A copy of a prototype with all that it inherits, on `copy`. It stands before the real one, so that
 * `instanceof` goes on to hold.
 */
export function pristineCopy(prototype: object, copy = create(prototype) as object): object {
  for (let from: object | null = prototype; from; from = getPrototypeOf(from) as object | null) {
    for (const key of ownKeys(from)) {
      if (!Object.hasOwn(copy, key))
        Object.defineProperty(copy, key, getOwnPropertyDescriptor(from, key) as PropertyDescriptor);
    }
  }
  return copy;
}

/** Gives an object of Node its own methods back, whatever user code will do to its prototypes. */
export function pin<T extends object>(object: T): T {
  return setPrototypeOf(object, pristineCopy(getPrototypeOf(object) as object)) as T;
}

/**
 * Node keeps what runs asynchronously in an array of the user's realm, and takes it from there with `pop`:
 * with one that was replaced it would fail at the end of each turn, for ever.
 */
export function pinAsyncResources(): void {
  try {
    const { binding } = process as unknown as {
      binding: (name: string) => { execution_async_resources: unknown[] };
    };
    const { noDeprecation } = process;
    process.noDeprecation = true;
    pin(binding('async_wrap').execution_async_resources);
    if (noDeprecation === undefined) delete (process as { noDeprecation?: boolean }).noDeprecation;
    else process.noDeprecation = noDeprecation;
  } catch {
    // Another Node may have it elsewhere; the array is then as safe as it was.
  }
}

/** A copy of a module's exports: what user code replaces in the module stays as it was here. */
export function snapshot<T extends object>(exports: T): T {
  return create(null, Object.getOwnPropertyDescriptors(exports)) as T;
}

/** A class to inherit from whose methods are copies. */
export function pristineClass<T extends abstract new (...given: never[]) => object>(Base: T): T {
  // With parameters of its own: those of a class without a constructor are spread, by the user's iterator.
  const Copy = class extends (Base as unknown as new (...given: unknown[]) => object) {
    constructor(first: unknown, second: unknown) {
      super(first, second);
    }
  };
  setPrototypeOf(Copy.prototype, pristineCopy(Base.prototype as object));
  return Copy as unknown as T;
}

/** `process` with the functions that it has now; its environment and its streams are the living ones. */
export function pristineProcess(): NodeJS.Process {
  const real = process;
  const copy = create(null) as Record<PropertyKey, unknown>;
  for (let from: object = real; from !== Object.prototype; from = getPrototypeOf(from) as object) {
    for (const key of ownKeys(from)) {
      if (Object.hasOwn(copy, key)) continue;
      const { value, get } = getOwnPropertyDescriptor(from, key) as PropertyDescriptor;
      if (typeof value === 'function') copy[key] = (value as () => void).bind(real);
      else if (get) Object.defineProperty(copy, key, { get: get.bind(real) });
      else if (key === 'env') Object.defineProperty(copy, key, { get: () => real.env });
      else copy[key] = value;
    }
  }
  return copy as unknown as NodeJS.Process;
}
