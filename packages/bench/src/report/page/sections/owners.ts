/** Which owners caused splits, pin blocks or leaked memory. */
import { shortPolicyName } from '@decpool/pool/policy-names';
import type { OwnerRow } from '../../../history/types.ts';
import { formatValue } from '../../../text/units.ts';
import type { Results } from '../../results.ts';
import { type Html, html, shellWord } from '../escape.ts';
import type { LoggedInput } from '../figures/figure.ts';
import { commandLines, headRow, policyName, rowsToggle, scrolledTable } from '../words.ts';
import type { PageSection } from './section.ts';

/** Rows that the table shows at first, and rows that the page contains. */
const FIRST_ROWS = 10;
const ROWS_SHOWN = 30;

/**
 * Counts as model/src/projections/splits.ts does: a split belongs to the last request before it, an allocation or a free, if both have the same
 * number and time. Splits by the policy at boot and by the deferred worker belong to no request; those of the boot pool of swiotlb are left
 * out.
 */
const SPLITS_SQL = `WITH r AS (FROM events WHERE type IN ('allocation-requested', 'free-requested')),
  a AS (FROM events WHERE type = 'allocation-requested'),
  b AS (SELECT max(seq) AS seq FROM events WHERE type = 'slab-created' AND allocation = 0 AND request = 0),
  s AS (FROM events WHERE type = 'large-page-split' AND seq > coalesce((SELECT seq FROM b), -1))
SELECT if(r.request = s.request AND r.time_ns = s.time_ns, a.owner_name, 'no request') AS owner,
  count(*) FILTER (s.level = 2) AS splits_2m, count(*) FILTER (s.level = 3) AS splits_1g
FROM s ASOF LEFT JOIN r ON s.seq >= r.seq ASOF LEFT JOIN a ON r.allocation = a.allocation AND r.seq >= a.seq
GROUP BY 1 ORDER BY 2 DESC, 1`;
const LEAKS_SQL =
  "SELECT owner_name, sum(pages) AS pages FROM events WHERE type = 'pages-leaked' GROUP BY owner_name ORDER BY pages DESC";

const cell = (number: number): Html =>
  html`<td${number === 0 && html` class="zero"`}>${formatValue(number, 'count')}</td>`;

export const ownersSection: PageSection = {
  id: 'owners',
  title: 'Owners',
  body: ({ results, logged, prefix }) =>
    logged === undefined ? causedOnly(results) : causedAndHeld(logged, `${prefix}-owner`),
};

function causedAndHeld(logged: LoggedInput, id: string): Html {
  const { results, history, folder } = logged;
  return html`<p class="intro">Owners whose requests split large pages, and the blocks that hold their memory. The columns <em>alone in</em> count blocks with no other owner: such a block becomes empty once this owner frees its pages. Splits by the policy at boot and by the deferred worker belong to no owner. Those of the boot pool of swiotlb are left out. First seed.</p>
<p class="scripted"><label for="${id}-choice">Policy </label><select id="${id}-choice" class="owner-choice">${history.runs.map(
    ({ policy }, index) =>
      html`<option value="${id}-${index}" title="${policy}">${shortPolicyName(policy)}</option>`,
  )}</select></p>
${history.runs.map(
  (
    { policy, ownerRows, log },
    index,
  ) => html`<div class="owners" id="${id}-${index}"><h4>${policyName(policy)}</h4>${ownerTable(policy, ownerRows, `${id}-${index}-table`)}
<div class="behind"><details><summary>How to reproduce</summary>${commandLines([
    results.command,
    '# Splits by owner:',
    `decpool query ${shellWord(`${folder}/${log}`)} ${shellWord(SPLITS_SQL)}`,
    ...(ownerRows.some(({ leakedPages }) => leakedPages > 0)
      ? ['# Leaked pages by owner:', `decpool query ${shellWord(`${folder}/${log}`)} ${shellWord(LEAKS_SQL)}`]
      : []),
    '# Pages and blocks of each owner, and the owners of each block, at the peak and at the end:',
    `decpool show ${shellWord(`${folder}/${log}`)} --time ${history.frames.times[history.peakFrame]} --all`,
    `decpool show ${shellWord(`${folder}/${log}`)} --all`,
  ])}</details></div></div>
`,
)}
`;
}

function ownerTable(policy: string, rows: readonly OwnerRow[], id: string): Html {
  if (rows.length === 0) return html`<p class="reading">No owner caused a split or holds memory.</p>`;
  const hasLeaks = rows.some(({ leakedPages }) => leakedPages > 0);
  const has1G = rows.some(({ splits1G }) => splits1G > 0);
  const shown = rows.slice(0, ROWS_SHOWN);
  const label = `Owners under ${shortPolicyName(policy)}`;
  const caused = ['2M splits', ...(has1G ? ['1G splits'] : []), ...(hasLeaks ? ['leaked pages'] : [])];
  const held = ['peak', 'end'].flatMap((when) =>
    ['pages', 'blocks', 'alone in'].map((what) => html`${what}<span class="sr"> at ${when}</span>`),
  );
  const table = scrolledTable({
    label,
    caption: `${label}, most 2M splits first`,
    classes: 'owner-table',
    id,
    head: html`<tr><td></td><th scope="colgroup" colspan="${caused.length}">caused</th><th scope="colgroup" colspan="3">holds at the peak</th><th scope="colgroup" colspan="3">holds at the end</th></tr>
${headRow(['owner', ...caused, ...held])}`,
    rows: shown.map(
      (
        row,
        place,
      ) => html`<tr${place >= FIRST_ROWS && html` class="more"`}><th scope="row">${row.owner}</th>${cell(row.splits2M)}${has1G && cell(row.splits1G)}${hasLeaks && cell(row.leakedPages)}${[
        row.atPeak,
        row.atEnd,
      ].map((hold) => html`${cell(hold.pages)}${cell(hold.blocks)}${cell(hold.alone)}`)}</tr>
`,
    ),
  });
  return html`${table}
${shown.length > FIRST_ROWS && rowsToggle(id, shown.length)}
${rows.length > shown.length && html`<p class="legend">The first ${shown.length} of ${rows.length} owners. decpool show --all lists the others.</p>`}`;
}

/** Without logs only splits and leaks by owner are known. */
function causedOnly({ policies }: Results): Html {
  const caused = policies.filter(({ byOwner }) => byOwner.length > 0);
  const shown = caused.slice(0, ROWS_SHOWN);
  const quiet = policies.length - caused.length;
  return html`<p class="intro">Owners whose requests split large pages or leaked memory. First seed.${quiet > 0 && ` Under ${quiet} of ${policies.length} policies no owner did.`}${caused.length > shown.length && ` The first ${shown.length} policies are listed; results.json has the others.`}</p>
${shown.map(({ policy, byOwner }) => html`<h4>${policyName(policy)}</h4>${causedTable(policy, byOwner)}`)}`;
}

const causedTable = (policy: string, byOwner: Results['policies'][number]['byOwner']): Html =>
  scrolledTable({
    label: `Owners under ${shortPolicyName(policy)}`,
    classes: 'owner-table',
    head: headRow(['owner', '2M splits', '1G splits', 'leaked pages']),
    rows: byOwner.slice(0, ROWS_SHOWN).map(
      (row) =>
        html`<tr><th scope="row">${row.owner}</th>${cell(row.splits2M)}${cell(row.splits1G)}${cell(row.leakedPages)}</tr>
`,
    ),
  });
