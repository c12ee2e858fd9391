import { unknownName } from '@decpool/model';

/** How a log is stored, and the ending of its file name. */
export const LOG_FORMATS = { arrow: '.arrow', ndjson: '.ndjson' } as const;
export type LogFormat = keyof typeof LOG_FORMATS;

/** Throws InputError for an unknown format. */
export function logFormatNamed(name: string): LogFormat {
  if (Object.hasOwn(LOG_FORMATS, name)) return name as LogFormat;
  throw unknownName({ kind: 'log format', given: name, known: Object.keys(LOG_FORMATS) });
}
