/** Stands in the place of the sections that need an event log. */
import { html } from '../escape.ts';
import type { PageSection } from './section.ts';

export const noLogsSection: PageSection = {
  id: 'blocks',
  title: 'Block map and charts over time',
  link: 'none',
  body: ({ logged, input: { folder } }) =>
    logged === undefined
      ? html`<p class="missing">There is no event log in ${folder}/logs. The block map, the charts over time, the distributions, the kernel indices and the owners of blocks need one. decpool compare writes logs for up to 24 policies.</p>`
      : undefined,
};
