import type { z } from 'zod';

/** The first problem that zod found, to follow the name of a record: `, 'platform.name': Invalid option`. */
export function issueText({ issues }: z.ZodError): string {
  const [{ path, message }] = issues;
  return path.length === 0 ? `: ${message}` : `, '${path.join('.')}': ${message}`;
}
