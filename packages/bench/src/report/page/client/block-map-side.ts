/** One of the two maps that move in step: the choice of its policy, its canvas and its table. */
import { shortPolicyName } from '@decpool/pool/policy-names';
import type { InputHistory } from '../../../history/types.ts';
import { createCursor } from './block-map-cursor.ts';
import { holding, make, newId, setFullName } from './block-map-dom.ts';
import { cellAt, firstBlockOf, type Layout } from './block-map-layout.ts';
import { isMoreTelling, type RunLooks } from './block-map-looks.ts';
import { createPainter, type Painter } from './block-map-paint.ts';
import type { MapColours } from './block-map-sprites.ts';
import { createSharedTable } from './block-map-table.ts';
import { mapLabel } from './block-map-text.ts';
import type { FrameClock } from './clock.ts';

interface SideOptions {
  /** Missing if there is only one map. */
  readonly place?: 'left' | 'right';
  readonly history: InputHistory;
  readonly chosen: number;
  readonly looksOf: (run: number) => RunLooks;
  readonly hintId: string;
  readonly blockBytes: number;
  readonly clock: FrameClock;
  readonly onChoice: () => void;
}

export function createSide(options: SideOptions) {
  let looks = options.looksOf(options.chosen);
  let layout: Layout | undefined;
  let painter: Painter | undefined;
  const canvas = mapCanvas(options.hintId);
  const cursor = createCursor();
  const stage = holding('div', 'block-map-stage', canvas, cursor.element);
  const table = createSharedTable(() => ({ looks, frame: options.clock.frame }));

  const select = policySelect(options, (run) => {
    choose(run);
    options.onChoice();
  });
  const element = holding('section', 'block-map-side', select, stage, table.element);

  function choose(run: number): void {
    looks = options.looksOf(run);
    canvas.setAttribute('aria-label', mapLabel(looks.run.policy, options.history, options.blockBytes));
    // Both sides may show the same policy, and no two landmarks may have the same name.
    const where = options.place === undefined ? '' : `, ${options.place}`;
    const name = shortPolicyName(looks.run.policy) + where;
    element.setAttribute('aria-label', name);
    table.setLabel(`Shared blocks of ${name}`);
  }
  choose(options.chosen);

  return {
    element,
    canvas,
    /** The element that the canvas has to fit in. */
    stage,
    get looks(): RunLooks {
      return looks;
    },
    lay(next: Layout, colours: MapColours) {
      layout = next;
      painter = createPainter(canvas, layout, colours, options.blockBytes);
    },
    paint(frame: number) {
      looks.show(frame);
      painter?.paint(looks.looks);
      canvas.dataset['frame'] = String(frame);
      canvas.dataset['policy'] = looks.run.policy;
    },
    fillTable: () => table.show(),
    mark(block: number | undefined) {
      if (layout !== undefined) cursor.show(layout, block);
    },
    blockAt(clientX: number, clientY: number): number | undefined {
      if (layout === undefined) return undefined;
      const { left, top, width } = canvas.getBoundingClientRect();
      const scale = canvas.width / width;
      const cell = cellAt(layout, { x: (clientX - left) * scale, y: (clientY - top) * scale });
      return cell === undefined ? undefined : mostTelling(layout, looks.looks, cell);
    },
  };
}

/** The block that gives a cell its colour: the first with the most telling look. */
function mostTelling(layout: Layout, looks: Uint8Array, cell: number): number {
  const first = firstBlockOf(layout, cell);
  const end = Math.min(first + layout.blocksPerCell, layout.blocks);
  let best = first;
  for (let block = first + 1; block < end; block++)
    if (isMoreTelling(looks[block], looks[best])) best = block;
  return best;
}

function mapCanvas(hintId: string): HTMLCanvasElement {
  const canvas = make('canvas', 'block-map-canvas');
  canvas.tabIndex = 0;
  // A screen reader passes the arrow keys on to applications only.
  canvas.setAttribute('role', 'application');
  canvas.setAttribute('aria-roledescription', 'memory map');
  canvas.setAttribute('aria-describedby', hintId);
  return canvas;
}

const LABELS = { one: 'Policy', left: 'Left policy', right: 'Right policy' };

function policySelect(options: SideOptions, onChoice: (run: number) => void): HTMLElement {
  const label = make('label', '', LABELS[options.place ?? 'one']);
  const select = make('select');
  select.id = newId();
  label.htmlFor = select.id;
  for (const [run, { policy }] of options.history.runs.entries()) {
    const option = make('option', '', shortPolicyName(policy));
    setFullName(option, policy);
    option.value = String(run);
    select.append(option);
  }
  select.value = String(options.chosen);
  select.addEventListener('change', () => onChoice(Number(select.value)));
  return holding('div', 'block-map-choice', label, select);
}
