import type { Results } from '../../results.ts';
import type { Html } from '../escape.ts';
import type { Figure, LoggedInput } from '../figures/figure.ts';
import type { PageInput } from '../page-data.ts';

export interface SectionInput {
  readonly input: PageInput;
  readonly results: Results;
  /** Missing if there is no event log. */
  readonly logged: LoggedInput | undefined;
  /** The figures that the section shows: see figures/all.ts. */
  readonly figures: readonly Figure[];
  /** Ids of the input's elements begin with it. */
  readonly prefix: string;
}

export interface PageSection {
  readonly id: string;
  readonly title: string;
  /** The link in the contents; `none`: it has no link. Default: the title. */
  readonly link?: string;
  /** Undefined if the input has no such section. */
  body(input: SectionInput): Html | undefined;
}
