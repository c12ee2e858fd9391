/** The sections of an input, in the order of the page: the answer first. A new section is its file and one line here. */
import { againstSection } from './against.ts';
import { blocksSection } from './blocks.ts';
import { costSection } from './cost.ts';
import { distributionsSection } from './distributions.ts';
import { indicesSection } from './indices.ts';
import { noLogsSection } from './no-logs.ts';
import { overTimeSection } from './over-time.ts';
import { ownersSection } from './owners.ts';
import { paretoSection } from './pareto.ts';
import type { PageSection } from './section.ts';
import { summarySection } from './summary.ts';

export const SECTIONS: readonly PageSection[] = [
  summarySection,
  againstSection,
  costSection,
  ownersSection,
  noLogsSection,
  blocksSection,
  overTimeSection,
  distributionsSection,
  paretoSection,
  indicesSection,
];
