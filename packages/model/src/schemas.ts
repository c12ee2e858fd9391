/** What the zod schemas of this package share. */
import * as z from 'zod';
import { MIGRATETYPES } from './migratetypes.ts';

export const whole = z.number().int().min(0);
export const migratetype = z.enum(MIGRATETYPES);

/** The first problem that zod found, to follow the name of a record: `, 'platform.name': Invalid option`. */
export function issueText({ issues }: z.ZodError): string {
  const [{ path, message }] = issues;
  return path.length === 0 ? `: ${message}` : `, '${path.join('.')}': ${message}`;
}
