import type { Geometry } from './geometry.ts';
import type { Pfn } from './units.ts';

/** Entries of a page-state-change list, and what a guest accepts at a time: one per aligned whole block, one per page of what remains at both ends. */
export function pageStateEntries(geometry: Geometry, start: Pfn, pages: number): number {
  const { pagesPerBlock } = geometry;
  const firstWhole = Math.ceil(start / pagesPerBlock);
  const endWhole = Math.floor((start + pages) / pagesPerBlock);
  const whole = Math.max(0, endWhole - firstWhole);
  return whole + (pages - whole * pagesPerBlock);
}
