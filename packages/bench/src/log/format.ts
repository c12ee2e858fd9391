import { unknownName } from '@decpool/model/internal';

/** How a log is stored, and the ending of its file name. */
export const LOG_FORMATS = { arrow: '.arrow', ndjson: '.ndjson' } as const;
/** How an event log is stored. */
export type LogFormat = keyof typeof LOG_FORMATS;

/** Throws InputError for an unknown format. */
export const logFormatNamed = (name: string): LogFormat => formatNamed(name, LOG_FORMATS, 'log format');

/** One of `endings`, which are by format. Throws InputError for an unknown name. */
export function formatNamed<Format extends string>(
  name: string,
  endings: Readonly<Record<Format, string>>,
  kind: string,
): Format {
  if (Object.hasOwn(endings, name)) return name as Format;
  throw unknownName({ kind, given: name, known: Object.keys(endings) });
}

/** The format that a file's ending stands for; undefined if it is none of `endings`. */
export const formatByEnding = <Format extends string>(
  path: string,
  endings: Readonly<Record<Format, string>>,
): Format | undefined => (Object.keys(endings) as Format[]).find((format) => path.endsWith(endings[format]));
