/** The message of an error. */
export const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));

/** The code of an error of the system, as ENOENT. */
export const codeOf = (error: unknown): string | undefined =>
  error instanceof Error && 'code' in error ? String(error.code) : undefined;

/** What cannot be written, and why. */
export const notWrittenText = (path: string, error: unknown): string =>
  `${path}: cannot be written: ${isFullDisk(error) ? 'no space left' : messageOf(error)}`;

/** Whether an error says that the disk, a quota or the limit of a file's size lets nothing more be written. */
export const isFullDisk = (error: unknown): boolean =>
  ['ENOSPC', 'EDQUOT', 'EFBIG'].includes(codeOf(error) ?? '');
