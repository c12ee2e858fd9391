/**
 * Module hooks for the user's own files, which may lie in any folder. They import `@decpool/*` from this checkout, and
 * they are ES modules, even if no package.json beside them says so. This file is plain JavaScript, because Node
 * runs hooks in a thread without the TypeScript translator.
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
