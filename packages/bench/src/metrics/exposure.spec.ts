import { expect, it } from 'vitest';
import { exposureMetrics } from './exposure.ts';
import {
  allocated,
  conversionFailed,
  decrypted,
  encrypted,
  freed,
  measure,
  objectAllocated,
  objectFreed,
  slabCreated,
} from './testing.ts';

const SECOND = 1_000_000_000;

it('integrates the bytes that are shared and in no allocation over time', () => {
  const history = [
    decrypted(0, 10, 0), // 10 idle for 1 s
    allocated(1, 0, 4, SECOND), // 6 idle for 2 s
    freed(1, 0, 4, 3 * SECOND), // 10 idle for half a second
    encrypted(0, 8, 3.5 * SECOND), // 2 idle to the end, which is now
  ];
  expect(measure(exposureMetrics, history)).toMatchObject({
    'shared-idle-byte-seconds': 4096 * (10 * 1 + 6 * 2 + 10 * 0.5),
    'shared-idle-peak': 4096 * 10,
    'shared-idle-now': 4096 * 2,
  });
});

it('does not count what comes and goes within one instant', () => {
  const history = [
    decrypted(0, 8, 0),
    allocated(1, 0, 8, 0),
    freed(1, 0, 8, SECOND),
    encrypted(0, 8, SECOND),
    decrypted(0, 1, 2 * SECOND),
  ];
  expect(measure(exposureMetrics, history.slice(0, 4))).toMatchObject({
    'shared-idle-peak': 0,
    'shared-idle-byte-seconds': 0,
  });
  expect(measure(exposureMetrics, history)).toMatchObject({ 'shared-idle-peak': 4096 });
});

it('finds nothing idle where allocations need not be shared', () => {
  expect(measure(exposureMetrics, [allocated(1, 0, 8, 0), freed(1, 0, 8, SECOND)])).toMatchObject({
    'shared-idle-peak': 0,
    'shared-idle-now': 0,
    'shared-idle-byte-seconds': 0,
  });
});

it('counts pages whose conversion failed as shared: what the host can read of them nobody knows', () => {
  const history = [
    conversionFailed(0, 8, 'decrypt', 0),
    encrypted(0, 8, SECOND),
    decrypted(0, 4, 2 * SECOND),
    allocated(1, 0, 4, 2 * SECOND),
    freed(1, 0, 4, 3 * SECOND),
    conversionFailed(0, 4, 'encrypt', 3 * SECOND),
  ];
  expect(measure(exposureMetrics, history)).toMatchObject({
    'shared-idle-byte-seconds': 4096 * 8,
    'shared-idle-peak': 4096 * 8,
    'shared-idle-now': 4096 * 4,
  });
});

it('counts bounce slots of the boot pool apart, as idle but for those that are taken, to the half page', () => {
  const history = [
    decrypted(0, 64, 0),
    slabCreated(0, 64, 2048),
    objectAllocated(1, 1, 3 * 2048, SECOND),
    objectFreed(1, 3 * SECOND),
  ];
  const pool = 64 * 4096;
  expect(measure(exposureMetrics, history)).toMatchObject({
    'shared-idle-peak': 0,
    'shared-idle-now': 0,
    'shared-idle-byte-seconds': 0,
    'bounce-pool-idle-mean': (pool + 2 * (pool - 3 * 2048)) / 3,
  });
});

it('counts a slab that a request made as in use, however few objects are in it', () => {
  const history = [
    decrypted(0, 1, 0),
    allocated(1, 0, 1, 0),
    slabCreated(0, 1, 256, 1),
    objectAllocated(1, 1, 256),
    objectFreed(1, SECOND),
    objectAllocated(2, 1, 256, 2 * SECOND),
  ];
  expect(measure(exposureMetrics, history)).toMatchObject({
    'shared-idle-peak': 0,
    'shared-idle-byte-seconds': 0,
  });
});

it('tells a failed call on a vmalloc address by its direction too', () => {
  const failed = (direction: 'decrypt' | 'encrypt') => ({
    ...conversionFailed(0, 8, direction),
    offset: 0,
  });
  expect(measure(exposureMetrics, [failed('decrypt')])).toMatchObject({ 'shared-idle-now': 8 * 4096 });
  expect(measure(exposureMetrics, [decrypted(0, 8), failed('encrypt')])).toMatchObject({
    'shared-idle-now': 8 * 4096,
  });
});
