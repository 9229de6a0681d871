// TypeScript's decorators without a compiler: what stands before a method there is a static list of the same name here.

/**
 * Applies the decorators of a class, and those in its static lists to the members of the same names, the last one first as
 * TypeScript does it.
 */
export function decorate(target, ...decorators) {
  for (const [name, list] of Object.entries(target)) {
    if (!Array.isArray(list)) continue;
    const descriptor = Object.getOwnPropertyDescriptor(target.prototype, name); // undefined for a property
    for (const decorator of list.toReversed()) decorator(target.prototype, name, descriptor);
  }
  for (const decorator of decorators.toReversed()) decorator(target);
}

/** A decorator of a method's parameter. */
export function parameter(index, decorator) {
  return (prototype, name) => decorator(prototype, name, index);
}
