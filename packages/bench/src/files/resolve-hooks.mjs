/**
 * Module hooks for the user's own files, which may lie in any folder. They import `@decpool/*` from this decpool, and
 * they are ES modules, even if no package.json beside them says so. This file is plain JavaScript, because Node 20
 * runs hooks in a thread without the TypeScript translator.
 *
 * Node 22 and later call the hooks in the same thread and wait for no promise: module.registerHooks(). There `next` gives
 * its result, in Node 20 it gives a promise of it.
 */

const after = (result, then) => (result instanceof Promise ? result.then(then) : then(result));

/**
 * `home`: URL of the code that loads the files. `isBundle`: whether it is a bundle, with an entry beside it for each entry of
 * our packages. `checkout`: URL of a folder whose files are ours.
 * @param {{ checkout: string, home: string, isBundle: boolean }} places
 */
export function hooksFor({ checkout, home, isBundle }) {
  const isForeignSource = (url) =>
    url.startsWith('file:') &&
    !url.startsWith(checkout) &&
    !url.includes('/node_modules/') &&
    /\.[jt]s(\?|$)/.test(url);

  return {
    resolve(specifier, context, next) {
      const [, ours] = /^@decpool\/(.+)$/.exec(specifier) ?? [];
      if (ours !== undefined && isBundle) {
        return next(new URL(`${ours.replaceAll('/', '-')}.js`, home).href, context);
      }
      if (ours !== undefined) return next(specifier, { ...context, parentURL: home });
      return after(next(specifier, context), (found) =>
        isForeignSource(found.url) ? { ...found, format: 'module' } : found,
      );
    },
    load: (url, context, next) =>
      next(url, isForeignSource(url) ? { ...context, format: 'module' } : context),
  };
}

let hooks = hooksFor({ checkout: '', home: '', isBundle: false });

/** Node 20 begins here. */
export function initialize(places) {
  hooks = hooksFor(places);
}

export const resolve = (specifier, context, next) => hooks.resolve(specifier, context, next);

export const load = (url, context, next) => hooks.load(url, context, next);
