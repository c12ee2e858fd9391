/** Small pictures of a cell, one for each look, drawn once and then copied. Looks differ in shape as well as in colour. */
import { KINDS, type Kind, kindOf, LOOKS, type Look, lookOf, type Mark, markOf } from './block-map-looks.ts';

export type MapColours = ReturnType<typeof coloursOf>;

/** The colours of the page now: light or dark, on a screen or on paper. */
export function coloursOf(root: HTMLElement) {
  // Read from an element: a canvas does not know var() and light-dark().
  const probe = document.createElement('span');
  probe.hidden = true;
  root.append(probe);
  const colour = (name: string) => {
    probe.style.color = `var(--map-${name})`;
    return getComputedStyle(probe).color;
  };
  const colours = {
    surface: colour('surface'),
    text: colour('label'),
    line: colour('fold'),
    font: getComputedStyle(root).fontFamily,
    kinds: Object.fromEntries(KINDS.map((kind) => [kind, colour(kind)])) as Record<Kind, string>,
    /** Inside of hollow and half filled cells. */
    idleInside: colour('idle-inside'),
    mixedInside: colour('mixed-inside'),
    bootDot: colour('boot-dot'),
  };
  probe.remove();
  return colours;
}

/** CSS pixels. Smaller cells have colours only. */
const SMALLEST_WITH_SHAPES = 6;
const SMALLEST_WITH_MARKS = 5;

/** `size`: device pixels. */
export function createSprites(colours: MapColours, size: number, scale: number) {
  const sheet = document.createElement('canvas');
  sheet.width = size * LOOKS;
  sheet.height = size;
  const context = contextOf(sheet);
  for (let look = 0; look < LOOKS; look++) {
    context.save();
    context.translate(look * size, 0);
    context.beginPath();
    context.rect(0, 0, size, size);
    context.clip();
    drawKind(kindOf(look));
    drawMark(kindOf(look), markOf(look));
    context.restore();
  }
  return {
    draw: (target: CanvasRenderingContext2D, look: Look, x: number, y: number) =>
      target.drawImage(sheet, look * size, 0, size, size, x, y, size, size),
  };

  function drawKind(kind: Kind): void {
    fill(colours.surface, 0, 0, size, size);
    const hasShapes = size >= SMALLEST_WITH_SHAPES * scale;
    const border = Math.max(1, Math.round(size / 5));
    if (kind === 'hole' && hasShapes) {
      dot(colours.kinds.hole, Math.round(size / 6));
      return;
    }
    fill(colours.kinds[kind], 0, 0, size, size);
    if (!hasShapes) return;
    if (kind === 'idle') {
      fill(colours.idleInside, border, border, size - 2 * border, size - 2 * border);
    } else if (kind === 'mixed') {
      const thin = Math.max(1, Math.round(size / 9));
      fill(colours.mixedInside, thin, thin, size - 2 * thin, Math.round(size / 2) - thin);
    } else if (kind === 'unknown') {
      line(border, [0, 0, size, size]);
      line(border, [0, size, size, 0]);
    }
  }

  function drawMark(kind: Kind, mark: Mark): void {
    // An unknown block has its cross only.
    if (size < SMALLEST_WITH_MARKS * scale || kind === 'unknown') return;
    if (mark === 'split') line(Math.max(1, size / 7), [0, size, size, 0]);
    if (mark === 'boot') dot(kind === 'boot' ? colours.bootDot : colours.surface, Math.round(size / 4));
  }

  function fill(colour: string, x: number, y: number, width: number, height: number): void {
    context.fillStyle = colour;
    context.fillRect(x, y, width, height);
  }

  /** A square in the middle of a cell. */
  function dot(colour: string, width: number): void {
    const side = Math.max(1, width);
    const start = Math.floor((size - side) / 2);
    fill(colour, start, start, side, side);
  }

  function line(width: number, [x0, y0, x1, y1]: readonly [number, number, number, number]): void {
    context.strokeStyle = colours.surface;
    context.lineWidth = width;
    context.beginPath();
    context.moveTo(x0, y0);
    context.lineTo(x1, y1);
    context.stroke();
  }
}

export function contextOf(canvas: HTMLCanvasElement): CanvasRenderingContext2D {
  const context = canvas.getContext('2d', { alpha: false });
  if (context === null) throw new Error('this browser has no 2D canvas');
  return context;
}

export function swatch(colours: MapColours, kind: Kind, mark: Mark): HTMLCanvasElement {
  const scale = window.devicePixelRatio;
  const size = Math.round(SWATCH * scale);
  const canvas = document.createElement('canvas');
  canvas.width = size;
  canvas.height = size;
  canvas.className = 'block-map-swatch';
  canvas.style.width = `${size / scale}px`;
  canvas.style.height = `${size / scale}px`;
  canvas.setAttribute('aria-hidden', 'true');
  createSprites(colours, size, scale).draw(contextOf(canvas), lookOf(kind, mark), 0, 0);
  return canvas;
}

/** CSS pixels. */
const SWATCH = 14;
