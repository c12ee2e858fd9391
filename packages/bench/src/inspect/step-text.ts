/** A place in a log as text: the event, its cause, the counters that it changed, and a map of the blocks around. */
import {
  type BlockView,
  blockIndex,
  type Geometry,
  type PoolEvent,
  type StateView,
  pfn as toPfn,
} from '@decpool/model';
import { holdingsOf } from '@decpool/model/internal';
import { countText } from '../text/counts.ts';
import { groupsThatFit } from '../text/groups.ts';
import { timeText } from '../text/time.ts';
import { formatValue } from '../text/units.ts';
import { changeText } from './counter-groups.ts';
import { causeText, eventLine, type Names } from './event-text.ts';
import type { Step, Stepper } from './stepper.ts';

/** Blocks of the map; pages of a block have as many characters. */
const MAP_WIDTH = 64;
const LABEL = '         ';
const LINE_WIDTH = 100;

/** Lines for the place where a stepper is. Remembers which block was last looked at, for events that name none. */
export class StepText {
  readonly #stepper: Stepper;
  #block = 0;

  constructor(stepper: Stepper) {
    this.#stepper = stepper;
  }

  get names(): Names {
    const { log, owners } = this.#stepper;
    return {
      geometry: log.header.geometry,
      owner: (number) => owners[number],
      ownerOf: (allocation) => this.#stepper.ownerOf(allocation),
    };
  }

  async lines(): Promise<string[]> {
    const { position, time, log, view } = this.#stepper;
    const step = await this.#stepper.step();
    const place = `position ${formatValue(position, 'count')} of ${formatValue(log.events, 'count')}, ${timeText(time)}`;
    if (step === undefined) return [place, 'no event has happened yet', ...mapLines(view, this.#block)];
    this.#block = blockOf(step.event, view) ?? this.#block;
    return [place, ...stepLines(step, this.names), ...mapLines(view, this.#block)];
  }
}

function stepLines({ event, cause, changes }: Step, names: Names): string[] {
  const texts = changes.flatMap(({ counter, before, after }) => changeText(counter, before, after) ?? []);
  const lines = groupsThatFit(
    texts.length === 0 ? ['no counter'] : texts,
    (group) => LABEL.length + group.join('; ').length <= LINE_WIDTH,
  );
  return [
    eventLine(event, names),
    `by       ${causeText(cause, names)}`,
    ...lines.map((group, index) => (index === 0 ? 'changed  ' : LABEL) + group.join('; ')),
  ];
}

/** The block that an event is about. */
function blockOf(event: PoolEvent, view: StateView): number | undefined {
  const { pagesPerBlock } = view.geometry;
  if ('pfn' in event) return Math.floor(event.pfn / pagesPerBlock);
  if (!('allocation' in event) || event.type === 'request-skipped') return undefined;
  for (const { pfn } of holdingsOf(view, event.allocation)) return Math.floor(pfn / pagesPerBlock);
  return undefined;
}

export const MAP_LEGEND =
  'blank: no RAM  . private  c claimed  s shared  a allocated  u unknown  x leaked  capital: all of it';

/** A character per block: what is in it, and below how it is mapped; then the pages of the block itself. */
function mapLines(view: StateView, block: number): string[] {
  const { geometry, blocks } = view;
  const first = Math.max(0, Math.min(blocks - MAP_WIDTH, block - MAP_WIDTH / 2));
  const last = Math.min(blocks, first + MAP_WIDTH) - 1;
  let content = '';
  let levels = '';
  for (let at = first; at <= last; at++) {
    const found = view.block(blockIndex(at));
    content += contentOf(found, geometry.pagesPerBlock);
    levels += ' 421'[found.level];
  }
  return [
    `blocks   ${content}  ${first}..${last}`,
    `mapped   ${levels}  by 4K, 2M, 1G entries`,
    `${LABEL}${' '.repeat(block - first)}^ block ${block}: ${countsText(view.block(blockIndex(block)))}`,
    `pages    ${pagesLine(view, geometry, block)}  ${countText(pagesPerCharacter(geometry), 'page')} a character`,
  ];
}

/** What is true of pages, the strongest first. */
const FACTS = [
  ['x', 'leaked'],
  ['u', 'unknown'],
  ['a', 'allocated'],
  ['s', 'shared'],
  ['c', 'claimed'],
] as const;

const letterOf = (letter: string, isAll: boolean): string => (isAll ? letter.toUpperCase() : letter);

function contentOf(block: BlockView, pagesPerBlock: number): string {
  if (block.level === 0) return ' ';
  const [letter, fact] = FACTS.find(([, name]) => block[name] > 0) ?? ['.'];
  return letterOf(letter, fact !== undefined && block[fact] === pagesPerBlock);
}

function countsText({ claimed, shared, allocated, unknown, leaked }: BlockView): string {
  const lost = [...(unknown > 0 ? [`${unknown} unknown`] : []), ...(leaked > 0 ? [`${leaked} leaked`] : [])];
  return [`${claimed} claimed`, `${shared} shared`, `${allocated} allocated`, ...lost].join(', ');
}

const pagesPerCharacter = ({ pagesPerBlock }: Geometry): number => Math.max(1, pagesPerBlock / MAP_WIDTH);

function pagesLine(view: StateView, geometry: Geometry, block: number): string {
  const { pagesPerBlock } = geometry;
  const pages = pagesPerCharacter(geometry);
  let line = '';
  for (let at = block * pagesPerBlock; at < (block + 1) * pagesPerBlock; at += pages) {
    const start = toPfn(at);
    const [letter, fact] = FACTS.find(([, name]) => view.firstWhereNot(name, false, start, pages) !== -1) ?? [
      '.',
    ];
    line += letterOf(letter, fact !== undefined && view.firstWhereNot(fact, true, start, pages) === -1);
  }
  return line;
}
