import { expect, it } from 'vitest';
import { failureMetrics } from './failures.ts';
import { measure, refused } from './testing.ts';

it('counts refusals by their reason', () => {
  const history = [
    refused(1, 2048, 'too-large'),
    refused(2, 1, 'out-of-memory'),
    refused(3, 4096, 'too-large'),
    refused(4, 1, 'would-sleep'),
  ];
  expect(measure(failureMetrics, history, { failedRequests: 4 })).toMatchObject({
    failures: 4,
    'failures-out-of-memory': 1,
    'failures-too-large': 2,
    'failures-would-sleep': 1,
    'failures-conversion-failed': 0,
  });
});
