/**
 * Module hooks for the user's own files, which may lie anywhere: `@decpool/*` are the packages of this checkout, one copy for all,
 * and a file outside of it is an ES module whatever a package.json beside it says, or none does. Plain JavaScript, because
 * Node runs hooks in a thread of their own where nothing translates them.
 */

/** Folder of the checkout, and the file whose packages are meant, as URLs. */
let checkout = '';
let home = '';

/** @param {{ checkout: string, home: string }} data */
export function initialize(data) {
  checkout = data.checkout;
  home = data.home;
}

const isForeignSource = (url) =>
  url.startsWith('file:') &&
  !url.startsWith(checkout) &&
  !url.includes('/node_modules/') &&
  /\.[jt]s(\?|$)/.test(url);

export async function resolve(specifier, context, next) {
  if (specifier.startsWith('@decpool/')) return next(specifier, { ...context, parentURL: home });
  const found = await next(specifier, context);
  return isForeignSource(found.url) ? { ...found, format: 'module' } : found;
}

export async function load(url, context, next) {
  return next(url, isForeignSource(url) ? { ...context, format: 'module' } : context);
}
