/** The block map: memory as a grid of 2 MiB blocks, under two policies in step, at one moment of simulated time. */
import type { LoggedInput } from '../figures/figure.ts';
import { firstChoices } from './block-map-choice.ts';
import { createControls } from './block-map-controls.ts';
import { createDetails } from './block-map-details.ts';
import { holding, make, newId, setText } from './block-map-dom.ts';
import { blockByKey, isMostlyUntouched, type Layout, layoutOf, type MapMemory } from './block-map-layout.ts';
import { createLegend } from './block-map-legend.ts';
import { looksAtBoot, memoryOf, type RunLooks, runLooks } from './block-map-looks.ts';
import { createPlayer } from './block-map-player.ts';
import { createSide } from './block-map-side.ts';
import { coloursOf } from './block-map-sprites.ts';
import { blockText, explainCommand, factsOf, scaleText } from './block-map-text.ts';
import type { FrameClock } from './clock.ts';

const HINT =
  'Keys on a map: arrows move by block and row. Home and End go to the ends of a row, with Ctrl to the ends of memory. Page Up and Page Down move by 8 rows. Comma and period step through time. A click holds a block; another click or Escape releases it.';

export function mountBlockMap(root: HTMLElement, input: LoggedInput, clock: FrameClock) {
  const { history, folder } = input;
  const memory = memoryOf(history);
  const player = createPlayer(clock, history.frames.requests.length, showPlaying);
  const controls = createControls(history, clock, player);
  const choices = firstChoices(input.results, history);
  const hint = make('p', 'block-map-hint', HINT);
  hint.id = newId();
  const looksOf = lazily((run) => runLooks(history.runs[run], looksAtBoot(history)));
  const sides = choices.map((chosen, side) =>
    createSide({
      ...(choices.length === 1 ? {} : { place: side === 0 ? 'left' : 'right' }),
      history,
      clock,
      chosen,
      looksOf,
      hintId: hint.id,
      blockBytes: memory.blockBytes,
      onChoice: paint,
    }),
  );
  const scale = make('p', 'block-map-scale');
  const legend = createLegend(sides.length);
  const details = createDetails(sides.length);
  const folding = foldingBox(memory, layOut);
  let layout: Layout | undefined;
  let selected: number | undefined;
  let isHeld = false;

  const notes = holding('div', 'block-map-notes', scale, folding.element);
  const maps = holding('div', 'block-map-sides', ...sides.map(({ element }) => element));
  const below = holding('div', 'block-map-below', legend.element, details.element);
  root.classList.add('block-map');
  root.append(controls.element, notes, maps, hint, below);

  function view(): { width: number; scale: number } {
    const width = Math.min(...sides.map(({ stage }) => stage.clientWidth));
    return { width, scale: window.devicePixelRatio };
  }

  function layOut(): void {
    // The map is not on the screen.
    if (view().width === 0) return;
    layout = layoutOf(memory, { ...view(), isFolded: folding.isFolded() });
    const colours = coloursOf(root);
    for (const side of sides) side.lay(layout, colours);
    legend.showColours(colours);
    setText(scale, scaleText(layout, memory.blockBytes));
    paint();
    mark();
  }

  function paint(): void {
    const { frame } = clock;
    for (const side of sides) side.paint(frame);
    controls.show();
    legend.showCounts(
      sides.map(({ looks }) => looks.run.policy),
      sides.map(({ looks }) => looks.counts()),
    );
    showDetails();
    fillTables();
    root.dataset['frame'] = String(frame);
  }

  function fillTables(): void {
    if (!player.isPlaying) for (const side of sides) side.fillTable();
  }

  function showPlaying(): void {
    details.setTalkative(!player.isPlaying);
    controls.show();
    fillTables();
  }

  function select(block: number | undefined): void {
    if (block === undefined || block === selected) return;
    selected = block;
    mark();
    showDetails();
  }

  function mark(): void {
    for (const side of sides) side.mark(selected);
  }

  function showDetails(): void {
    const block = selected;
    if (block === undefined) return;
    const facts = sides.map(({ looks }) => ({
      policy: looks.run.policy,
      facts: factsOf(history, looks, block, clock.frame),
      command: explainCommand(folder, looks.run.log, block),
    }));
    details.show(blockText(history, block), facts);
  }

  function hold(block: number | undefined): void {
    if (block === undefined) return;
    isHeld = !(isHeld && block === selected);
    select(block);
    root.classList.toggle('block-map-held', isHeld);
  }

  function letGo(): void {
    isHeld = false;
    root.classList.remove('block-map-held');
  }

  function onKey(event: KeyboardEvent): void {
    if (layout === undefined || event.altKey || event.metaKey) return;
    if (event.key === 'Escape') letGo();
    const step = STEPS[event.key];
    if (step !== undefined) {
      clock.set(clock.frame + step);
      event.preventDefault();
      return;
    }
    const block = blockByKey(layout, selected ?? layout.rows[0].firstBlock, event.key, event.ctrlKey);
    if (block === undefined) return;
    event.preventDefault();
    select(block);
  }

  for (const { canvas, blockAt } of sides) {
    const at = (event: PointerEvent | MouseEvent) => blockAt(event.clientX, event.clientY);
    canvas.addEventListener('pointermove', (event) => {
      if (!isHeld) select(at(event));
    });
    canvas.addEventListener('click', (event) => hold(at(event)));
    canvas.addEventListener('keydown', onKey);
    canvas.addEventListener('focus', () => select(selected ?? Math.max(0, memory.isTouched.indexOf(1))));
  }

  const paintSoon = oncePerFrame(paint);
  clock.subscribe(paintSoon);
  relayOnResize(maps, view, layOut);
  layOut();
  /** `repaint` paints everything again, in the current colours of the page. */
  return { repaint: layOut };
}

const STEPS: Readonly<Partial<Record<string, number>>> = { ',': -1, '.': 1 };

/** Makes the looks of a run when they are first needed: a page may never show it. */
function lazily(make: (run: number) => RunLooks): (run: number) => RunLooks {
  const made = new Map<number, RunLooks>();
  return (run) => {
    const looks = made.get(run) ?? make(run);
    made.set(run, looks);
    return looks;
  };
}

/** Does the work once per frame of the screen, even if it is asked for more often. */
function oncePerFrame(work: () => void): () => void {
  let isAsked = false;
  return () => {
    if (isAsked) return;
    isAsked = true;
    requestAnimationFrame(() => {
      isAsked = false;
      work();
    });
  };
}

/** Also if the window moves to a screen with another pixel ratio. */
function relayOnResize(
  element: HTMLElement,
  view: () => { width: number; scale: number },
  layOut: () => void,
): void {
  let last = view();
  const check = (): void => {
    const now = view();
    if (now.width === last.width && now.scale === last.scale) return;
    last = now;
    layOut();
  };
  new ResizeObserver(check).observe(element);
  window.addEventListener('resize', check);
}

function foldingBox(memory: MapMemory, onChange: () => void) {
  const element = make('label', 'block-map-folding');
  const box = make('input');
  box.type = 'checkbox';
  // The width of a common screen: the box must not change with the width of the window.
  box.checked = isMostlyUntouched(memory, { width: 560, scale: 1 });
  box.addEventListener('change', onChange);
  element.append(box, 'show only memory that a policy touched');
  element.hidden = !memory.isTouched.includes(1) || !memory.isTouched.includes(0);
  return { element, isFolded: () => box.checked };
}
