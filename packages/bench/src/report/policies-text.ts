import type { LogHeader } from '@decpool/model';

/** Who decided a log's requests, for people: `A up to request 17, then B`. */
export const policiesText = ({ policy, handovers = [] }: Pick<LogHeader, 'policy' | 'handovers'>): string =>
  [...handovers.map((earlier) => `${earlier.policy} up to request ${earlier.request}`), policy].join(
    ', then ',
  );
