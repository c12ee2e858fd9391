/** The schema of results for other programs: JSON Schema, draft 2020-12. */
import { z } from 'zod';
import { RESULTS_VERSION, resultsSchema } from './results.ts';

/** As docs/schemas has it. */
export function resultsSchemaText(): string {
  const schema = z.toJSONSchema(resultsSchema, { target: 'draft-2020-12' });
  const { $schema, ...rest } = schema;
  const document = {
    $schema,
    title: `Results of decpool compare, version ${RESULTS_VERSION}`,
    description:
      'One input. results.json in a results folder is such a document, and decpool compare --json prints one a line. A change that is not only an addition gets a new version.',
    ...rest,
  };
  return `${JSON.stringify(document, null, 2)}\n`;
}
