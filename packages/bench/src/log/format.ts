import { InputError } from '@decpool/model';

/** How a log is stored, and the ending of its file name. */
export const LOG_FORMATS = { arrow: '.arrow', ndjson: '.ndjson' } as const;
export type LogFormat = keyof typeof LOG_FORMATS;

/** Throws InputError when there is no such format. */
export function logFormatNamed(name: string): LogFormat {
  if (Object.hasOwn(LOG_FORMATS, name)) return name as LogFormat;
  throw new InputError(`unknown log format '${name}'; available: ${Object.keys(LOG_FORMATS).join(', ')}`);
}
