import { InputError } from '@decpool/model';
import type * as z from 'zod';
import { readableIssue } from '../text/readable-issue.ts';
import { messageOf } from './error-text.ts';
import { readText } from './read-text.ts';

/** Throws InputError that names the file, and the place in it. */
export function readJson<Schema extends z.ZodType>(path: string, schema: Schema): z.output<Schema> {
  const text = readText(path);
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch (error) {
    throw new InputError(`${path}: not JSON: ${messageOf(error)}`);
  }
  const parsed = schema.safeParse(json);
  if (!parsed.success) throw new InputError(`${path}: ${readableIssue(parsed.error)}`);
  return parsed.data;
}
