/** Loads the user's own TypeScript and JavaScript files: policies and settings. */
import { execFile } from 'node:child_process';
import module from 'node:module';
import { pathToFileURL } from 'node:url';
import { InputError } from '@decpool/model';
import { IS_BUNDLED, resourceUrl } from './resource.ts';
import { placeOf, shown } from './source-place.ts';

/** The default export of a file. Throws InputError that begins with `kind` and names the line of the error. */
export async function defaultExportOf(file: string, kind: string): Promise<unknown> {
  await registerHooks();
  try {
    const module: { readonly default?: unknown } = await import(pathToFileURL(file).href);
    return module.default;
  } catch (error) {
    if (error instanceof InputError) {
      throw new InputError(`${kind} '${shown(file)}': ${error.message}`);
    }
    const place = placeOf(error, file) ?? (await placeOfSyntaxError(error, file)) ?? shown(file);
    throw new InputError(`${kind} ${place}: ${messageOf(error, file)}`);
  }
}

let registered: Promise<void> | undefined;

function registerHooks(): Promise<void> {
  registered ??= registerOnce();
  return registered;
}

/** Of Node 22.15 and later. */
type Sync = { readonly registerHooks?: (hooks: unknown) => void };

async function registerOnce(): Promise<void> {
  await registerTypeScript();
  const places = {
    checkout: IS_BUNDLED ? import.meta.url : new URL('../../../..', import.meta.url).href,
    home: import.meta.url,
    isBundle: IS_BUNDLED,
  };
  const hooks = resourceUrl('resolve-hooks.mjs').href;
  const { registerHooks } = module as Sync;
  if (registerHooks === undefined) module.register(hooks, { data: places });
  else registerHooks((await import(hooks)).hooksFor(places));
}

/** From its sources, decpool runs where TypeScript is translated already. */
const IS_COMPILED = !import.meta.url.endsWith('.ts');

/** Without tsx, Node's own translator remains, which newer versions have and which knows less of TypeScript. */
async function registerTypeScript(): Promise<void> {
  if (!IS_COMPILED) return;
  const tsx = await import('tsx/esm/api').catch(() => undefined);
  tsx?.register();
}

/** Only `node --check` prints the line of a syntax error in plain JavaScript. */
async function placeOfSyntaxError(error: unknown, file: string): Promise<string | undefined> {
  if (!(error instanceof SyntaxError)) return undefined;
  const stderr = await new Promise<string>((done) => {
    execFile(process.execPath, ['--check', file], (_, __, text) => done(text));
  });
  return placeOf(new Error(stderr), file);
}

/** The error in one line. */
function messageOf(error: unknown, file: string): string {
  if (!(error instanceof Error)) return `threw ${String(error)}`;
  // The TypeScript translator's message is a list of places, each with its error.
  const inTypeScript = /^.*:\d+:\d+: ERROR: (.*)$/m.exec(error.message);
  if (inTypeScript !== null) return `syntax error: ${inTypeScript[1]}`;
  const message = error.message.split('\n')[0].replaceAll(file, shown(file));
  if (/^(Cannot find (package|module)|The requested module)/.test(message)) return message;
  if (message.startsWith('Unknown file extension ".ts"'))
    return 'TypeScript needs the package tsx, or Node 22.18';
  return error.name === 'SyntaxError' ? `syntax error: ${message}` : `${error.name}: ${message}`;
}
