import { expect, it } from 'vitest';
import { blockMetrics } from './blocks.ts';
import { conversionFailed, decrypted, encrypted, measure } from './testing.ts';

it('counts a block as shared from its first shared page to its last, and as mixed in between', () => {
  const history = [decrypted(512, 1), decrypted(513, 511), encrypted(512, 1), encrypted(513, 511)];
  const after = (events: number) => measure(blockMetrics, history.slice(0, events));
  expect(after(0)).toMatchObject({ 'blocks-now': 0, 'mixed-now': 0 });
  expect(after(1)).toMatchObject({ 'blocks-now': 1, 'mixed-now': 1 });
  expect(after(2)).toMatchObject({ 'blocks-now': 1, 'mixed-now': 0 });
  expect(after(3)).toMatchObject({ 'blocks-now': 1, 'mixed-now': 1 });
  expect(after(4)).toMatchObject({ 'blocks-now': 0, 'mixed-now': 0, 'blocks-peak': 1, 'mixed-peak': 1 });
});

it('counts every block that one conversion reaches into', () => {
  // Pages 500..1547: the end of block 0, all of blocks 1 and 2, the beginning of block 3.
  expect(measure(blockMetrics, [decrypted(500, 1048)])).toMatchObject({
    'blocks-now': 4,
    'blocks-peak': 4,
    'mixed-now': 2,
    'mixed-peak': 2,
  });
});

it('integrates the blocks that are shared over time, to the last event', () => {
  const SECOND = 1_000_000_000;
  const history = [
    decrypted(512, 1, SECOND), // none for 1 s
    decrypted(1024, 512, 2 * SECOND), // one for 1 s
    encrypted(1024, 511, 2.5 * SECOND), // two for half a second
    encrypted(1535, 1, 4 * SECOND), // two for 1.5 s: one page is enough
    encrypted(512, 1, 6 * SECOND), // one for 2 s
  ];
  expect(measure(blockMetrics, history)).toMatchObject({ 'block-seconds': 1 + 2 * 0.5 + 2 * 1.5 + 2 });
  expect(measure(blockMetrics, history.slice(0, 2))).toMatchObject({ 'block-seconds': 1 });
});

it('keeps the peaks, which need not be at one time', () => {
  const history = [
    decrypted(0, 1),
    decrypted(512, 1),
    encrypted(0, 1),
    encrypted(512, 1),
    decrypted(0, 1536),
  ];
  expect(measure(blockMetrics, history)).toMatchObject({
    'blocks-now': 3,
    'blocks-peak': 3,
    'mixed-now': 0,
    'mixed-peak': 2,
  });
});

it('counts pages whose conversion failed as shared, until they are known to be private', () => {
  const history = [
    conversionFailed(0, 512, 'decrypt'),
    conversionFailed(0, 8, 'encrypt'),
    encrypted(0, 8),
    encrypted(8, 504),
  ];
  const after = (events: number) => measure(blockMetrics, history.slice(0, events));
  expect(after(1)).toMatchObject({ 'blocks-now': 1, 'mixed-now': 0 });
  expect(after(2)).toMatchObject({ 'blocks-now': 1, 'mixed-now': 0 });
  expect(after(3)).toMatchObject({ 'blocks-now': 1, 'mixed-now': 1 });
  expect(after(4)).toMatchObject({ 'blocks-now': 0, 'mixed-now': 0 });
});
