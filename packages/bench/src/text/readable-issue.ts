import type * as z from 'zod';

/** The first thing that is wrong with a JSON value, and where: `inputs[2].platforms[0]: Invalid option: ...`. */
export function readableIssue({ issues }: z.ZodError): string {
  const [{ path, message }] = issues;
  const place = path
    .map((step) => (typeof step === 'number' ? `[${step}]` : `.${String(step)}`))
    .join('')
    .replace(/^\./, '');
  return place === '' ? message : `${place}: ${message}`;
}
